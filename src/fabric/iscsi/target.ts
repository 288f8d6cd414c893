/**
 * The embedded iSCSI target (RFC 7143): portals, connections, sessions and targets. It runs on the
 * ring thread: sockets are in the thread's poll set, and nothing here blocks or makes a promise.
 *
 * @module
 */
import type { Clock } from "../../engine/ports.ts";
import { closeDescriptor } from "../../sys/descriptor.ts";
import { type Epoll, EPOLLIN } from "../../sys/epoll.ts";
import {
  acceptTcp,
  formatSocketAddress,
  isAddressInUse,
  listenTcp,
  localAddress,
  type SocketAddress,
} from "../../sys/socket.ts";
import type { TargetPort } from "../target_port.ts";
import { type ChapOptions, checkChap } from "./chap.ts";
import { Connection, ConnectionState } from "./connection.ts";
import { type Crc32c, crc32cTable } from "./crc32c.ts";
import { CONNECTIONS_MAX, LOGINS_MAX, SESSIONS_MAX, TARGETS_MAX } from "./limits.ts";
import { type LoginHost, type LoginIdentity, LoginStatus, type LoginTarget } from "./login.ts";
import { checkTargetName, NameError } from "./name.ts";
import type { Parameters } from "./negotiation.ts";
import { AsyncPdu, Bhs, FINAL_BIT, Opcode, put16, put32, RESERVED_TAG } from "./pdu.ts";
import { Session } from "./session.ts";
import { Statistics } from "./statistics.ts";
import type { KeyValue } from "./text.ts";
import { ControlPdu } from "./transmit.ts";

const PORTAL_GROUP_TAG = 1;
const FALLBACK_PORTS = 64;

/** What the target is given. */
export interface IscsiTargetOptions {
  readonly epoll: Epoll;
  readonly clock: Clock;
  /** CRC32C over the memories of tasks; the table-driven one if left out. */
  readonly crc32c?: Crc32c;
  /** CHAP for discovery sessions. */
  readonly discoveryChap?: ChapOptions;
  /** Takes lines about connections, without a line end. */
  readonly log: (line: string) => void;
}

/** A target to offer. */
export interface TargetOptions {
  /** iSCSI name (RFC 7143 4.2.7). */
  readonly name: string;
  readonly alias?: string;
  readonly port: TargetPort;
  readonly chap?: ChapOptions;
  /** Names of the initiators that may log in; all may if left out. */
  readonly initiators?: readonly string[];
}

/** Where to listen. */
export interface ListenOptions {
  /** IPv4 or IPv6 address; 127.0.0.1 if left out. */
  readonly address?: string;
  /** 3260 if left out; 0 takes any free one. */
  readonly port?: number;
  /** Whether to take the next free port where this one is taken. */
  readonly fallback?: boolean;
}

/** A target that is offered. */
export class TargetEntry implements LoginTarget {
  readonly owner: IscsiTarget;
  readonly name: string;
  readonly alias: string | undefined;
  readonly port: TargetPort;
  readonly portalGroupTag = PORTAL_GROUP_TAG;
  readonly chap: ChapOptions | undefined;
  readonly initiators: ReadonlySet<string> | undefined;
  /** Commands were handed over since the last kick. */
  kickDue = false;

  constructor(owner: IscsiTarget, options: TargetOptions) {
    this.owner = owner;
    this.name = checkTargetName(options.name);
    this.alias = options.alias;
    this.port = options.port;
    if (options.chap !== undefined) checkChap(options.chap);
    this.chap = options.chap;
    this.initiators = options.initiators && new Set(options.initiators);
  }
}

/** The target object of one ring thread. */
export class IscsiTarget {
  readonly epoll: Epoll;
  readonly clock: Clock;
  readonly crc32c: Crc32c;
  readonly log: (line: string) => void;
  readonly statistics = new Statistics();
  /** Connections with something to send. */
  readonly dirty: Connection[] = [];
  readonly #discoveryChap: ChapOptions | undefined;
  /** By name in lower case: names compare without case (RFC 3722 2). */
  readonly #targets = new Map<string, TargetEntry>();
  readonly #entries: TargetEntry[] = [];
  readonly #portals: number[] = [];
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Map<number, Session>();
  readonly #stalled = new Set<Connection>();
  /** Connections whose events may have to change. */
  readonly #touched = new Set<Connection>();
  readonly #closing: number[] = [];
  #last_tsih = 0;
  #portalsPaused = false;

