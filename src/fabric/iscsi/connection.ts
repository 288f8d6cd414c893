/**
 * A TCP connection of an initiator: from accept through login and full feature phase to its end.
 *
 * @module
 */
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from "../../sys/epoll.ts";
import { formatSocketAddress, type SocketAddress, WOULD_BLOCK } from "../../sys/socket.ts";
import type { Command } from "./command.ts";
import { handlePdu } from "./full_feature.ts";
import {
  CLOSE_TIMEOUT_MS,
  LOGIN_SEGMENT_LENGTH_MAX,
  LOGIN_TIMEOUT_MS,
  NOP_INTERVAL_MS,
  NOP_TIMEOUT_MS,
  ORDER_TIMEOUT_MS,
  PDU_TIMEOUT_MS,
  ROOM_TIMEOUT_MS,
} from "./limits.ts";
import { Login } from "./login.ts";
import { handleLogin } from "./login_pdu.ts";
import type { Negotiation, Parameters } from "./negotiation.ts";
import { Bhs, BHS_LENGTH, FINAL_BIT, Opcode, put32, RejectPdu, RESERVED_TAG } from "./pdu.ts";
import { Disposition, type Pdu, type PduHandler, Receiver } from "./receive.ts";
import { payloadReceived } from "./scsi_command.ts";
import type { Session } from "./session.ts";
import type { Statistics } from "./statistics.ts";
import type { IscsiTarget } from "./target.ts";
import { TextExchange } from "./text_exchange.ts";
import { ControlPdu, Numbering, TransmitResult, Transmitter } from "./transmit.ts";

/** Where a connection stands. */
export const ConnectionState = { LOGIN: 0, FULL_FEATURE: 1, LOGGED_OUT: 2, CLOSED: 3 } as const;

/** One connection. */
export class Connection implements PduHandler {
  readonly owner: IscsiTarget;
  readonly statistics: Statistics;
  readonly fd: number;
  readonly peer: SocketAddress;
  /** The address the initiator reached. */
  readonly local: SocketAddress;
  readonly receiver: Receiver;
  readonly transmitter: Transmitter;
  readonly login: Login;
  readonly text = new TextExchange();
  state: number = ConnectionState.LOGIN;
  session: Session | undefined = undefined;
  cid = 0;
  /** StatSN of the next response. */
  stat_sn = 0;
  /** CmdSN of the login request: what responses show before there is a session. */
  login_cmd_sn = 0;
  headerDigest = false;
  dataDigest = false;
  send_segment_length = LOGIN_SEGMENT_LENGTH_MAX;
  receive_segment_length = LOGIN_SEGMENT_LENGTH_MAX;
  /** Stands in the owner's list of connections with something to send. */
  dirty = false;
  /** A PDU waits for its turn, for room, or for the transmit queue to drain. */
  stalled = false;
  /** What it waits for is room in the core. */
  awaitsRoom = false;
  /** It has waited long enough for that: the command gets TASK SET FULL. */
  impatient = false;

  #interest: number = EPOLLIN;
  #received = true;
  #progressed = true;
  readonly #opened_ms: number;
  #received_ms: number;
  #progressed_ms: number;
  #ping_ms = -1;
  #logout_ms = -1;

  constructor(owner: IscsiTarget, fd: number, peer: SocketAddress, local: SocketAddress) {
    this.owner = owner;
    this.statistics = owner.statistics;
    this.fd = fd;
    this.peer = peer;
    this.local = local;
    this.receiver = new Receiver(this, owner.crc32c);
    this.transmitter = new Transmitter(this, owner.crc32c);
    this.login = new Login(owner.loginHost(this));
    this.#opened_ms = owner.clock.now_ms();
    this.#received_ms = this.#opened_ms;
    this.#progressed_ms = this.#opened_ms;
  }

  /** For logs: where from, and who. */
  get label(): string {
    const name = this.login.identity?.initiatorName;
    const from = formatSocketAddress(this.peer);
    return name === undefined ? from : `${name} at ${from}`;
  }

  get exp_cmd_sn(): number {
    return this.session === undefined ? this.login_cmd_sn : this.session.exp_cmd_sn;
  }

