/** REGISTER AND MOVE (SPC-4 5.13.8). */
import { REGISTRATION_COUNT_MAX } from "../limits.ts";
import { Sense } from "../sense.ts";
import { invalidParameter } from "./parameter_list.ts";
import { INSUFFICIENT_RESOURCES } from "./register.ts";
import type { ReserveRequest } from "./request.ts";
import {
  type Change,
  CONFLICT,
  isAllRegistrants,
  isHolder,
  nextGeneration,
  type Refusal,
  reservationOf,
  type ReservationState,
} from "./state.ts";
import { portsOf } from "./transport_id.ts";

/** Registers another nexus and makes it the holder. The sender is registered with the right key. */
export function registerAndMove(
  state: ReservationState,
  request: ReserveRequest,
): Change | Refusal {
  const { initiator_port, list } = request;
  const { reservation } = state;
  if (reservation === undefined) {
    const field = { inCdb: true, byte: 1, bit: 4 };
    return { refused: Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB, field };
  }
  if (!isHolder(state, initiator_port) || isAllRegistrants(reservation.type)) return CONFLICT;
  if (list.actionKey === 0n) return invalidParameter(8);
  if (list.relative_target_port !== request.relative_target_port) return invalidParameter(18);
  // A device with several ports, or with none that is known, is no place to move to.
  const ports = portsOf(list.transportIds[0], request.knownPorts());
  if (ports.length !== 1 || ports[0] === initiator_port) return invalidParameter(24);
  const [destination] = ports;
  const registrations = new Map(state.registrations);
  registrations.set(destination, { key: list.actionKey, allTargetPorts: false });
  if (list.unregister) registrations.delete(initiator_port);
  if (registrations.size > REGISTRATION_COUNT_MAX) return INSUFFICIENT_RESOURCES;
  return {
    state: {
      generation: nextGeneration(state),
      registrations,
      reservation: reservationOf(reservation.type, destination),
      persistent: list.persist,
    },
    attentions: [],
    aborted: [],
  };
}
