/** The self-check: writes a pattern through iSCSI, reads it back, compares. */
import { Initiator } from "../fabric/iscsi/initiator.ts";
import { OperatorError } from "../daemon/error.ts";

const CHUNK_LENGTH = 1 << 20;

/** What was checked. */
export interface SelfCheckResult {
  readonly bytes: number;
  readonly write_ms: number;
  readonly read_ms: number;
}

function cdb10(operationCode: number, lba: number, blocks: number): Uint8Array {
  const cdb = new Uint8Array(10);
  const view = new DataView(cdb.buffer);
  cdb[0] = operationCode;
  view.setUint32(2, lba);
  view.setUint16(7, blocks);
  return cdb;
}

/** A block pattern that says where it belongs: bytes in the wrong place are seen. */
export function fillPattern(bytes: Uint8Array, offset: number, seed: number): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  let state = (offset ^ seed) >>> 0 || 1;
  for (let index = 0; index < words.length; index++) {
    // xorshift32: fast, and every block differs from every other.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
}

async function execute(
  initiator: Initiator,
  what: string,
  cdb: Uint8Array,
  dataOut?: Uint8Array,
  data_in_length?: number,
): Promise<Uint8Array> {
  for (let attempt = 0; attempt < 8; attempt++) {
    const result = await initiator.execute(0, cdb, dataOut, data_in_length);
    if (result.status === 0) return result.dataIn;
    // UNIT ATTENTION: a new nexus is told once that there was a reset.
    const key = result.sense.length > 2 ? result.sense[2] & 0x0f : 0;
    if (result.status === 2 && key === 6) continue;
    throw new OperatorError(
      "failed",
      `Self-check: ${what} ended with status ${result.status}, sense key ${key}`,
    );
  }
  throw new OperatorError("failed", `Self-check: ${what} meets unit attentions without end`);
}

/**
 * Writes `bytes` (whole MiB) to LUN 0 of a target, flushes, reads back and compares. Throws an
 * {@linkcode OperatorError} at the first difference.
 */
export async function selfCheck(
  portal: { readonly hostname: string; readonly port: number },
  target: string,
  bytes: number,
  progress: (part: number) => void,
): Promise<SelfCheckResult> {
  const name = "iqn.2026-01.dev.lunette:self-check";
  const initiator = await Initiator.connect(portal, name, target);
  try {
    const capacity = await execute(initiator, "READ CAPACITY", cdb10(0x25, 0, 0), undefined, 8);
    const block_length = new DataView(capacity.buffer, capacity.byteOffset).getUint32(4);
    const blocks = CHUNK_LENGTH / block_length;
    const pattern = new Uint8Array(CHUNK_LENGTH);
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    const began_ms = performance.now();
    for (let offset = 0; offset < bytes; offset += CHUNK_LENGTH) {
      fillPattern(pattern, offset, seed);
      await execute(initiator, "WRITE", cdb10(0x2a, offset / block_length, blocks), pattern);
      progress(offset / bytes / 2);
    }
    await execute(initiator, "SYNCHRONIZE CACHE", cdb10(0x35, 0, 0));
    const written_ms = performance.now();
    for (let offset = 0; offset < bytes; offset += CHUNK_LENGTH) {
      fillPattern(pattern, offset, seed);
      const cdb = cdb10(0x28, offset / block_length, blocks);
      compare(await execute(initiator, "READ", cdb, undefined, CHUNK_LENGTH), pattern, offset);
      progress(0.5 + offset / bytes / 2);
    }
    const write_ms = written_ms - began_ms;
    return { bytes, write_ms, read_ms: performance.now() - written_ms };
  } finally {
    await initiator.close().catch(() => {});
  }
}

function compare(read: Uint8Array, written: Uint8Array, offset: number): void {
  if (read.length === written.length) {
    let index = 0;
    while (index < read.length && read[index] === written[index]) index++;
    if (index === read.length) return;
    throw new OperatorError("failed", `Self-check: byte ${offset + index} is not what was written`);
  }
  throw new OperatorError("failed", `Self-check: a read gave ${read.length} bytes`);
}
