/**
 * A LUN as an initiator uses it: blocks are read, written and flushed over iSCSI.
 *
 * @module
 */
import { type CommandResult, Initiator } from "../../src/fabric/iscsi/initiator.ts";

/** Length of a block in bytes. */
export const BLOCK_LENGTH = 512;
const UNIT_ATTENTION = 6;

/** A command that did not end GOOD. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

function sense(result: CommandResult): string {
  const [key, code, qualifier] = [result.sense[2] & 15, result.sense[12], result.sense[13]];
  const hex = (value: number | undefined) => (value ?? 0).toString(16).padStart(2, "0");
  return `status ${hex(result.status)}h, sense ${key}/${hex(code)}/${hex(qualifier)}`;
}

/** See the module. */
export class Disk implements AsyncDisposable {
  readonly #initiator: Initiator;
  readonly #lun: number;

  static async open(at: { port: number; target: string; lun: number }): Promise<Disk> {
    const portal = { hostname: "127.0.0.1", port: at.port };
    const initiator = await Initiator.connect(portal, "iqn.2025-01.test:sandbox", at.target);
    return new Disk(initiator, at.lun);
  }

  private constructor(initiator: Initiator, lun: number) {
    this.#initiator = initiator;
    this.#lun = lun;
  }

  async #run(cdb: number[], dataOut?: Uint8Array, data_in_length = 0): Promise<Uint8Array> {
    for (let tries = 0;; tries++) {
      const bytes = new Uint8Array(cdb);
      const result = await this.#initiator.execute(this.#lun, bytes, dataOut, data_in_length);
      if (result.status === 0) return result.dataIn;
      const attention = result.status === 2 && (result.sense[2] & 15) === UNIT_ATTENTION;
      if (!attention || tries > 8) throw new CommandError(sense(result));
    }
  }

  /** READ(10). */
  async read(block: number, count: number): Promise<Uint8Array> {
    const length = count * BLOCK_LENGTH;
    const data = await this.#run(
      [0x28, 0, ...be32(block), 0, ...be16(count), 0],
      undefined,
      length,
    );
    if (data.length !== length) throw new CommandError(`${data.length} bytes of ${length} came`);
    return data;
  }

  /** WRITE(10). */
  async write(block: number, data: Uint8Array): Promise<void> {
    await this.#run([0x2a, 0, ...be32(block), 0, ...be16(data.length / BLOCK_LENGTH), 0], data);
  }

  /** SYNCHRONIZE CACHE(10). */
  async flush(): Promise<void> {
    await this.#run([0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  }

  /** TEST UNIT READY. */
  async ready(): Promise<void> {
    await this.#run([0, 0, 0, 0, 0, 0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A target that is gone cannot be logged out of.
    await this.#initiator.close().catch(() => {});
  }
}

function be32(value: number): number[] {
  return [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
}

function be16(value: number): number[] {
  return [value >> 8, value & 255];
}
