/** Login requests and responses on the wire (RFC 7143 11.12, 11.13). */
import type { Connection } from "./connection.ts";
import { type LoginReply, LoginStatus } from "./login.ts";
import { formatIsid } from "./name.ts";
import { Bhs, get16, get32, LoginPdu, Opcode, put16, put32 } from "./pdu.ts";
import { Disposition, type Pdu } from "./receive.ts";
import { ControlPdu } from "./transmit.ts";

/** A PDU before full feature phase: only login requests are taken (RFC 7143 6.3). */
export function handleLogin(connection: Connection, opcode: number, pdu: Pdu): number {
  if (opcode !== Opcode.LOGIN_REQUEST) {
    connection.breach(`operation code 0x${opcode.toString(16)} before login`);
    return Disposition.CLOSED;
  }
  const { bytes, at } = pdu;
  const flags = bytes[at + Bhs.FLAGS];
  connection.login_cmd_sn = get32(bytes, at + Bhs.CMD_SN);
  if (connection.login.identity === undefined && connection.stat_sn === 0) {
    // What the initiator expects is as good a beginning as any, and some insist on it.
    connection.stat_sn = get32(bytes, at + Bhs.EXP_STAT_SN);
  }
  const reply = connection.login.request({
    transit: (flags & LoginPdu.TRANSIT_BIT) !== 0,
    continued: (flags & LoginPdu.CONTINUE_BIT) !== 0,
    csg: flags >>> 2 & 3,
    nsg: flags & 3,
    version_min: bytes[at + LoginPdu.VERSION_MIN],
    isid: formatIsid(bytes.subarray(at + LoginPdu.ISID, at + LoginPdu.ISID + 6)),
    tsih: get16(bytes, at + LoginPdu.TSIH),
    cid: get16(bytes, at + LoginPdu.CID),
    text: bytes.slice(pdu.data_at, pdu.data_at + pdu.data_length),
  });
  respond(connection, pdu, reply);
  return Disposition.DONE;
}

function respond(connection: Connection, pdu: Pdu, reply: LoginReply): void {
  const { bytes, at } = pdu;
  const flags = (reply.transit ? LoginPdu.TRANSIT_BIT : 0) | reply.csg << 2 | reply.nsg;
  const response = new ControlPdu(Opcode.LOGIN_RESPONSE, flags);
  const { bhs } = response;
  // Version-max and version-active stay 0.
  bhs.set(bytes.subarray(at + LoginPdu.ISID, at + LoginPdu.ISID + 6), LoginPdu.ISID);
  const tsih = connection.session?.tsih ?? get16(bytes, at + LoginPdu.TSIH);
  put16(bhs, LoginPdu.TSIH, tsih);
  put32(bhs, Bhs.INITIATOR_TASK_TAG, get32(bytes, at + Bhs.INITIATOR_TASK_TAG));
  put16(bhs, LoginPdu.STATUS_CLASS, reply.status);
  response.data = reply.text as Uint8Array<ArrayBuffer>;
  response.plain = true;
  if (reply.status !== LoginStatus.SUCCESS) {
    response.closing = true;
    connection.statistics.logins_failed++;
    connection.owner.log(`iSCSI: ${connection.label}: login refused: ${reply.reason}`);
    connection.loggedOut();
  }
  connection.transmitter.pushControl(response);
}
