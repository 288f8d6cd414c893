/** PERSISTENT RESERVE OUT (SPC-4 6.16): from a CDB and a parameter list to a change, or none. */
import { readUint32 } from "../../../scsi/big_endian.ts";
import { RESERVE_OUT_LENGTH_MAX } from "../limits.ts";
import { Sense } from "../sense.ts";
import { registerAndMove } from "./move.ts";
import { invalidParameter, parseParameterList, ReserveOut } from "./parameter_list.ts";
import { preempt } from "./preempt.ts";
import { register } from "./register.ts";
import type { ReserveRequest } from "./request.ts";
import { checkScopeAndType, clear, release, reserve } from "./reserve.ts";
import { type Change, CONFLICT, type Refusal, type ReservationState } from "./state.ts";

/** The surroundings of a command. */
export interface ReserveOutContext {
  readonly initiator_port: string;
  readonly knownPorts: () => Iterable<string>;
  readonly relative_target_port: number;
  /** Whether there is something to keep reservations with over loss of power. */
  readonly canPersist: boolean;
}

/** PARAMETER LIST LENGTH. */
export function reserveOutLength(cdb: Uint8Array): number {
  return readUint32(cdb, 5);
}

/** Performs a command with the parameter list that came with it. */
export function reserveOut(
  state: ReservationState,
  cdb: Uint8Array,
  parameters: Uint8Array,
  context: ReserveOutContext,
): Change | Refusal {
  const serviceAction = cdb[1] & 0x1f;
  if (serviceAction > ReserveOut.REGISTER_AND_MOVE) {
    const field = { inCdb: true, byte: 1, bit: 4 };
    return { refused: Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB, field };
  }
  const length = reserveOutLength(cdb);
  if (length > RESERVE_OUT_LENGTH_MAX) {
    return { refused: Sense.PARAMETER_LIST_LENGTH_ERROR, field: { inCdb: true, byte: 5 } };
  }
  const list = parseParameterList(serviceAction, length, parameters);
  if ("refused" in list) return list;
  const { initiator_port, knownPorts, relative_target_port } = context;
  const [scope, type] = [cdb[2] >>> 4, cdb[2] & 0x0f];
  const request = { initiator_port, list, scope, type, knownPorts, relative_target_port };
  if (list.persist && !context.canPersist && takesPersist(serviceAction)) {
    return serviceAction === ReserveOut.REGISTER_AND_MOVE
      ? invalidParameter(17, 0)
      : invalidParameter(20, 0);
  }
  return perform(state, serviceAction, request);
}

/** Whether APTPL counts (SPC-4 table 216). */
function takesPersist(serviceAction: number): boolean {
  return serviceAction === ReserveOut.REGISTER ||
    serviceAction === ReserveOut.REGISTER_AND_IGNORE_EXISTING_KEY ||
    serviceAction === ReserveOut.REGISTER_AND_MOVE;
}

function perform(
  state: ReservationState,
  serviceAction: number,
  request: ReserveRequest,
): Change | Refusal {
  if (serviceAction === ReserveOut.REGISTER) return register(state, request, false);
  if (serviceAction === ReserveOut.REGISTER_AND_IGNORE_EXISTING_KEY) {
    return register(state, request, true);
  }
  // SPC-4 5.13.7, 6.16.3: all others are for registered nexuses that know their key.
  const registration = state.registrations.get(request.initiator_port);
  if (registration === undefined || registration.key !== request.list.key) return CONFLICT;
  switch (serviceAction) {
    case ReserveOut.RESERVE:
      return checkScopeAndType(request) ?? reserve(state, request);
    case ReserveOut.RELEASE:
      return checkScopeAndType(request) ?? release(state, request);
    case ReserveOut.CLEAR:
      return clear(state, request);
    case ReserveOut.REGISTER_AND_MOVE:
      return registerAndMove(state, request);
    default:
      return preempt(state, request, serviceAction === ReserveOut.PREEMPT_AND_ABORT);
  }
}
