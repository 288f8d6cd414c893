/**
 * An example to copy: a RAM disk that answers two SCSI commands of its own, which its manifest
 * claims. All other commands are emulated on `read` and `write`.
 *
 * @module
 */
import type { CommandResult, Configuration, Context, Volume } from "lunette/plugin";

const ECHO = 0xc1;
const READ_GREETING = 0xc2;
const CHECK_CONDITION = 2;
const ILLEGAL_REQUEST = 5;
const INVALID_FIELD_IN_CDB = 0x24;
const COUNTER_LENGTH = 4;

/** CHECK CONDITION with sense data in fixed format (SPC-4 4.5.3). */
function refuse(key: number, code: number, qualifier = 0): CommandResult {
  const sense = new Uint8Array(18);
  sense[0] = 0x70;
  sense[2] = key;
  sense[7] = sense.length - 8;
  sense[12] = code;
  sense[13] = qualifier;
  return { status: CHECK_CONDITION, sense };
}

/** Called once. The configuration was checked against the schema in handler.json. */
export function open(context: Context, configuration: Configuration): Volume {
  const blocks = context.memory("blocks");
  const greeting = new TextEncoder().encode(configuration.greeting as string);
  let echoes = 0;

  /** Sends back how many echoes there were, big-endian, then what came, as far as there is room. */
  function echo(dataOut: Uint8Array, dataIn: Uint8Array): CommandResult {
    const answer = new Uint8Array(COUNTER_LENGTH + dataOut.length);
    new DataView(answer.buffer).setUint32(0, ++echoes);
    answer.set(dataOut, COUNTER_LENGTH);
    const valid = answer.subarray(0, dataIn.length);
    dataIn.set(valid);
    // Less than the initiator has room for is its residual.
    return { dataInLength: valid.length };
  }

  /** ALLOCATION LENGTH, in bytes 7 and 8, limits the answer; byte 1 is reserved. */
  function readGreeting(cdb: Uint8Array, dataIn: Uint8Array): CommandResult {
    if (cdb[1] !== 0) return refuse(ILLEGAL_REQUEST, INVALID_FIELD_IN_CDB);
    const allocation_length = cdb[7] * 256 + cdb[8];
    const valid = greeting.subarray(0, Math.min(allocation_length, dataIn.length));
    dataIn.set(valid);
    return { dataInLength: valid.length };
  }

  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),

    // Gets the commands that handler.json claims, and no others.
    command(cdb, dataOut, dataIn) {
      switch (cdb[0]) {
        case ECHO:
          return echo(dataOut, dataIn);
        case READ_GREETING:
          return readGreeting(cdb, dataIn);
        default:
          throw new Error(`operation code ${cdb[0]} was not claimed`);
      }
    },
  };
}
