/** What a range of blocks must hold: every write goes to the unit and to an array. */
import { same } from "./check.ts";
import type { Session } from "./session.ts";

export class Model {
  readonly #session: Session;
  readonly #first: number;
  readonly #block_length: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  private constructor(session: Session, first: number, bytes: Uint8Array, block_length: number) {
    this.#session = session;
    this.#first = first;
    this.#bytes = new Uint8Array(bytes);
    this.#block_length = block_length;
  }

  /** Of blocks as they are now. */
  static async of(session: Session, first: number, blocks: number): Promise<Model> {
    const { block_length } = await session.capacity();
    return new Model(session, first, await session.read(first, blocks), block_length);
  }

  #range(lba: number, length: number): [number, number] {
    const begin = (lba - this.#first) * this.#block_length;
    return [begin, begin + length];
  }

  /** Blocks that the model has. */
  get blocks(): number {
    return this.#bytes.length / this.#block_length;
  }

  /** Writes, and keeps it in mind once it is acknowledged. */
  async write(lba: number, bytes: Uint8Array, fua = false, session = this.#session): Promise<void> {
    await session.write(lba, bytes, fua);
    this.#bytes.set(bytes, this.#range(lba, 0)[0]);
  }

  /** The blocks are zeros from now on. */
  zero(lba: number, blocks: number): void {
    this.#bytes.fill(0, ...this.#range(lba, blocks * this.#block_length));
  }

  /** Reads, and throws at the first difference. */
  async expect(
    what: string,
    lba = this.#first,
    blocks = this.blocks,
    session = this.#session,
  ): Promise<void> {
    const found = await session.read(lba, blocks);
    const expected = this.#bytes.subarray(...this.#range(lba, blocks * this.#block_length));
    same(found, expected, lba, this.#block_length, what);
  }
}
