/* tslint:disable */
/* eslint-disable */
export const arena_allocate: (a: number, b: number) => number;
export const arena_free: (a: number, b: number, c: number) => number;
export const arena_init: (a: number, b: number, c: number) => number;
export const arena_state_length: (a: number) => number;
export const copy: (a: number, b: number, c: number) => number;
export const crc32c: (a: number, b: number, c: number) => number;
export const engine_batch_offset: () => number;
export const engine_compare: (a: number, b: number, c: number, d: number, e: number) => number;
export const engine_complete: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => number;
export const engine_configure: (a: number, b: number, c: number, d: number) => number;
export const engine_fill_zero: (a: number, b: number, c: number, d: number) => number;
export const engine_gather: (a: number, b: number, c: number, d: number, e: number) => number;
export const engine_heap_base: () => number;
export const engine_init: (a: number, b: number, c: number, d: number) => number;
export const engine_publish: (a: number) => number;
export const engine_release: (a: number, b: number) => number;
export const engine_reset: (a: number) => number;
export const engine_scatter: (a: number, b: number, c: number, d: number, e: number) => number;
export const engine_slots_offset: () => number;
export const engine_state_length: () => number;
export const engine_version: () => number;
export const engine_walk: (a: number, b: number) => number;
export const is_zero: (a: number, b: number) => number;
export const protection_check: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => number;
export const protection_generate: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
