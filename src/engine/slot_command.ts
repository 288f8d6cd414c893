import {
  CDB_LENGTH_MAX,
  SLOT_ALLOCATION_LENGTH_OFFSET,
  SLOT_BIDI_LENGTH_OFFSET,
  SLOT_BUFFER_LENGTH_OFFSET,
  SLOT_CDB_LENGTH_OFFSET,
  SLOT_CDB_OFFSET,
  SLOT_CLASS_OFFSET,
  SLOT_FLAGS_OFFSET,
  SLOT_LBA_OFFSET,
  SLOT_LENGTH_BLOCKS_OFFSET,
  SLOT_LENGTH_BYTES_OFFSET,
  SLOT_OFFSET_BYTES_OFFSET,
  SLOT_OPERATION_CODE_OFFSET,
  SLOT_SENSE_OFFSET,
  SLOT_SERVICE_ACTION_OFFSET,
} from "../abi/engine.ts";
import type { CommandView } from "../scsi/command.ts";
import type { Engine } from "./engine.ts";

/** A slot record as the device server sees it: nothing is copied but what is asked for. */
export class SlotCommand implements CommandView {
  readonly #engine: Engine;
  readonly #address: number;
  readonly cdb: Uint8Array;

  constructor(engine: Engine, slot: number) {
    this.#engine = engine;
    this.#address = engine.slotAddress(slot);
    this.cdb = new Uint8Array(engine.buffer, this.#address + SLOT_CDB_OFFSET, CDB_LENGTH_MAX);
  }
  #word(offset: number): number {
    return this.#engine.words[(this.#address + offset) >>> 2];
  }
  #double(offset: number): number {
    return this.#engine.doubles[(this.#address + offset) >>> 3];
  }
  get operationCode(): number {
    return this.#engine.bytes[this.#address + SLOT_OPERATION_CODE_OFFSET];
  }
  get serviceAction(): number {
    return this.#engine.halves[(this.#address + SLOT_SERVICE_ACTION_OFFSET) >>> 1];
  }
  get commandClass(): number {
    return this.#engine.bytes[this.#address + SLOT_CLASS_OFFSET];
  }
  get cdbLength(): number {
    return this.#engine.bytes[this.#address + SLOT_CDB_LENGTH_OFFSET];
  }
  get sense(): number {
    return this.#word(SLOT_SENSE_OFFSET);
  }
  get flags(): number {
    return this.#word(SLOT_FLAGS_OFFSET);
  }
  get lba(): number {
    return this.#double(SLOT_LBA_OFFSET);
  }
  get offset_bytes(): number {
    return this.#double(SLOT_OFFSET_BYTES_OFFSET);
  }
  get length_blocks(): number {
    return this.#word(SLOT_LENGTH_BLOCKS_OFFSET);
  }
  get length_bytes(): number {
    return this.#word(SLOT_LENGTH_BYTES_OFFSET);
  }
  get buffer_length(): number {
    return this.#word(SLOT_BUFFER_LENGTH_OFFSET);
  }
  get bidi_length(): number {
    return this.#word(SLOT_BIDI_LENGTH_OFFSET);
  }
  get allocation_length(): number {
    return this.#word(SLOT_ALLOCATION_LENGTH_OFFSET);
  }
}
