/** PERSISTENT RESERVE IN (SPC-4 6.15). */
import { writeUint16, writeUint32 } from "../../../scsi/big_endian.ts";
import { isHolder, type ReservationState, ReservationType } from "./state.ts";
import { encodeTransportId } from "./transport_id.ts";

const HEADER_LENGTH = 8;
/** A full status descriptor before its TransportID. */
const STATUS_LENGTH = 24;

/** Service actions (SPC-4 table 201). */
const ReserveIn = {
  READ_KEYS: 0,
  READ_RESERVATION: 1,
  REPORT_CAPABILITIES: 2,
  READ_FULL_STATUS: 3,
} as const;

/** What is reported beside the state. */
export interface ReserveInContext {
  readonly canPersist: boolean;
  readonly relative_target_port: number;
}

/** The parameter data of a service action, as long as it is; undefined for one that is not there. */
export function reserveIn(
  state: ReservationState,
  serviceAction: number,
  context: ReserveInContext,
): Uint8Array | undefined {
  switch (serviceAction) {
    case ReserveIn.READ_KEYS:
      return readKeys(state);
    case ReserveIn.READ_RESERVATION:
      return readReservation(state);
    case ReserveIn.REPORT_CAPABILITIES:
      return reportCapabilities(state, context);
    case ReserveIn.READ_FULL_STATUS:
      return readFullStatus(state, context);
    default:
      return undefined;
  }
}

/** PRGENERATION and ADDITIONAL LENGTH, then room for that. */
function begin(state: ReservationState, additional_length: number): Uint8Array {
  const data = new Uint8Array(HEADER_LENGTH + additional_length);
  writeUint32(data, 0, state.generation);
  writeUint32(data, 4, additional_length);
  return data;
}

function writeKey(data: Uint8Array, offset: number, key: bigint): void {
  new DataView(data.buffer).setBigUint64(offset, key);
}

/** SPC-4 6.15.2. */
function readKeys(state: ReservationState): Uint8Array {
  const data = begin(state, 8 * state.registrations.size);
  let offset = HEADER_LENGTH;
  for (const { key } of state.registrations.values()) {
    writeKey(data, offset, key);
    offset += 8;
  }
  return data;
}

/** SPC-4 6.15.3: the key of an all registrants type is zero. */
function readReservation(state: ReservationState): Uint8Array {
  const { reservation, registrations } = state;
  if (reservation === undefined) return begin(state, 0);
  const data = begin(state, 16);
  if (reservation.holder !== undefined) {
    writeKey(data, HEADER_LENGTH, registrations.get(reservation.holder)?.key ?? 0n);
  }
  data[HEADER_LENGTH + 13] = reservation.type;
  return data;
}

/** SPC-4 6.15.4. */
function reportCapabilities(
  { persistent }: ReservationState,
  { canPersist }: ReserveInContext,
): Uint8Array {
  const data = new Uint8Array(8);
  writeUint16(data, 0, data.length);
  // CRH, SIP_C, ATP_C.
  data[2] = 0x10 | 0x08 | 0x04 | (canPersist ? 0x01 : 0);
  // TMV; ALLOW COMMANDS 100b: TEST UNIT READY and RECEIVE COPY RESULTS pass, MODE SENSE and the
  // like pass write exclusive types.
  data[3] = 0x80 | 0x40 | (persistent ? 0x01 : 0);
  const types = Object.values(ReservationType).reduce((mask, type) => mask | 1 << type, 0);
  data[4] = types & 0xff;
  data[5] = types >>> 8;
  return data;
}

/** SPC-4 6.15.5. */
function readFullStatus(state: ReservationState, context: ReserveInContext): Uint8Array {
  const descriptors: Uint8Array[] = [];
  let length = 0;
  for (const port of state.registrations.keys()) {
    const descriptor = statusOf(state, port, context);
    descriptors.push(descriptor);
    length += descriptor.length;
  }
  const data = begin(state, length);
  let offset = HEADER_LENGTH;
  for (const descriptor of descriptors) {
    data.set(descriptor, offset);
    offset += descriptor.length;
  }
  return data;
}

function statusOf(state: ReservationState, port: string, context: ReserveInContext): Uint8Array {
  const id = encodeTransportId(port);
  const data = new Uint8Array(STATUS_LENGTH + id.length);
  const registration = state.registrations.get(port);
  writeKey(data, 0, registration?.key ?? 0n);
  const holder = isHolder(state, port);
  data[12] = (registration?.allTargetPorts ? 0x02 : 0) | (holder ? 0x01 : 0);
  if (holder) data[13] = state.reservation?.type ?? 0;
  writeUint16(data, 18, context.relative_target_port);
  writeUint32(data, 20, id.length);
  data.set(id, STATUS_LENGTH);
  return data;
}
