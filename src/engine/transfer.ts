import type { Transfer } from "./ports.ts";

/** The one Transfer object of a slot; the device fills it in before each `submit`. */
export class SlotTransfer implements Transfer {
  readonly tag: number;
  operation = 0;
  offset_bytes = 0;
  length_bytes = 0;
  fua = false;
  unmap = false;
  replay = true;
  iov_address = 0;
  iov_count = 0;

  constructor(tag: number) {
    this.tag = tag;
  }
}
