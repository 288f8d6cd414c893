/**
 * Persistent reservations of one logical unit (SPC-4 5.13): what is registered and reserved, as a
 * value. A service action makes a new value of it, so that it takes effect, and is kept, as a whole.
 *
 * An I_T nexus is named by its initiator port. All of them end at the one target port of the target
 * core, so registrations for one target port and for all of them are the same.
 */
import type { FieldPointer } from "../../../scsi/sense.ts";
import type { SenseCode } from "../sense.ts";

/** TYPE (SPC-4 6.15.3.4). */
export const ReservationType = {
  WRITE_EXCLUSIVE: 1,
  EXCLUSIVE_ACCESS: 3,
  WRITE_EXCLUSIVE_REGISTRANTS_ONLY: 5,
  EXCLUSIVE_ACCESS_REGISTRANTS_ONLY: 6,
  WRITE_EXCLUSIVE_ALL_REGISTRANTS: 7,
  EXCLUSIVE_ACCESS_ALL_REGISTRANTS: 8,
} as const;

const TYPES: readonly number[] = Object.values(ReservationType);

/** What a command does, as far as reservations look at it. */
export type Access =
  /** Allowed whoever has reserved. */
  | "always"
  /** Conflicts with exclusive access only. */
  | "read"
  /** Conflicts with every reservation of another. */
  | "write";

export interface Registration {
  /** Not 0. */
  readonly key: bigint;
  /** It was made with ALL_TG_PT. */
  readonly allTargetPorts: boolean;
}

export interface Reservation {
  readonly type: number;
  /** The initiator port that holds it; undefined for the all registrants types. */
  readonly holder: string | undefined;
}

export interface ReservationState {
  /** PRGENERATION. */
  readonly generation: number;
  /** By initiator port. */
  readonly registrations: ReadonlyMap<string, Registration>;
  /** Its holder is registered. */
  readonly reservation: Reservation | undefined;
  /** The last APTPL: all of this is kept over loss of power. */
  readonly persistent: boolean;
}

export const NO_RESERVATIONS: ReservationState = {
  generation: 0,
  registrations: new Map(),
  reservation: undefined,
  persistent: false,
};

/** A unit attention for the nexuses of an initiator port. */
export interface PortAttention {
  readonly initiator_port: string;
  readonly sense: SenseCode;
}

/** What a service action does. */
export interface Change {
  readonly state: ReservationState;
  readonly attentions: readonly PortAttention[];
  /** Initiator ports that were preempted, where their commands are to be aborted. */
  readonly aborted: readonly string[];
}

/** Why a service action does nothing: RESERVATION CONFLICT, or CHECK CONDITION with a sense code. */
export interface Refusal {
  readonly refused: "conflict" | SenseCode;
  readonly field?: FieldPointer;
}

export const CONFLICT: Refusal = { refused: "conflict" };

export function isReservationType(type: number): boolean {
  return TYPES.includes(type);
}

export function isAllRegistrants(type: number): boolean {
  return type === ReservationType.WRITE_EXCLUSIVE_ALL_REGISTRANTS ||
    type === ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS;
}

/** Whether registered nexuses may do all that the holder may. */
export function isForRegistrants(type: number): boolean {
  return type >= ReservationType.WRITE_EXCLUSIVE_REGISTRANTS_ONLY;
}

export function isExclusiveAccess(type: number): boolean {
  return type === ReservationType.EXCLUSIVE_ACCESS ||
    type === ReservationType.EXCLUSIVE_ACCESS_REGISTRANTS_ONLY ||
    type === ReservationType.EXCLUSIVE_ACCESS_ALL_REGISTRANTS;
}

/** Whether a port is a persistent reservation holder (SPC-4 5.13.10). */
export function isHolder(state: ReservationState, initiator_port: string): boolean {
  const { reservation, registrations } = state;
  if (reservation === undefined) return false;
  if (isAllRegistrants(reservation.type)) return registrations.has(initiator_port);
  return reservation.holder === initiator_port;
}

/** The reservation that a port makes. */
export function reservationOf(type: number, initiator_port: string): Reservation {
  return { type, holder: isAllRegistrants(type) ? undefined : initiator_port };
}

/** Whether a command of a port conflicts with the reservation (SPC-4 tables 65 and 66). */
export function conflicts(
  state: ReservationState,
  initiator_port: string,
  access: Access,
): boolean {
  const { reservation } = state;
  if (reservation === undefined || access === "always") return false;
  if (isHolder(state, initiator_port)) return false;
  if (isForRegistrants(reservation.type) && state.registrations.has(initiator_port)) return false;
  return access === "write" || isExclusiveAccess(reservation.type);
}

/** The next PRGENERATION (SPC-4 6.15.2): a 32-bit counter. */
export function nextGeneration(state: ReservationState): number {
  return (state.generation + 1) >>> 0;
}

/** Nothing changes, and the command ends well. */
export function unchanged(state: ReservationState): Change {
  return { state, attentions: [], aborted: [] };
}

/** The same unit attention for all registered ports but those left out. */
export function attentionFor(
  state: ReservationState,
  sense: SenseCode,
  leftOut: (initiator_port: string) => boolean,
): PortAttention[] {
  return [...state.registrations.keys()]
    .filter((initiator_port) => !leftOut(initiator_port))
    .map((initiator_port) => ({ initiator_port, sense }));
}
