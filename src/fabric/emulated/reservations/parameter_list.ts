/** Parameter lists of PERSISTENT RESERVE OUT (SPC-4 6.16.3, 6.16.4): bytes of a stranger. */
import { readUint16, readUint32 } from "../../../scsi/big_endian.ts";
import { Sense } from "../sense.ts";
import type { Refusal } from "./state.ts";
import { decodeTransportId, type TransportId } from "./transport_id.ts";

/** Service actions (SPC-4 6.16.2). */
export const ReserveOut = {
  REGISTER: 0x00,
  RESERVE: 0x01,
  RELEASE: 0x02,
  CLEAR: 0x03,
  PREEMPT: 0x04,
  PREEMPT_AND_ABORT: 0x05,
  REGISTER_AND_IGNORE_EXISTING_KEY: 0x06,
  REGISTER_AND_MOVE: 0x07,
} as const;

const BASIC_LENGTH = 24;
/** With TRANSPORTID PARAMETER DATA LENGTH. */
const SPECIFIED_LENGTH = 28;
const TRANSPORT_ID_LENGTH_MIN = 24;
/** Where PARAMETER LIST LENGTH stands in the CDB. */
const LENGTH_FIELD = { inCdb: true, byte: 5 } as const;

export interface ParameterList {
  /** RESERVATION KEY. */
  readonly key: bigint;
  /** SERVICE ACTION RESERVATION KEY. */
  readonly actionKey: bigint;
  /** APTPL. */
  readonly persist: boolean;
  readonly allTargetPorts: boolean;
  /** SPEC_I_PT. */
  readonly specified: boolean;
  readonly unregister: boolean;
  readonly relative_target_port: number;
  readonly transportIds: readonly TransportId[];
}

const LENGTH_ERROR: Refusal = {
  refused: Sense.PARAMETER_LIST_LENGTH_ERROR,
  field: LENGTH_FIELD,
};

/** INVALID FIELD IN PARAMETER LIST, with where it is. */
export function invalidParameter(byte: number, bit?: number): Refusal {
  const field = bit === undefined ? { inCdb: false, byte } : { inCdb: false, byte, bit };
  return { refused: Sense.INVALID_FIELD_IN_PARAMETER_LIST, field };
}

/** Reads a list; `list_length` is PARAMETER LIST LENGTH, `bytes` what came of it. */
export function parseParameterList(
  serviceAction: number,
  list_length: number,
  bytes: Uint8Array,
): ParameterList | Refusal {
  if (bytes.length < list_length || list_length < BASIC_LENGTH) return LENGTH_ERROR;
  const list = bytes.subarray(0, list_length);
  return serviceAction === ReserveOut.REGISTER_AND_MOVE
    ? parseMove(list)
    : parseBasic(serviceAction, list);
}

function keyAt(list: Uint8Array, offset: number): bigint {
  return new DataView(list.buffer, list.byteOffset, list.length).getBigUint64(offset);
}

function parseBasic(serviceAction: number, list: Uint8Array): ParameterList | Refusal {
  const specified = (list[20] & 0x08) !== 0;
  if (specified && serviceAction !== ReserveOut.REGISTER) return invalidParameter(20, 3);
  if (!specified && list.length !== BASIC_LENGTH) return LENGTH_ERROR;
  const transportIds = specified ? parseSpecified(list) : [];
  if ("refused" in transportIds) return transportIds;
  return {
    key: keyAt(list, 0),
    actionKey: keyAt(list, 8),
    persist: (list[20] & 0x01) !== 0,
    allTargetPorts: (list[20] & 0x04) !== 0,
    specified,
    unregister: false,
    relative_target_port: 0,
    transportIds,
  };
}

function parseSpecified(list: Uint8Array): TransportId[] | Refusal {
  if (list.length < SPECIFIED_LENGTH) return LENGTH_ERROR;
  const end = SPECIFIED_LENGTH + readUint32(list, BASIC_LENGTH);
  if (end > list.length) return LENGTH_ERROR;
  const ids: TransportId[] = [];
  for (let offset = SPECIFIED_LENGTH; offset < end;) {
    const id = decodeTransportId(list, offset, end);
    if (id === undefined) return invalidParameter(offset);
    ids.push(id);
    offset += id.length;
  }
  return ids;
}

function parseMove(list: Uint8Array): ParameterList | Refusal {
  const length = readUint32(list, 20);
  if (BASIC_LENGTH + length > list.length) return LENGTH_ERROR;
  if (length < TRANSPORT_ID_LENGTH_MIN || length % 4 !== 0) return invalidParameter(20);
  const id = decodeTransportId(list, BASIC_LENGTH, BASIC_LENGTH + length);
  if (id === undefined || id.length !== length) return invalidParameter(BASIC_LENGTH);
  return {
    key: keyAt(list, 0),
    actionKey: keyAt(list, 8),
    persist: (list[17] & 0x01) !== 0,
    allTargetPorts: false,
    specified: false,
    unregister: (list[17] & 0x02) !== 0,
    relative_target_port: readUint16(list, 18),
    transportIds: [id],
  };
}
