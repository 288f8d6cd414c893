/**
 * Where a handler is tried: a daemon of its own, and units that it serves over embedded iSCSI, each
 * with the handler in the real sandbox.
 *
 * @module
 */
import { join } from "node:path";
import type { CreateRequest, LunDescription } from "../../../daemon/api.ts";
import { Daemon } from "../../../daemon/daemon.ts";
import type { Log } from "../../../daemon/log.ts";
import type { UnitOptions } from "../../../daemon/ring_messages.ts";
import type { Manifest } from "../../../plugin/mod.ts";
import { OPTIONAL_LAYERS } from "../../../sandbox/lockdown/layers.ts";
import { packToTry, stage, takesSize } from "../staged.ts";
import { type Address, type Capacity, Session } from "./session.ts";

/** An operation that takes longer ends the handler's process. */
const DEADLINE_MS = 5_000;
const NAME = "tested";

/** What is tried, and how. */
export interface BenchOptions {
  /** Folder of the handler. */
  readonly folder: string;
  readonly size_bytes: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** A unit that the handler serves. */
export interface Unit {
  readonly lun: LunDescription;
  readonly address: Address;
  /** A session that is there already. */
  readonly session: Session;
  readonly capacity: Capacity;
  /** How long it took from `create` to the first answer. */
  readonly start_ms: number;
}

/** The address in `iscsi://host:port/iqn/0`. */
export function addressOf({ url }: LunDescription): Address {
  const match = /^iscsi:\/\/(?:\[([^\]]+)\]|([^:]+)):(\d+)\/([^/]+)\//.exec(url ?? "");
  if (match === null) throw new Error(`assertion: no URL: ${url}`);
  return { hostname: match[1] ?? match[2], port: Number(match[3]), target: match[4] };
}

/** See the module. */
export class Bench {
  readonly manifest: Manifest;
  /** What the handler's process said last, for whoever looks into a failure. */
  readonly said: string[] = [];
  readonly #folder: string;
  readonly #options: BenchOptions;
  #daemon: Daemon | undefined;
  #sessions: Session[] = [];
  #unit: Unit | undefined;

  private constructor(folder: string, manifest: Manifest, options: BenchOptions) {
    this.#folder = folder;
    this.manifest = manifest;
    this.#options = options;
  }

  /** Packs the handler. Throws RegistryError where that cannot be. */
  static async open(options: BenchOptions): Promise<Bench> {
    const folder = await Deno.makeTempDir({ prefix: "lunette-plugin-" });
    try {
      // As root, the handler's process is another user.
      await Deno.chmod(folder, 0o755);
      const packed = await packToTry(options.folder);
      await stage(packed, join(folder, "handler"));
      return new Bench(folder, packed.manifest, options);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  readonly #log: Log = (level, subject, message) => {
    if (level === "debug") return;
    this.said.push(`${subject === "" ? "" : `${subject}: `}${message}`);
    if (this.said.length > 50) this.said.shift();
  };

  /** The daemon; started when it is first needed. */
  async daemon(): Promise<Daemon> {
    if (this.#daemon !== undefined) return this.#daemon;
    const state = join(this.#folder, "state");
    this.#daemon = await Daemon.start({
      paths: { runtime: join(this.#folder, "run"), state, socket: join(state, "control.sock") },
      log: this.#log,
      embedded: { address: "127.0.0.1", port: 0, fallback: true },
    });
    return this.#daemon;
  }

  /** Files that the handler asks for and the author named none for: made, and kept between checks. */
  async #files(): Promise<Record<string, string>> {
    const paths: Record<string, string> = {};
    for (const [name, { kind }] of Object.entries(this.manifest.capabilities)) {
      if (kind !== "file" || this.#options.settings[name] !== undefined) continue;
      const path = paths[name] = join(this.#folder, `file-${name}`);
      using file = await Deno.open(path, { write: true, create: true });
      await file.truncate(this.#options.size_bytes);
    }
    return paths;
  }

  /** Serves the handler anew. One unit at a time. */
  async serve(unit: UnitOptions = {}): Promise<Unit> {
    const daemon = await this.daemon();
    const began_ms = performance.now();
    const request: CreateRequest = {
      name: NAME,
      handler: join(this.#folder, "handler"),
      settings: { ...await this.#files(), ...this.#options.settings },
      ...(takesSize(this.manifest) ? { size_bytes: this.#options.size_bytes } : {}),
      fabric: "embedded-iscsi",
      deadline_ms: DEADLINE_MS,
      unit,
      // It is the author's own machine, and the author's own handler.
      accept_missing_layers: OPTIONAL_LAYERS,
    };
    return await this.#attached(await daemon.create(request), began_ms);
  }

  async #attached(lun: LunDescription, began_ms: number): Promise<Unit> {
    const address = addressOf(lun);
    const session = await this.#open(address);
    const capacity = await session.readCapacity();
    const start_ms = performance.now() - began_ms;
    return this.#unit = { lun, address, session, capacity, start_ms };
  }

  async #open(address: Address): Promise<Session> {
    const session = await Session.open(address, `${this.#sessions.length}`);
    this.#sessions.push(session);
    return session;
  }

  /** One more session with the unit. */
  async session(): Promise<Session> {
    if (this.#unit === undefined) throw new Error("assertion: no unit is served");
    return await this.#open(this.#unit.address);
  }

  /** The unit as the daemon has it now. */
  async show(): Promise<LunDescription> {
    return (await this.daemon()).show(NAME);
  }

  /** What the handler's process uses now. */
  async usage() {
    return (await (await this.daemon()).statistics())[NAME].usage ?? {};
  }

  async #closeSessions(): Promise<void> {
    const sessions = this.#sessions;
    this.#sessions = [];
    this.#unit = undefined;
    await Promise.all(sessions.map((session) => session.close()));
  }

  /** Takes the unit away; its files stay. */
  async remove(): Promise<void> {
    await this.#closeSessions();
    if (this.#daemon?.list().some(({ name }) => name === NAME)) await this.#daemon.remove(NAME);
  }

  /** Stops the daemon, starts another, and serves the unit again as it was recorded. */
  async restartDaemon(): Promise<Unit> {
    await this.#closeSessions();
    await this.#daemon?.stop();
    this.#daemon = undefined;
    const began_ms = performance.now();
    const daemon = await this.daemon();
    await daemon.restore();
    return await this.#attached(daemon.show(NAME), began_ms);
  }

  /** Has the handler's process ended and started again by the operator. */
  async restartHandler(): Promise<void> {
    await (await this.daemon()).restart(NAME);
  }

  /** Changes the size of the unit. Throws OperatorError. */
  async resize(size_bytes: number): Promise<void> {
    await (await this.daemon()).resize(NAME, { size_bytes, shrink: true });
  }

  /** Ends the handler's process as a fault would; it is started again by itself. */
  async kill(): Promise<void> {
    const { handler_pid } = await this.show();
    if (handler_pid === undefined) return;
    try {
      Deno.kill(handler_pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Stops everything, and removes what was made for it. */
  async close(): Promise<void> {
    await this.remove().catch(() => {});
    await this.#daemon?.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
