/** What a page of vital product data is (SPC-4 7.8); lists are in `spc/`, `sbc/` and `copy/`. */
import type { LogicalUnit } from "./logical_unit.ts";

export interface VitalProductPage {
  readonly code: number;
  readonly title: string;
  /** Whether the unit has it; absent: always. */
  supported?(unit: LogicalUnit): boolean;
  /** What follows the header of four bytes. */
  build(unit: LogicalUnit): Uint8Array;
}
