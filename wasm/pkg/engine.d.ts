/* tslint:disable */
/* eslint-disable */

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly arena_allocate: (a: number, b: number) => number;
    readonly arena_free: (a: number, b: number, c: number) => number;
    readonly arena_init: (a: number, b: number, c: number) => number;
    readonly arena_state_length: (a: number) => number;
    readonly copy: (a: number, b: number, c: number) => number;
    readonly crc32c: (a: number, b: number, c: number) => number;
    readonly engine_batch_offset: () => number;
    readonly engine_compare: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly engine_complete: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => number;
    readonly engine_configure: (a: number, b: number, c: number, d: number) => number;
    readonly engine_fill_zero: (a: number, b: number, c: number, d: number) => number;
    readonly engine_gather: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly engine_heap_base: () => number;
    readonly engine_init: (a: number, b: number, c: number, d: number) => number;
    readonly engine_publish: (a: number) => number;
    readonly engine_release: (a: number, b: number) => number;
    readonly engine_reset: (a: number) => number;
    readonly engine_scatter: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly engine_slots_offset: () => number;
    readonly engine_state_length: () => number;
    readonly engine_version: () => number;
    readonly engine_walk: (a: number, b: number) => number;
    readonly is_zero: (a: number, b: number) => number;
    readonly protection_check: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => number;
    readonly protection_generate: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput, memory?: WebAssembly.Memory }} module - Passing `SyncInitInput` directly is deprecated.
 * @param {WebAssembly.Memory} memory - Deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput, memory?: WebAssembly.Memory } | SyncInitInput, memory?: WebAssembly.Memory): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput>, memory?: WebAssembly.Memory }} module_or_path - Passing `InitInput` directly is deprecated.
 * @param {WebAssembly.Memory} memory - Deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput>, memory?: WebAssembly.Memory } | InitInput | Promise<InitInput>, memory?: WebAssembly.Memory): Promise<InitOutput>;
