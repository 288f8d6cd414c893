/**
 * A small iSCSI initiator, for the self-check of the demo and for tests: one session, one connection,
 * one command at a time, no digests. It waits through Deno's event loop, so it must not run on the
 * ring thread.
 *
 * @module
 */
import {
  Bhs,
  BHS_LENGTH,
  CommandPdu,
  DataPdu,
  FINAL_BIT,
  get24,
  get32,
  IMMEDIATE_BIT,
  LoginPdu,
  Opcode,
  OPCODE_MASK,
  padding,
  put16,
  put24,
  put32,
  R2tPdu,
  RESERVED_TAG,
  ResponsePdu,
} from "./pdu.ts";

/** Longest data segment either side sends here. */
const SEGMENT_LENGTH_MAX = 262144;

/** The target did not do what RFC 7143 says, or refused. */
export class InitiatorError extends Error {
  override readonly name = "InitiatorError";
}

/** How a command ended. */
export interface CommandResult {
  readonly status: number;
  /** Sense data; empty if none. */
  readonly sense: Uint8Array;
  readonly dataIn: Uint8Array;
}

interface Pdu {
  readonly header: Uint8Array;
  readonly data: Uint8Array;
}

function text(pairs: Readonly<Record<string, string>>): Uint8Array {
  const lines = Object.entries(pairs).map(([key, value]) => `${key}=${value}\0`);
  return new TextEncoder().encode(lines.join(""));
}