  get max_cmd_sn(): number {
    return this.session === undefined ? this.login_cmd_sn : this.session.max_cmd_sn;
  }

  /** No PDU is to be looked at now. */
  get paused(): boolean {
    return this.state >= ConnectionState.LOGGED_OUT || this.transmitter.crowded;
  }

  /** Takes over what was negotiated, when login is complete. */
  begin(session: Session, parameters: Parameters): void {
    this.session = session;
    this.state = ConnectionState.FULL_FEATURE;
    this.headerDigest = parameters.headerDigest;
    this.dataDigest = parameters.dataDigest;
    this.receive_segment_length = parameters.receive_segment_length;
    this.applyDeclared(parameters);
    this.transmitter.batch.headerDigest = parameters.headerDigest;
    this.transmitter.batch.dataDigest = parameters.dataDigest;
  }

  /** The initiator has declared what it takes. */
  applyDeclared(parameters: Parameters): void {
    this.send_segment_length = parameters.send_segment_length;
  }

  get negotiation(): Negotiation {
    return this.login.negotiation;
  }

  /** The socket is ready. */
  ready(events: number): void {
    if (this.state === ConnectionState.CLOSED) return;
    if (events & EPOLLOUT) {
      this.transmitter.blocked = false;
      this.markDirty();
    }
    if (events & EPOLLIN && this.#interest & EPOLLIN) {
      try {
        this.#receive();
      } catch (error) {
        this.#fault(error);
      }
    } else if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) this.close("the connection broke");
  }

  /** Whatever a peer sends must not take others down: a bug of ours ends its connection only. */
  #fault(error: unknown): void {
    this.statistics.internal_errors++;
    this.owner.log(`iSCSI: internal error: ${error instanceof Error ? error.stack : error}`);
    this.close("internal error");
  }

  #receive(): void {
    const received = this.receiver.receive(this.fd);
    this.statistics.receive_calls++;
    if (received === WOULD_BLOCK) return;
    if (received <= 0) {
      this.close(received === 0 ? "closed by the initiator" : "the connection broke");
      return;
    }
    this.statistics.bytes_received += received;
    this.#received = true;
    if (this.state === ConnectionState.LOGGED_OUT) return;
    this.parse();
  }

  /** Handles what has been received. Returns whether it got any further. */
  parse(): boolean {
    let advanced = false;
    try {
      this.stalled = false;
      this.awaitsRoom = false;
      advanced = this.receiver.parse();
    } catch (error) {
      this.#fault(error);
    }
    if (advanced) this.#progressed = true;
    if (this.state === ConnectionState.CLOSED) return false;
    if (this.transmitter.crowded) this.stalled = true;
    if (this.stalled) this.owner.stall(this);
    return advanced;
  }

  handle(opcode: number, pdu: Pdu): number {
    const disposition = this.state === ConnectionState.LOGIN
      ? handleLogin(this, opcode, pdu)
      : handlePdu(this, opcode, pdu);
    if (disposition === Disposition.STALL) this.stalled = true;
    return this.state === ConnectionState.CLOSED ? Disposition.CLOSED : disposition;
  }

  payloadReceived(command: Command, length: number, intact: boolean, final: boolean): void {
    payloadReceived(this, command, length, intact, final);
  }

  breach(reason: string): void {
    this.statistics.protocol_errors++;
    this.close(`protocol error: ${reason}`);
  }

  headerDigestError(): void {
    // RFC 7143 7.7: where the next PDU begins is not known any more.
    this.statistics.header_digest_errors++;
    this.close("header digest error");
  }

  /** Refuses a PDU (RFC 7143 11.17). Returns the disposition for its handler. */
  reject(pdu: Pdu, reason: number): number {
    return this.rejectHeader(pdu.bytes.subarray(pdu.at, pdu.at + BHS_LENGTH), reason);
  }

  /** The same for a PDU of which only the header is left. */
  rejectHeader(header: Uint8Array, reason: number): number {
    this.statistics.rejects++;
    const reject = new ControlPdu(Opcode.REJECT, FINAL_BIT);
    reject.bhs[RejectPdu.REASON] = reason;
    put32(reject.bhs, Bhs.INITIATOR_TASK_TAG, RESERVED_TAG);
    reject.data = new Uint8Array(new ArrayBuffer(BHS_LENGTH));
    reject.data.set(header);
    this.transmitter.pushControl(reject);
    return Disposition.DONE;
  }

  /** The initiator has logged out: the response is the last PDU. */
  loggedOut(): void {
    this.state = ConnectionState.LOGGED_OUT;
    this.#logout_ms = this.owner.clock.now_ms();
  }

  markDirty(): void {
    if (this.dirty) return;
    this.dirty = true;
    this.owner.dirty.push(this);
  }

  /** Sends what waits, as far as the socket takes it. */
  transmit(): void {
    if (this.state === ConnectionState.CLOSED || this.transmitter.blocked) return;
    try {
      const result = this.transmitter.transmit(this.fd);
      if (result === TransmitResult.BROKEN) this.close("the connection broke");
      else if (result === TransmitResult.CLOSE) this.close("logged out");
    } catch (error) {
      this.#fault(error);
    }
  }

  /** Waits for what matters now. */
  updateInterest(): void {
    if (this.state === ConnectionState.CLOSED) return;
    // Who is not read would not be seen to go.
    const reading = this.stalled ? EPOLLRDHUP : EPOLLIN;
    const interest = reading | (this.transmitter.blocked ? EPOLLOUT : 0);
    if (interest === this.#interest) return;
    this.#interest = interest;
    this.owner.epoll.modify(this.fd, interest);
  }

  /** Timeouts. */
  tick(now_ms: number): void {
    if (this.#received) {
      this.#received = false;
      this.#received_ms = now_ms;
      this.#ping_ms = -1;
    }
    if (this.#progressed || !this.receiver.amidPdu) {
      this.#progressed = false;
      this.#progressed_ms = now_ms;
    }
    const expired = this.#expired(now_ms);
    if (expired !== "") this.close(expired);
    else if (this.state === ConnectionState.FULL_FEATURE) this.#keepAlive(now_ms);
  }

  #expired(now_ms: number): string {
    if (this.state === ConnectionState.LOGIN && now_ms - this.#opened_ms > LOGIN_TIMEOUT_MS) {
      this.statistics.login_timeouts++;
      return "login took too long";
    }
    if (this.#logout_ms >= 0 && now_ms - this.#logout_ms > CLOSE_TIMEOUT_MS) return "logged out";
    const waiting_ms = now_ms - this.#progressed_ms;
    this.impatient = this.awaitsRoom && waiting_ms > ROOM_TIMEOUT_MS;
    const disordered = this.stalled && !this.awaitsRoom && !this.transmitter.crowded;
    if (disordered && waiting_ms > ORDER_TIMEOUT_MS) {
      return "a command with a lower CmdSN did not come";
    }
    if (!this.stalled && waiting_ms > PDU_TIMEOUT_MS) return "a PDU took too long";
    return "";
  }

  #keepAlive(now_ms: number): void {
    if (this.#ping_ms >= 0) {
      if (now_ms - this.#ping_ms <= NOP_TIMEOUT_MS) return;
      this.statistics.keepalive_timeouts++;
      this.close("no answer to NOP-In");
    } else if (now_ms - this.#received_ms > NOP_INTERVAL_MS) {
      this.#ping_ms = now_ms;
      // RFC 7143 11.19: a tag that is not reserved asks for an answer.
      const ping = new ControlPdu(Opcode.NOP_IN, FINAL_BIT);
      put32(ping.bhs, Bhs.INITIATOR_TASK_TAG, RESERVED_TAG);
      put32(ping.bhs, Bhs.TARGET_TRANSFER_TAG, 1);
      ping.numbering = Numbering.SHOW;
      this.transmitter.pushControl(ping);
    }
  }

  /** Ends the connection, and the session if it was the last one of it. */
  close(reason: string): void {
    if (this.state === ConnectionState.CLOSED) return;
    const session = this.session;
    this.state = ConnectionState.CLOSED;
    this.transmitter.abandon();
    this.owner.forget(this, reason);
    if (session === undefined || session.closed) return;
    if (session.connections.size > 1) session.loseConnection(this);
    else this.owner.endSession(session);
  }
}
