/** PREEMPT, and PREEMPT AND ABORT (SPC-4 5.13.11.2.4 to 5.13.11.2.6). */
import { Sense } from "../sense.ts";
import { invalidParameter } from "./parameter_list.ts";
import { reservationWithout } from "./register.ts";
import type { ReserveRequest } from "./request.ts";
import { checkScopeAndType } from "./reserve.ts";
import {
  attentionFor,
  type Change,
  CONFLICT,
  isAllRegistrants,
  nextGeneration,
  type Refusal,
  type Reservation,
  reservationOf,
  type ReservationState,
} from "./state.ts";

/** Table 72. */
export function preempt(
  state: ReservationState,
  request: ReserveRequest,
  abort: boolean,
): Change | Refusal {
  const { actionKey } = request.list;
  const { reservation } = state;
  const all = reservation !== undefined && isAllRegistrants(reservation.type);
  if (actionKey === 0n && !all) return invalidParameter(8);
  if (reservation !== undefined && identifiesHolder(state, reservation, actionKey)) {
    return checkScopeAndType(request) ?? replace(state, reservation, request, abort);
  }
  return removeRegistrations(state, request, abort);
}

/** Zero stands for all holders of an all registrants type; else it is the holder's key. */
function identifiesHolder(
  { registrations }: ReservationState,
  reservation: Reservation,
  key: bigint,
): boolean {
  if (isAllRegistrants(reservation.type)) return key === 0n;
  return reservation.holder !== undefined && registrations.get(reservation.holder)?.key === key;
}

/** Preempts the reservation and removes registrations, but for the sender's (5.13.11.2.4.3). */
function replace(
  state: ReservationState,
  old: Reservation,
  request: ReserveRequest,
  abort: boolean,
): Change {
  const { initiator_port, list, type } = request;
  const preempted = portsWith(state, list.actionKey);
  const removed = preempted.filter((port) => port !== initiator_port);
  const next: ReservationState = {
    ...without(state, removed),
    reservation: reservationOf(type, initiator_port),
  };
  const released = old.type === type ? [] : attentionFor(
    next,
    Sense.ATTENTION_RESERVATIONS_RELEASED,
    (port) => port === initiator_port,
  );
  return {
    state: next,
    attentions: [...lost(removed), ...released],
    aborted: abort ? preempted : [],
  };
}

/** Removes registrations, the sender's too where it has that key (5.13.11.2.5). */
function removeRegistrations(
  state: ReservationState,
  { initiator_port, list }: ReserveRequest,
  abort: boolean,
): Change | Refusal {
  const removed = portsWith(state, list.actionKey);
  if (removed.length === 0) return CONFLICT;
  return {
    state: without(state, removed),
    attentions: lost(removed.filter((port) => port !== initiator_port)),
    aborted: abort ? removed : [],
  };
}

/** Ports registered with a key; all of them for zero. */
function portsWith({ registrations }: ReservationState, key: bigint): string[] {
  const ports: string[] = [];
  for (const [port, registration] of registrations) {
    if (key === 0n || registration.key === key) ports.push(port);
  }
  return ports;
}

function without(state: ReservationState, removed: readonly string[]): ReservationState {
  const registrations = new Map(state.registrations);
  for (const port of removed) registrations.delete(port);
  return {
    generation: nextGeneration(state),
    registrations,
    reservation: reservationWithout(state.reservation, registrations),
    persistent: state.persistent,
  };
}

function lost(ports: readonly string[]): Change["attentions"] {
  return ports.map((initiator_port) => ({
    initiator_port,
    sense: Sense.ATTENTION_REGISTRATIONS_PREEMPTED,
  }));
}