export class Initiator {
  readonly #connection: Deno.TcpConn;
  /** Random form (RFC 7143 11.12.5): another session of the same name is not taken for this one. */
  readonly #isid = crypto.getRandomValues(new Uint8Array(6));
  #commandNumber = 1;
  #expectedStatus = 0;
  #tag = 1;
  /** MaxRecvDataSegmentLength of the target: 8192 unless it says otherwise (RFC 7143 13.12). */
  #segmentLength = 8192;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.#isid[0] = 0x80;
  }

  /** Connects and logs in to a normal session without authentication. */
  static async connect(
    portal: { readonly hostname: string; readonly port: number },
    initiatorName: string,
    targetName: string,
  ): Promise<Initiator> {
    const connection = await Deno.connect(portal);
    connection.setNoDelay(true);
    const initiator = new Initiator(connection);
    try {
      await initiator.#login({
        InitiatorName: initiatorName,
        TargetName: targetName,
        SessionType: "Normal",
        AuthMethod: "None",
        HeaderDigest: "None",
        DataDigest: "None",
        InitialR2T: "Yes",
        ImmediateData: "No",
        MaxRecvDataSegmentLength: `${SEGMENT_LENGTH_MAX}`,
        MaxBurstLength: `${SEGMENT_LENGTH_MAX}`,
        FirstBurstLength: "65536",
        ErrorRecoveryLevel: "0",
        MaxConnections: "1",
      });
    } catch (error) {
      connection.close();
      throw error;
    }
    return initiator;
  }

  async #login(pairs: Readonly<Record<string, string>>): Promise<void> {
    let body = text(pairs);
    // Straight to operational negotiation (stage 1), then to the full feature phase (stage 3).
    for (let round = 0; round < 8; round++) {
      const header = new Uint8Array(BHS_LENGTH);
      header[Bhs.OPCODE] = Opcode.LOGIN_REQUEST | IMMEDIATE_BIT;
      header[Bhs.FLAGS] = LoginPdu.TRANSIT_BIT | 1 << 2 | 3;
      header.set(this.#isid, LoginPdu.ISID);
      put32(header, Bhs.CMD_SN, this.#commandNumber);
      await this.#send(header, body);
      const { header: response, data } = await this.#receive();
      if ((response[Bhs.OPCODE] & OPCODE_MASK) !== Opcode.LOGIN_RESPONSE) {
        throw new InitiatorError("Cannot log in: the target sent something else");
      }
      const status = response[LoginPdu.STATUS_CLASS] << 8 | response[LoginPdu.STATUS_DETAIL];
      if (status !== 0) {
        throw new InitiatorError(`Cannot log in: status ${status.toString(16).padStart(4, "0")}h`);
      }
      this.#readPairs(new TextDecoder().decode(data));
      if ((response[Bhs.FLAGS] & LoginPdu.TRANSIT_BIT) !== 0) return;
      body = new Uint8Array(0);
    }
    throw new InitiatorError("Cannot log in: the negotiation does not end");
  }

  #readPairs(pairs: string): void {
    for (const pair of pairs.split("\0")) {
      const match = /^MaxRecvDataSegmentLength=(\d+)$/.exec(pair);
      if (match !== null) this.#segmentLength = Math.min(Number(match[1]), SEGMENT_LENGTH_MAX);
    }
  }

  async #send(header: Uint8Array, data: Uint8Array): Promise<void> {
    put24(header, Bhs.DATA_SEGMENT_LENGTH, data.length);
    const bytes = new Uint8Array(BHS_LENGTH + data.length + padding(data.length));
    bytes.set(header);
    bytes.set(data, BHS_LENGTH);
    let sent = 0;
    while (sent < bytes.length) sent += await this.#connection.write(bytes.subarray(sent));
  }

  async #fill(bytes: Uint8Array): Promise<void> {
    let filled = 0;
    while (filled < bytes.length) {
      const count = await this.#connection.read(bytes.subarray(filled));
      if (count === null) throw new InitiatorError("The target closed the connection");
      filled += count;
    }
  }

  async #receive(): Promise<Pdu> {
    for (;;) {
      const header = new Uint8Array(BHS_LENGTH);
      await this.#fill(header);
      const length = get24(header, Bhs.DATA_SEGMENT_LENGTH);
      const data = new Uint8Array(length + padding(length));
      await this.#fill(data);
      const opcode = header[Bhs.OPCODE] & OPCODE_MASK;
      if (opcode !== Opcode.R2T) this.#expectedStatus = (get32(header, Bhs.STAT_SN) + 1) >>> 0;
      if (opcode !== Opcode.NOP_IN) return { header, data: data.subarray(0, length) };
      await this.#answerPing(header);
    }
  }

  async #answerPing(ping: Uint8Array): Promise<void> {
    const tag = get32(ping, Bhs.TARGET_TRANSFER_TAG);
    if (tag === RESERVED_TAG) return;
    const header = new Uint8Array(BHS_LENGTH);
    header[Bhs.OPCODE] = Opcode.NOP_OUT | IMMEDIATE_BIT;
    header[Bhs.FLAGS] = FINAL_BIT;
    put32(header, Bhs.INITIATOR_TASK_TAG, RESERVED_TAG);
    put32(header, Bhs.TARGET_TRANSFER_TAG, tag);
    put32(header, Bhs.CMD_SN, this.#commandNumber);
    put32(header, Bhs.EXP_STAT_SN, this.#expectedStatus);
    await this.#send(header, new Uint8Array(0));
  }

  /** Runs one command on a LUN below 256, with data out or room for data in. */
  async execute(
    lun: number,
    cdb: Uint8Array,
    dataOut: Uint8Array = new Uint8Array(0),
    data_in_length = 0,
  ): Promise<CommandResult> {
    const tag = this.#tag++;
    const header = new Uint8Array(BHS_LENGTH);
    header[Bhs.OPCODE] = Opcode.SCSI_COMMAND;
    const direction = dataOut.length > 0
      ? CommandPdu.WRITE_BIT
      : data_in_length > 0
      ? CommandPdu.READ_BIT
      : 0;
    header[Bhs.FLAGS] = FINAL_BIT | direction;
    header[Bhs.LUN + 1] = lun;
    put32(header, Bhs.INITIATOR_TASK_TAG, tag);
    put32(header, CommandPdu.EXPECTED_DATA_TRANSFER_LENGTH, dataOut.length || data_in_length);
    put32(header, Bhs.CMD_SN, this.#commandNumber);
    put32(header, Bhs.EXP_STAT_SN, this.#expectedStatus);
    header.set(cdb, CommandPdu.CDB);
    this.#commandNumber = (this.#commandNumber + 1) >>> 0;
    await this.#send(header, new Uint8Array(0));
    return await this.#finish(lun, tag, dataOut, new Uint8Array(data_in_length));
  }

  async #finish(
    lun: number,
    tag: number,
    dataOut: Uint8Array,
    dataIn: Uint8Array,
  ): Promise<CommandResult> {
    let received = 0;
    for (;;) {
      const { header, data } = await this.#receive();
      const opcode = header[Bhs.OPCODE] & OPCODE_MASK;
      if (get32(header, Bhs.INITIATOR_TASK_TAG) !== tag) {
        throw new InitiatorError(`Unexpected PDU ${opcode.toString(16)}h`);
      }
      if (opcode === Opcode.R2T) await this.#sendBurst(lun, tag, header, dataOut);
      else if (opcode === Opcode.DATA_IN) {
        const offset = get32(header, DataPdu.BUFFER_OFFSET);
        if (offset + data.length > dataIn.length) throw new InitiatorError("Too much data came");
        dataIn.set(data, offset);
        received = Math.max(received, offset + data.length);
        if ((header[Bhs.FLAGS] & DataPdu.STATUS_BIT) === 0) continue;
        const status = header[DataPdu.STATUS];
        return { status, sense: new Uint8Array(0), dataIn: dataIn.subarray(0, received) };
      } else if (opcode === Opcode.SCSI_RESPONSE) {
        if (header[ResponsePdu.RESPONSE] !== 0) throw new InitiatorError("The target failed");
        const status = header[ResponsePdu.STATUS];
        return { status, sense: data.subarray(2), dataIn: dataIn.subarray(0, received) };
      } else throw new InitiatorError(`Unexpected PDU ${opcode.toString(16)}h`);
    }
  }

  async #sendBurst(
    lun: number,
    tag: number,
    r2t: Uint8Array,
    dataOut: Uint8Array,
  ): Promise<void> {
    const offset = get32(r2t, R2tPdu.BUFFER_OFFSET);
    const length = get32(r2t, R2tPdu.DESIRED_LENGTH);
    if (offset + length > dataOut.length) throw new InitiatorError("The target asks for too much");
    for (let sent = 0, number = 0; sent < length; number++) {
      const part = Math.min(this.#segmentLength, length - sent);
      const header = new Uint8Array(BHS_LENGTH);
      header[Bhs.OPCODE] = Opcode.DATA_OUT;
      header[Bhs.FLAGS] = sent + part === length ? FINAL_BIT : 0;
      header[Bhs.LUN + 1] = lun;
      put32(header, Bhs.INITIATOR_TASK_TAG, tag);
      put32(header, Bhs.TARGET_TRANSFER_TAG, get32(r2t, Bhs.TARGET_TRANSFER_TAG));
      put32(header, Bhs.EXP_STAT_SN, this.#expectedStatus);
      put32(header, DataPdu.DATA_SN, number);
      put32(header, DataPdu.BUFFER_OFFSET, offset + sent);
      await this.#send(header, dataOut.subarray(offset + sent, offset + sent + part));
      sent += part;
    }
  }

  /** Logs out and closes the connection. */
  async close(): Promise<void> {
    try {
      const header = new Uint8Array(BHS_LENGTH);
      header[Bhs.OPCODE] = Opcode.LOGOUT_REQUEST | IMMEDIATE_BIT;
      header[Bhs.FLAGS] = FINAL_BIT;
      put32(header, Bhs.INITIATOR_TASK_TAG, this.#tag++);
      put16(header, 20, 0);
      put32(header, Bhs.CMD_SN, this.#commandNumber);
      put32(header, Bhs.EXP_STAT_SN, this.#expectedStatus);
      await this.#send(header, new Uint8Array(0));
      await this.#receive();
    } finally {
      this.#connection.close();
    }
  }
}
