/** An emulated ring as the device sees it: a memfd over a window of the engine's memory. */
import type { Clock, RingTransport } from "../../engine/ports.ts";
import { closeDescriptor } from "../../sys/descriptor.ts";
import { FileCalls } from "../../sys/file.ts";
import { errno, libc } from "../../sys/libc.ts";
import { addressOf, makeMemfd, mapWindow, unmapWindow } from "../../sys/mapping.ts";
import { EmulatedRing } from "./ring.ts";
import { checkSizes, ringLength, type RingSettings } from "./ring_options.ts";

/**
 * The other side of a ring without a kernel. `ring` is there from `map` to `unmap`.
 */
export class EmulatedTransport implements RingTransport {
  readonly length_bytes: number;
  readonly #settings: RingSettings;
  readonly #clock: Clock;
  readonly #wake: () => void;
  #fd = -1;
  #ring: EmulatedRing | undefined;

  /**
   * `wake` is called when there is something in the ring; it may be called from inside `doorbell`
   * and shall only note it. Throws a RangeError for sizes that are not those of a ring.
   */
  constructor(settings: RingSettings, clock: Clock, wake: () => void) {
    checkSizes(settings);
    this.#settings = settings;
    this.#clock = clock;
    this.#wake = wake;
    this.length_bytes = ringLength(settings);
  }

  /** The kernel's side. Throws where the ring is not mapped. */
  get ring(): EmulatedRing {
    if (this.#ring === undefined) throw new Error("assertion: the ring is not mapped");
    return this.#ring;
  }

  map(memory: ArrayBuffer, offset: number): void {
    if (this.#ring !== undefined) throw new Error("assertion: the ring is mapped already");
    const fd = makeMemfd("lunette-ring", this.length_bytes);
    try {
      mapWindow(memory, offset, this.length_bytes, fd);
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
    this.#fd = fd;
    const files = new FileCalls(libc, errno);
    this.#ring = new EmulatedRing({
      ...this.#settings,
      memory,
      offset,
      address: addressOf(memory),
      clock: this.#clock,
      wake: this.#wake,
      reclaim: (start, length) => files.punchHole(fd, start, length),
    });
  }

  unmap(memory: ArrayBuffer, offset: number): void {
    if (this.#ring === undefined) return;
    this.#ring.close();
    this.#ring = undefined;
    unmapWindow(memory, offset, this.length_bytes);
    closeDescriptor(this.#fd);
    this.#fd = -1;
  }

  acknowledge(): void {
    // There is no descriptor: `wake` tells the device, on the same thread.
  }

  doorbell(): void {
    this.ring.doorbell();
  }
}