  constructor(options: IscsiTargetOptions) {
    this.epoll = options.epoll;
    this.clock = options.clock;
    this.crc32c = options.crc32c ?? crc32cTable;
    // Parts of a line come from the network: one event stays one line.
    this.log = (line) => options.log(line.replace(/\p{Cc}+/gu, " "));
    if (options.discoveryChap !== undefined) checkChap(options.discoveryChap);
    this.#discoveryChap = options.discoveryChap;
  }

  /** Whether there is anything that can time out. */
  get active(): boolean {
    return this.#connections.size > 0;
  }

  /** Offers a target. Throws a NameError or ChapError for what cannot be offered. */
  addTarget(options: TargetOptions): void {
    const entry = new TargetEntry(this, options);
    const key = entry.name.toLowerCase();
    if (this.#targets.has(key)) {
      throw new NameError(`Cannot add target ${entry.name}: there is one of that name`);
    }
    if (this.#targets.size === TARGETS_MAX) {
      throw new NameError(`Cannot add target ${entry.name}: there are ${TARGETS_MAX} already`);
    }
    this.#targets.set(key, entry);
    this.#entries.push(entry);
  }

  /** Withdraws a target: its sessions are told and closed. Returns whether there was one. */
  removeTarget(name: string): boolean {
    const key = name.toLowerCase();
    const entry = this.#targets.get(key);
    if (entry === undefined) return false;
    this.#targets.delete(key);
    this.#endSessions((session) => session.target === entry);
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    return true;
  }

  /** Listens at one more address. Returns it with the port that was taken. */
  listen(options: ListenOptions = {}): SocketAddress {
    const { address = "127.0.0.1", port = 3260, fallback = false } = options;
    for (let offset = 0;; offset++) {
      try {
        return this.#listenAt({ address, port: port + offset });
      } catch (error) {
        const again = fallback && isAddressInUse(error) && offset < FALLBACK_PORTS &&
          port + offset < 65_535;
        if (!again) throw error;
      }
    }
  }

  #listenAt(at: SocketAddress): SocketAddress {
    const fd = listenTcp(at);
    this.epoll.add(fd, EPOLLIN, () => this.#accept(fd));
    this.#portals.push(fd);
    return localAddress(fd);
  }

