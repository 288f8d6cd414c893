/**
 * The broker of one logical unit: carries out, in the daemon, what its handler may do outside of its
 * process. It runs on the main thread, which may wait, and outlives the handler's processes: each gets
 * a line of its own, and what the one before began has ended when the next begins.
 *
 * @module
 */
import { join } from "node:path";
import { CapabilityError, type Manifest } from "../plugin/mod.ts";
import type { CapabilityDescription } from "../sandbox/capability_description.ts";
import type { BrokeredCapability, BrokerPort } from "../sandbox/broker_port.ts";
import type { Reactor } from "../sys/reactor.ts";
import { allowedAddress, allowedOrigins, formatAllowed } from "./allowed.ts";
import { HttpClient, type HttpOptions } from "./http_client.ts";
import type { Service } from "./service.ts";
import { Session } from "./session.ts";
import { STATE_BYTES_DEFAULT } from "../sandbox/capability_defaults.ts";
import { memoryFile, stateFile, StateStore } from "./state_store.ts";
import { TcpClient } from "./tcp_stream.ts";

/** What a broker is made of. */
export interface BrokerOptions {
  readonly lun: string;
  readonly manifest: Manifest;
  /** Origins and addresses that the operator allowed, by capability (`HandlerSettings.addresses`). */
  readonly addresses: Readonly<Record<string, string>>;
  /** Folder of all stores; undefined where nothing is kept longer than the daemon. */
  readonly state_folder: string | undefined;
  readonly reactor: Reactor;
  readonly log: (level: "warn" | "error", message: string) => void;
  /** What differs in tests. */
  readonly network?: HttpOptions;
}

/** The folder of one logical unit's stores. */
export function stateFolder(state_folder: string, lun: string): string {
  return join(state_folder, lun);
}

/** Forgets the stores of a logical unit. `lun` was checked: it is no path. */
export async function removeStates(state_folder: string, lun: string): Promise<void> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(lun)) throw new Error(`assertion: "${lun}" is no name`);
  try {
    await Deno.remove(stateFolder(state_folder, lun), { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** See the module. */
export class Broker implements BrokerPort {
  #options: BrokerOptions;
  #services: readonly Service[];
  /** Those of all versions. */
  readonly #made: Service[];
  readonly #revocations = new Map<string, AbortController>();
  #session: Session | undefined;
  /** A guest broke the protocol: it must be killed. */
  onViolation: (reason: string) => void = () => {};

  /** Throws GrantError where the operator has not bound what the manifest asks for. */
  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#made = [...services(options, this.#revocations)];
    this.#services = [...this.#made];
  }

  get capabilities(): readonly BrokeredCapability[] {
    return this.#services.map(({ name, kind }) => ({ name, kind }));
  }

  open(): number {
    if (this.#session !== undefined) throw new Error("assertion: the line before was not settled");
    this.#session = new Session({
      services: this.#services,
      reactor: this.#options.reactor,
      onViolation: (reason) => this.onViolation(`it sent the broker ${reason}`),
      log: (message) => this.#options.log("error", message),
    });
    return this.#session.guest_fd;
  }

  async settle(): Promise<void> {
    const session = this.#session;
    await session?.settle();
    if (this.#session === session) this.#session = undefined;
  }

  /**
   * Takes a capability back: what is under way ends at once, what comes is refused, with an error that
   * says so. Returns false where there is none of this name.
   */
  revoke(name: string): boolean {
    if (!this.#services.some((service) => service.name === name)) return false;
    const revocation = revocationOf(this.#revocations, name);
    if (!revocation.signal.aborted) {
      this.#options.log("warn", `The operator has taken "${name}" back`);
      revocation.abort(new CapabilityError("revoked", `the operator has taken "${name}" back`));
    }
    return true;
  }

  /** Gives a capability again that was taken back; false where there is none of this name. */
  restore(name: string): boolean {
    if (!this.#services.some((service) => service.name === name)) return false;
    if (revocationOf(this.#revocations, name).signal.aborted) this.#revocations.delete(name);
    return true;
  }

  /** What the handler has of this broker. */
  describe(): CapabilityDescription[] {
    return this.#services.map(({ name, kind, allowed, revoked }) => ({
      name,
      kind,
      description: this.#options.manifest.capabilities[name].description ?? "",
      bound: allowed,
      revoked: revoked.aborted,
    }));
  }

  /**
   * Makes ready to serve another version of the handler. Throws GrantError where the operator has not
   * bound what its manifest asks for. What is returned makes it so, between two lines, and returns how
   * to go back; a store that has the same name stays the same one.
   */
  prepare(manifest: Manifest, addresses: Readonly<Record<string, string>>): () => () => void {
    const options = { ...this.#options, manifest, addresses };
    const made = [...services(options, this.#revocations)];
    this.#made.push(...made);
    return () => {
      const before = { options: this.#options, services: this.#services };
      this.#options = options;
      this.#services = made.map((service) => {
        const kept = before.services.find(({ name, kind }) =>
          name === service.name && kind === "state"
        );
        return service.kind === "state" && kept !== undefined ? kept : service;
      });
      return () => {
        this.#options = before.options;
        this.#services = before.services;
      };
    };
  }

  /** Ends everything. */
  async close(): Promise<void> {
    await this.settle();
    for (const service of this.#made) if (service.kind === "http") service.client.close();
  }
}

function* services(
  { lun, manifest, addresses, state_folder, network }: BrokerOptions,
  revocations: Map<string, AbortController>,
): Generator<Service> {
  for (const [name, request] of Object.entries(manifest.capabilities)) {
    const revoked = () => revocationOf(revocations, name).signal;
    if (request.kind === "http") {
      const origins = allowedOrigins(name, request, addresses[name]);
      const client = new HttpClient(request, origins, network);
      const allowed = origins.map(formatAllowed).join(", ");
      yield {
        name,
        kind: "http",
        client,
        allowed,
        get revoked() {
          return revoked();
        },
      };
    } else if (request.kind === "tcp") {
      const address = allowedAddress(name, addresses[name]);
      const client = new TcpClient(address, network);
      const allowed = addresses[name];
      yield {
        name,
        kind: "tcp",
        client,
        allowed,
        get revoked() {
          return revoked();
        },
      };
    } else if (request.kind === "state") {
      const max_bytes = request.maxBytes ?? STATE_BYTES_DEFAULT;
      const file = state_folder === undefined
        ? memoryFile()
        : stateFile(join(stateFolder(state_folder, lun), `${name}.json`));
      const store = new StateStore(file, max_bytes);
      const allowed = `${max_bytes} bytes`;
      yield {
        name,
        kind: "state",
        store,
        allowed,
        get revoked() {
          return revoked();
        },
      };
    }
  }
}

/** The present one of a capability. */
function revocationOf(revocations: Map<string, AbortController>, name: string): AbortController {
  const known = revocations.get(name);
  if (known !== undefined) return known;
  const made = new AbortController();
  revocations.set(name, made);
  return made;
}
