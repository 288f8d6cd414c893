/** Persistent reservations as they are kept over loss of power (SPC-4 5.13.5.1). */
import { INITIATOR_PORT_LENGTH_MAX, REGISTRATION_COUNT_MAX } from "../limits.ts";
import {
  isAllRegistrants,
  isReservationType,
  NO_RESERVATIONS,
  type Registration,
  type Reservation,
  type ReservationState,
} from "./state.ts";

/** Names the part in a `StateStore`. */
export const RESERVATIONS_PART = "reservations";
const VERSION = 1;
const KEY = /^[0-9a-f]{16}$/;

/**
 * What was kept cannot be read. To serve without it would let through writes that a reservation was
 * made to keep out.
 */
export class SavedReservationsError extends Error {
  override readonly name = "SavedReservationsError";

  constructor(reason: string) {
    super(
      `Cannot restore persistent reservations: ${reason}. Bring the unit's state back from a ` +
        `backup, or delete its part "${RESERVATIONS_PART}" and have the initiators register again`,
    );
  }
}

/** JSON of a state; null where nothing is to be kept. */
export function saveReservations(state: ReservationState): unknown {
  if (!state.persistent) return null;
  const registrations = [...state.registrations].map(([initiator_port, registration]) => ({
    initiator_port,
    key: registration.key.toString(16).padStart(16, "0"),
    all_target_ports: registration.allTargetPorts,
  }));
  const { reservation } = state;
  return {
    version: VERSION,
    registrations,
    reservation: reservation === undefined
      ? null
      : { type: reservation.type, holder: reservation.holder ?? null },
  };
}

/** The state that was kept. PRGENERATION begins at 0 again (SPC-4 6.15.2). Throws where it is bad. */
export function restoreReservations(saved: unknown): ReservationState {
  if (saved === undefined || saved === null) return NO_RESERVATIONS;
  const { version, registrations, reservation } = fields(saved);
  if (version !== VERSION) throw new SavedReservationsError("its version is not known");
  const restored = restoreRegistrations(registrations);
  return {
    generation: 0,
    registrations: restored,
    reservation: restoreReservation(reservation, restored),
    persistent: true,
  };
}

function fields(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SavedReservationsError("a part of it is no object");
  }
  return value as Record<string, unknown>;
}

function restoreRegistrations(value: unknown): Map<string, Registration> {
  if (!Array.isArray(value) || value.length > REGISTRATION_COUNT_MAX) {
    throw new SavedReservationsError("its registrations are no list, or too many");
  }
  const registrations = new Map<string, Registration>();
  for (const entry of value) {
    const { initiator_port, key, all_target_ports } = fields(entry);
    const named = typeof initiator_port === "string" && isPortName(initiator_port);
    if (!named || registrations.has(initiator_port)) {
      throw new SavedReservationsError("a registration has no name of its own");
    }
    if (typeof key !== "string" || !KEY.test(key) || BigInt(`0x${key}`) === 0n) {
      throw new SavedReservationsError("a registration has no key");
    }
    registrations.set(initiator_port, {
      key: BigInt(`0x${key}`),
      allTargetPorts: all_target_ports === true,
    });
  }
  return registrations;
}

function isPortName(name: string): boolean {
  const { length } = new TextEncoder().encode(name);
  return length > 0 && length <= INITIATOR_PORT_LENGTH_MAX;
}

function restoreReservation(
  value: unknown,
  registrations: ReadonlyMap<string, Registration>,
): Reservation | undefined {
  if (value === undefined || value === null) return undefined;
  const { type, holder } = fields(value);
  if (typeof type !== "number" || !isReservationType(type)) {
    throw new SavedReservationsError("its reservation has no type");
  }
  if (isAllRegistrants(type)) {
    if (registrations.size === 0) throw new SavedReservationsError("nobody holds its reservation");
    return { type, holder: undefined };
  }
  if (typeof holder !== "string" || !registrations.has(holder)) {
    throw new SavedReservationsError("nobody holds its reservation");
  }
  return { type, holder };
}
