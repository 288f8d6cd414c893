/** How binary layouts are described. Each is declared once, here, and generated into TypeScript and Rust. */

/** Little-endian field types. */
export type FieldType = "u8" | "u16" | "u32" | "u64" | "i32" | "f64";

export const FIELD_SIZE: Readonly<Record<FieldType, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  f64: 8,
};

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly offset: number;
  /** Number of elements of an array; absent for a single value. */
  readonly count?: number;
  readonly comment: string;
  /** Path of the member in the C struct that it must agree with, for the header check. */
  readonly c?: string;
}

export interface Struct {
  readonly name: string;
  readonly comment: string;
  readonly size: number;
  readonly fields: readonly Field[];
  /** The C struct that it must agree with in size and offsets. */
  readonly c?: string;
}

export interface Constant {
  readonly name: string;
  readonly value: number;
  readonly comment: string;
  /** The C macro or enumerator with the same value. */
  readonly c?: string;
}

export interface Layout {
  readonly name: string;
  /** Where it comes from: a kernel file, or the module that owns it. */
  readonly source: string;
  /** Header for the check against a C compiler. */
  readonly header?: string;
  readonly constants: readonly Constant[];
  readonly structs: readonly Struct[];
}
