/**
 * Initiator ports whose nexus was lost: a logical unit tells them so when they come again, and not
 * that the power was on (SAM-5 6.3.4, 6.2).
 */
import { LOST_NEXUS_COUNT_MAX } from "./limits.ts";

export class LostNexuses<Unit extends WeakKey> {
  /** Units that had told a port of all resets, by port; the port that was lost last is at the end. */
  readonly #units = new Map<string, WeakSet<Unit>>();

  /** A nexus is lost; `units` are those that owe it nothing but the loss. */
  remember(initiator_port: string, units: readonly Unit[]): void {
    this.#units.delete(initiator_port);
    if (this.#units.size >= LOST_NEXUS_COUNT_MAX) {
      for (const oldest of this.#units.keys()) {
        this.#units.delete(oldest);
        break;
      }
    }
    this.#units.set(initiator_port, new WeakSet(units));
  }

  /** Takes what is known of a port that comes. */
  take(initiator_port: string): { has(unit: Unit): boolean } | undefined {
    const units = this.#units.get(initiator_port);
    this.#units.delete(initiator_port);
    return units;
  }

  /** A unit was reset: those that are away will not hear of it otherwise. */
  forget(unit: Unit): void {
    for (const units of this.#units.values()) units.delete(unit);
  }
}
