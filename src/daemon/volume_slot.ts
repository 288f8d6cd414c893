/** The volume that a handler in thread has opened, while it may be replaced by another. */
import type { PresentPages } from "../sys/present_pages.ts";
import type { VolumeBackend } from "../backend/volume_backend.ts";
import type { ThreadVolume } from "./thread_handler.ts";

export class VolumeSlot {
  /** Calls the handler; absent where nobody does, since the volume is a file. */
  backend: VolumeBackend | undefined;
  #volume: ThreadVolume;

  constructor(volume: ThreadVolume) {
    this.#volume = volume;
  }

  get volume(): ThreadVolume {
    return this.#volume;
  }

  /** Which pages of the volume's memory hold data. */
  get pages(): PresentPages | undefined {
    return this.#volume.pages;
  }

  /** Serves another volume from now on. Nothing is in flight. */
  replace(volume: ThreadVolume): void {
    this.backend?.replace(volume.volume);
    this.#volume.release();
    this.#volume = volume;
  }

  /** Gives the volume's mappings back. */
  release(): void {
    this.#volume.release();
  }
}
