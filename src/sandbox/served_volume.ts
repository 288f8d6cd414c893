/** The volume of a handler: as its process opened it, and as initiators were told of it. */
import type { VolumeFeatures } from "../engine/ports.ts";
import type { ClaimedCommand } from "../scsi/logical_unit.ts";
import { GuestError } from "./guest_error.ts";
import type { Service } from "./ring_side.ts";
import {
  differenceOf,
  featuresOf,
  sameFeatures,
  type VolumeDescription,
} from "./volume_description.ts";

/** See the module. */
export class ServedVolume {
  readonly #claims: readonly ClaimedCommand[];
  /** As it was opened last. */
  #description: VolumeDescription;
  /** As initiators were told of it. */
  #told: VolumeDescription;

  constructor(description: VolumeDescription, claims: readonly ClaimedCommand[]) {
    this.#description = description;
    this.#told = description;
    this.#claims = claims;
  }

  /** As it was opened last. */
  get description(): VolumeDescription {
    return this.#description;
  }

  get features(): VolumeFeatures {
    return featuresOf(this.#description, this.#claims);
  }

  /** Its process has given it another size. */
  resized(size_bytes: number): void {
    this.#description = { ...this.#description, size: size_bytes };
  }

  /** Takes a volume that was opened for the one that initiators know. Throws GuestError. */
  take(opened: VolumeDescription, size_bytes: number): void {
    const difference = differenceOf(opened, { ...this.#description, size: size_bytes });
    if (difference !== undefined) {
      throw new GuestError(`The handler opened another volume than before: ${difference}`);
    }
    this.#description = opened;
  }

  /** The process that opened it otherwise is gone. */
  putBack(description: VolumeDescription): void {
    this.#description = description;
  }

  /** What initiators are told of it now. */
  tell(): Pick<Service, "size_bytes" | "features"> {
    const { features } = this;
    const isNew = !sameFeatures(this.#description, this.#told);
    this.#told = this.#description;
    return { size_bytes: features.size_bytes, ...(isNew ? { features } : {}) };
  }
}
