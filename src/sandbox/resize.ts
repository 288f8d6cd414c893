/** Gives a volume that is served another size: by its handler, or by the handler's next process. */
import { GrantError, type Grants } from "./grants.ts";
import { GuestError } from "./guest_error.ts";
import type { LogSink } from "./log_pipe.ts";
import type { Replacement } from "./replacement.ts";
import { VOLUME_SIZE_MAX, type VolumeDescription } from "./volume_description.ts";

/** What a resize needs of the supervisor. */
export interface ResizeParts {
  readonly grants: Grants;
  readonly log: LogSink;
  /** Lets the process make files of this size. */
  limitFiles(size_bytes: number): void;
  /** Waits for a restart that is under way; whether the handler serves. */
  settled(): Promise<boolean>;
  /** `Supervisor.replace`. */
  replace(replacement: Replacement): Promise<void>;
  /** The volume as it was opened last. */
  description(): VolumeDescription;
  /** The volume has this size now, and its process stays. */
  resized(size_bytes: number): void;
}

/** See the module. */
export class VolumeResize {
  readonly #parts: ResizeParts;
  /** The handler is resizing its volume to this: a process that starts now may have either size. */
  #asked_bytes: number | undefined;
  #isUnderWay = false;

  constructor(parts: ResizeParts) {
    this.#parts = parts;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Whether the handler is asked for this size now. */
  isAsked(size_bytes: number): boolean {
    return this.#asked_bytes === size_bytes;
  }

  /** A process starts: it may have died in the middle, and left files of the new size. */
  refresh(): void {
    if (this.#asked_bytes !== undefined) this.#parts.grants.refresh();
  }

  /** `Supervisor.resize`. */
  async run(size_bytes: number, ask: () => Promise<boolean>): Promise<void> {
    const { blockSize, size } = this.#parts.description();
    const whole = Number.isInteger(size_bytes) && size_bytes > 0 && size_bytes % blockSize === 0;
    if (!whole || size_bytes > VOLUME_SIZE_MAX) {
      throw new GrantError(
        `The volume cannot have ${size_bytes} bytes`,
        `Give a positive multiple of ${blockSize}, at most 8 PiB.`,
      );
    }
    if (this.#isUnderWay) throw new GrantError("The volume is being resized", "Try again later.");
    this.#isUnderWay = true;
    try {
      if (!await this.#parts.settled()) {
        throw new GrantError("The handler does not serve now", "Try again when it does.");
      }
      if (size_bytes === size) return;
      if (this.#parts.description().resize) await this.#byHandler(size_bytes, ask);
      else await this.#byRestart(size_bytes);
    } finally {
      this.#isUnderWay = false;
    }
    this.#parts.log("info", `The volume has ${size_bytes} bytes now`);
  }

  async #byHandler(size_bytes: number, ask: () => Promise<boolean>): Promise<void> {
    this.#asked_bytes = size_bytes;
    try {
      this.#parts.limitFiles(size_bytes);
      if (!(await ask())) {
        throw new GuestError(`The handler did not resize its volume to ${size_bytes} bytes`);
      }
      // A process that died after it was done is being replaced.
      await this.#parts.settled();
      this.#parts.resized(size_bytes);
    } finally {
      this.#asked_bytes = undefined;
      this.#parts.grants.refresh();
    }
  }

  async #byRestart(size_bytes: number): Promise<void> {
    // Throws before anything is interrupted; what grows does nobody harm.
    const change = this.#parts.grants.resize(size_bytes);
    try {
      await this.#parts.replace({
        reason: "its volume is being resized",
        apply: () => {},
        size_bytes,
        commit: () => change.commit(),
        undo: () => this.#putBack(change),
      });
    } finally {
      await this.#parts.settled();
    }
  }

  #putBack(change: { undo(): void }): void {
    try {
      change.undo();
    } catch (error) {
      this.#parts.log("error", `What has grown cannot be cut back: ${error}`);
    }
  }
}