  #accept(portal: number): void {
    try {
      const accepted = acceptTcp(portal);
      if (accepted !== undefined) this.#adopt(accepted.fd, accepted.peer);
    } catch (error) {
      // No descriptors: until the next tick, or the poll set would report the portal for ever.
      this.log(`iSCSI: ${error instanceof Error ? error.message : error}`);
      this.#pausePortals(true);
    }
  }

  #pausePortals(paused: boolean): void {
    if (this.#portalsPaused === paused) return;
    this.#portalsPaused = paused;
    for (const fd of this.#portals) this.epoll.modify(fd, paused ? 0 : EPOLLIN);
  }

  #adopt(fd: number, peer: SocketAddress): void {
    this.statistics.connections_accepted++;
    this.#makeRoom();
    if (this.#connections.size >= CONNECTIONS_MAX) {
      this.statistics.connections_refused++;
      this.log(`iSCSI: ${formatSocketAddress(peer)}: refused, ${CONNECTIONS_MAX} are connected`);
      closeDescriptor(fd);
      return;
    }
    const connection = new Connection(this, fd, peer, localAddress(fd));
    this.#connections.add(connection);
    this.statistics.connections_open++;
    this.epoll.add(fd, EPOLLIN, (events) => {
      this.#touched.add(connection);
      connection.ready(events);
      // Now and not in `flush`, so that devices are awake before the loop decides whether to sleep.
      this.#kick();
    });
  }

  /** Those that never log in must not keep others out. */
  #makeRoom(): void {
    let count = 0;
    let oldest: Connection | undefined;
    for (const connection of this.#connections) {
      if (connection.state !== ConnectionState.LOGIN) continue;
      oldest ??= connection;
      count++;
    }
    if (count >= LOGINS_MAX) oldest?.close("too many connections are logging in");
  }

  /** A connection has a PDU that cannot be taken yet. */
  stall(connection: Connection): void {
    this.#stalled.add(connection);
    this.#touched.add(connection);
  }

  /** A connection has ended. */
  forget(connection: Connection, reason: string): void {
    if (!this.#connections.delete(connection)) return;
    this.statistics.connections_open--;
    this.#stalled.delete(connection);
    this.epoll.remove(connection.fd);
    // Closed after this turn, so that no event of this turn meets a new use of the number.
    this.#closing.push(connection.fd);
    this.log(`iSCSI: ${connection.label}: ${reason}`);
  }

  /** A session has lost its last connection. */
  endSession(session: Session): void {
    if (this.#sessions.get(session.tsih) !== session) return;
    this.#sessions.delete(session.tsih);
    this.statistics.sessions_open--;
    session.end();
  }

  /**
   * The end of a turn of the loop: hands commands to the core, sends what is due, and lets in what
   * had to wait, until nothing is left that can be done without waiting.
   */
  flush(): void {
    do {
      this.#kick();
      this.#transmit();
    } while (this.#retry() || this.dirty.length > 0);
    for (const connection of this.#touched) connection.updateInterest();
    this.#touched.clear();
    for (const fd of this.#closing) closeDescriptor(fd);
    this.#closing.length = 0;
  }

  #kick(): void {
    for (const entry of this.#entries) {
      if (!entry.kickDue) continue;
      entry.kickDue = false;
      entry.port.kick();
    }
  }

  #transmit(): void {
    // The list grows while connections close others.
    for (let index = 0; index < this.dirty.length; index++) {
      const connection = this.dirty[index];
      connection.dirty = false;
      connection.transmit();
      this.#touched.add(connection);
    }
    this.dirty.length = 0;
  }

  /** Parses again where something waited. Returns whether anything came of it. */
  #retry(): boolean {
    if (this.#stalled.size === 0) return false;
    let advanced = false;
    const waiting = [...this.#stalled];
    this.#stalled.clear();
    for (const connection of waiting) {
      if (connection.parse()) advanced = true;
      this.#touched.add(connection);
    }
    return advanced || this.#entries.some((entry) => entry.kickDue);
  }

  /** Timeouts; call about once a second, before {@linkcode flush}. */
  tick(now_ms: number): void {
    this.#pausePortals(false);
    for (const connection of [...this.#connections]) connection.tick(now_ms);
    // Who is asked for data and sends none holds buffers that others wait for.
    for (const session of [...this.#sessions.values()]) {
      session.findSilent(now_ms)?.close("data-out did not come");
    }
  }

  /** Stops to listen, tells the initiators, and closes all. */
  close(): void {
    for (const fd of this.#portals) {
      this.epoll.remove(fd);
      closeDescriptor(fd);
    }
    this.#portals.length = 0;
    this.#endSessions(() => true);
    for (const connection of [...this.#connections]) connection.close("the target is closing");
    this.flush();
  }

  /** Tells the initiators of some sessions that these end (RFC 7143 11.9), and ends them. */
  #endSessions(chosen: (session: Session) => boolean): void {
    const connections = [...this.#connections];
    const ending = connections.filter(({ session }) => session !== undefined && chosen(session));
    for (const connection of ending) {
      const pdu = new ControlPdu(Opcode.ASYNC_MESSAGE, FINAL_BIT);
      put32(pdu.bhs, Bhs.INITIATOR_TASK_TAG, RESERVED_TAG);
      put32(pdu.bhs, Bhs.TARGET_TRANSFER_TAG, RESERVED_TAG);
      pdu.bhs[AsyncPdu.EVENT] = AsyncPdu.SESSION_DROPPED;
      put16(pdu.bhs, AsyncPdu.PARAMETER2, connection.session!.parameters.time2wait_s);
      put16(pdu.bhs, AsyncPdu.PARAMETER3, connection.session!.parameters.time2retain_s);
      connection.transmitter.pushControl(pdu);
    }
    this.#transmit();
    for (const connection of ending) connection.close("the session is ended by the target");
  }

  /** TARGET COLD RESET: all sessions of a target end (RFC 7143 11.5.1). */
  coldReset(target: TargetEntry, requester: Connection): void {
    requester.transmit();
    this.#endSessions((session) => session.target === target);
  }

  /** The answer to SendTargets (RFC 7143 Appendix C). */
  sendTargets(connection: Connection, value: string): KeyValue[] {
    const session = connection.session!;
    const discovery = session.target === undefined;
    if (value === "All" && !discovery) return [["SendTargets", "Reject"]];
    const wanted = (value === "" ? session.target?.name : value)?.toLowerCase();
    const answers: KeyValue[] = [];
    for (const entry of this.#entries) {
      if (value !== "All" && entry.name.toLowerCase() !== wanted) continue;
      if (!discovery && entry !== session.target) continue;
      if (entry.initiators?.has(session.identity.initiatorName) === false) continue;
      answers.push(["TargetName", entry.name]);
      const address = `${formatSocketAddress(connection.local)},${PORTAL_GROUP_TAG}`;
      answers.push(["TargetAddress", address]);
    }
    return answers;
  }

  /** What the login of a connection asks. */
  loginHost(connection: Connection): LoginHost {
    return {
      discoveryChap: this.#discoveryChap,
      findTarget: (name) => this.#targets.get(name.toLowerCase()),
      findSession: (identity) => this.#findSession(identity),
      establish: (identity, parameters) => this.#establish(connection, identity, parameters),
    };
  }

  #findSession(identity: LoginIdentity): Parameters | number {
    const session = this.#sessions.get(identity.tsih);
    if (session === undefined || !isSameNexus(session.identity, identity)) {
      return LoginStatus.NO_SESSION;
    }
    if (session.target === undefined) return LoginStatus.CANNOT_INCLUDE;
    const joins = !session.connections.has(identity.cid);
    if (joins && session.connections.size >= session.parameters.max_connections) {
      return LoginStatus.TOO_MANY_CONNECTIONS;
    }
    return session.parameters;
  }

  #establish(connection: Connection, identity: LoginIdentity, parameters: Parameters): number {
    const { target } = identity;
    if (target !== undefined && this.#targets.get(target.name.toLowerCase()) !== target) {
      return LoginStatus.TARGET_REMOVED;
    }
    const session = identity.tsih === 0
      ? this.#open(connection, identity, parameters)
      : this.#join(identity);
    if (typeof session === "number") return session;
    this.statistics.logins++;
    connection.cid = identity.cid;
    session.connections.set(identity.cid, connection);
    connection.begin(session, parameters);
    this.log(`iSCSI: ${connection.label}: logged in to ${target?.name ?? "discovery"}`);
    return LoginStatus.SUCCESS;
  }

  #open(
    connection: Connection,
    identity: LoginIdentity,
    parameters: Parameters,
  ): Session | number {
    // RFC 7143 6.3.5: a session with the same name and ISID is replaced.
    for (const session of [...this.#sessions.values()]) {
      const reinstated = identity.target !== undefined && isSameNexus(session.identity, identity);
      if (!reinstated) continue;
      for (const other of [...session.connections.values()]) {
        other.close("the session was reinstated");
      }
    }
    if (this.#sessions.size >= SESSIONS_MAX) return LoginStatus.OUT_OF_RESOURCES;
    const tsih = this.#nextTsih();
    const target = identity.target as TargetEntry | undefined;
    const session = new Session(identity, tsih, parameters, connection.login_cmd_sn, target);
    this.#sessions.set(tsih, session);
    this.statistics.sessions_open++;
    return session;
  }

  #join(identity: LoginIdentity): Session | number {
    const found = this.#findSession(identity);
    if (typeof found === "number") return found;
    const session = this.#sessions.get(identity.tsih)!;
    // RFC 7143 6.3.4: a connection with the same CID is replaced. The session must outlive it.
    const old = session.connections.get(identity.cid);
    if (old !== undefined) {
      session.connections.set(-1, old);
      old.close("the connection was reinstated");
      session.connections.delete(-1);
    }
    return session;
  }

  #nextTsih(): number {
    do this.#last_tsih = this.#last_tsih % 0xffff + 1; while (this.#sessions.has(this.#last_tsih));
    return this.#last_tsih;
  }
}

function isSameNexus(a: LoginIdentity, b: LoginIdentity): boolean {
  return a.initiatorName === b.initiatorName && a.isid === b.isid && a.target === b.target;
}
