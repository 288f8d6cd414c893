/** RESERVE, RELEASE and CLEAR (SPC-4 5.13.9, 5.13.11.2.2, 5.13.11.2.7). */
import { Sense } from "../sense.ts";
import type { ReserveRequest } from "./request.ts";
import {
  attentionFor,
  type Change,
  CONFLICT,
  isForRegistrants,
  isHolder,
  isReservationType,
  nextGeneration,
  type Refusal,
  reservationOf,
  type ReservationState,
  unchanged,
} from "./state.ts";

/** LU_SCOPE: the only one there is (SPC-4 6.15.3.3). */
const LU_SCOPE = 0;

/** Refuses a SCOPE or TYPE that is not implemented (SPC-4 6.16.1). */
export function checkScopeAndType({ scope, type }: ReserveRequest): Refusal | undefined {
  if (scope !== LU_SCOPE) return invalidCdb(7);
  return isReservationType(type) ? undefined : invalidCdb(3);
}

function invalidCdb(bit: number): Refusal {
  return {
    refused: Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB,
    field: { inCdb: true, byte: 2, bit },
  };
}

export function reserve(state: ReservationState, request: ReserveRequest): Change | Refusal {
  const { initiator_port, type } = request;
  const { reservation } = state;
  if (reservation === undefined) {
    return {
      state: { ...state, reservation: reservationOf(type, initiator_port) },
      attentions: [],
      aborted: [],
    };
  }
  // A holder may repeat it, and not change it.
  return isHolder(state, initiator_port) && reservation.type === type ? unchanged(state) : CONFLICT;
}

export function release(state: ReservationState, request: ReserveRequest): Change | Refusal {
  const { initiator_port, type } = request;
  const { reservation } = state;
  if (reservation === undefined || !isHolder(state, initiator_port)) return unchanged(state);
  if (reservation.type !== type) {
    return { refused: Sense.INVALID_RELEASE_OF_PERSISTENT_RESERVATION };
  }
  const attentions = isForRegistrants(type)
    ? attentionFor(state, Sense.ATTENTION_RESERVATIONS_RELEASED, (port) => port === initiator_port)
    : [];
  return { state: { ...state, reservation: undefined }, attentions, aborted: [] };
}

export function clear(state: ReservationState, { initiator_port }: ReserveRequest): Change {
  return {
    state: {
      generation: nextGeneration(state),
      registrations: new Map(),
      reservation: undefined,
      persistent: state.persistent,
    },
    attentions: attentionFor(
      state,
      Sense.ATTENTION_RESERVATIONS_PREEMPTED,
      (port) => port === initiator_port,
    ),
    aborted: [],
  };
}
