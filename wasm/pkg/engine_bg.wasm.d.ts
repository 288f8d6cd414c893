/* tslint:disable */
/* eslint-disable */
export const engine_heap_base: () => number;
export const engine_version: () => number;
export const load_head: (a: number) => number;
