/** What the WASM engine exports; documented in `wasm/engine/README.md`. Addresses are linear. */
export interface EngineExports {
  engine_state_length(): number;
  engine_slots_offset(): number;
  engine_batch_offset(): number;
  engine_init(state: number, stateLength: number, ring: number, ringLength: number): number;
  engine_reset(state: number): void;
  engine_configure(
    state: number,
    blockLength: number,
    blockCount: number,
    deviceFlags: number,
  ): void;
  engine_walk(state: number, max: number): number;
  engine_release(state: number, slot: number): number;
  engine_complete(
    state: number,
    slot: number,
    status: number,
    readLength: number,
    flags: number,
    senseAddress: number,
    senseLength: number,
  ): number;
  engine_publish(state: number): number;
  engine_gather(
    state: number,
    slot: number,
    offset: number,
    destination: number,
    length: number,
  ): number;
  engine_scatter(
    state: number,
    slot: number,
    offset: number,
    source: number,
    length: number,
  ): number;
  engine_fill_zero(state: number, slot: number, offset: number, length: number): number;
  engine_compare(
    state: number,
    slot: number,
    offset: number,
    source: number,
    length: number,
  ): number;
  arena_state_length(length: number): number;
  arena_init(arena: number, base: number, length: number): number;
  arena_allocate(arena: number, length: number): number;
  arena_free(arena: number, address: number, length: number): number;
  copy(destination: number, source: number, length: number): number;
  crc32c(address: number, length: number, seed: number): number;
  is_zero(address: number, length: number): number;
  protection_generate(
    data: number,
    information: number,
    blocks: number,
    blockLength: number,
    referenceTag: number,
    checks: number,
  ): number;
  protection_check(
    data: number,
    information: number,
    blocks: number,
    blockLength: number,
    referenceTag: number,
    applicationTag: number,
    checks: number,
  ): number;
}
