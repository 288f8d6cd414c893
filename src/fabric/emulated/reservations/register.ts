/** REGISTER, and REGISTER AND IGNORE EXISTING KEY (SPC-4 5.13.7, 5.13.11.2.3). */
import { REGISTRATION_COUNT_MAX } from "../limits.ts";
import { Sense } from "../sense.ts";
import { invalidParameter } from "./parameter_list.ts";
import type { ReserveRequest } from "./request.ts";
import {
  attentionFor,
  type Change,
  CONFLICT,
  isAllRegistrants,
  isForRegistrants,
  nextGeneration,
  type Refusal,
  type Registration,
  type Reservation,
  type ReservationState,
  unchanged,
} from "./state.ts";
import { portsOf } from "./transport_id.ts";

export const INSUFFICIENT_RESOURCES: Refusal = {
  refused: Sense.INSUFFICIENT_REGISTRATION_RESOURCES,
};

/** Table 67; with `ignoreKey` table 68. */
export function register(
  state: ReservationState,
  request: ReserveRequest,
  ignoreKey: boolean,
): Change | Refusal {
  const { initiator_port, list } = request;
  const existing = state.registrations.get(initiator_port);
  if (!ignoreKey && list.key !== (existing?.key ?? 0n)) return CONFLICT;
  // SPEC_I_PT is for nexuses that register for the first time.
  if (existing !== undefined && list.specified) return invalidParameter(20, 3);
  if (list.actionKey !== 0n) return enter(state, request);
  return existing === undefined ? unchanged(state) : unregister(state, request);
}

/** Registers, or registers again, without an effect on the reservation. */
function enter(state: ReservationState, request: ReserveRequest): Change | Refusal {
  const { initiator_port, list } = request;
  const registration: Registration = { key: list.actionKey, allTargetPorts: list.allTargetPorts };
  const registrations = new Map(state.registrations);
  registrations.set(initiator_port, registration);
  for (const id of list.transportIds) {
    const ports = portsOf(id, request.knownPorts());
    if (ports.length === 0) return invalidParameter(28);
    for (const port of ports) {
      // Footnote b: none of them may be registered. The sender itself just was.
      if (state.registrations.has(port)) return invalidParameter(28);
      registrations.set(port, registration);
    }
  }
  if (registrations.size > REGISTRATION_COUNT_MAX) return INSUFFICIENT_RESOURCES;
  return {
    state: {
      generation: nextGeneration(state),
      registrations,
      reservation: state.reservation,
      persistent: list.persist,
    },
    attentions: [],
    aborted: [],
  };
}

function unregister(state: ReservationState, request: ReserveRequest): Change {
  const { initiator_port, list } = request;
  const registrations = new Map(state.registrations);
  registrations.delete(initiator_port);
  const reservation = reservationWithout(state.reservation, registrations);
  const next: ReservationState = {
    generation: nextGeneration(state),
    registrations,
    reservation,
    persistent: list.persist,
  };
  const released = state.reservation !== undefined && reservation === undefined;
  const told = released && isForRegistrants((state.reservation as Reservation).type);
  const attentions = told
    ? attentionFor(next, Sense.ATTENTION_RESERVATIONS_RELEASED, () => false)
    : [];
  return { state: next, attentions, aborted: [] };
}

/** What becomes of a reservation where only these are registered any more (SPC-4 table 71). */
export function reservationWithout(
  reservation: Reservation | undefined,
  registrations: ReadonlyMap<string, Registration>,
): Reservation | undefined {
  if (reservation === undefined) return undefined;
  const kept = isAllRegistrants(reservation.type)
    ? registrations.size > 0
    : reservation.holder !== undefined && registrations.has(reservation.holder);
  return kept ? reservation : undefined;
}
