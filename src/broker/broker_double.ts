/** A broker with a guest's end in the same process, and servers on loopback, for tests. */
import type { CapabilityRequest, Manifest } from "../plugin/mod.ts";
import { brokered } from "../sandbox/broker_capability.ts";
import type { Brokered } from "../sandbox/context.ts";
import { closeDescriptor } from "../sys/descriptor.ts";
import { openGuestCalls } from "../sys/guest_calls.ts";
import { Reactor } from "../sys/reactor.ts";
import { Broker, type BrokerOptions } from "./broker.ts";

/** A manifest that asks for these. */
export function manifestOf(capabilities: Record<string, CapabilityRequest>): Manifest {
  return {
    id: "test",
    version: "1.0.0",
    apiVersion: 1,
    deviceType: "disk",
    description: "A test",
    capabilities,
  };
}

/** A broker and what came of it. */
export class BrokerRig implements AsyncDisposable {
  readonly broker: Broker;
  readonly violations: string[] = [];
  readonly logged: string[] = [];
  readonly #reactor: Reactor;
  readonly #descriptors: number[] = [];

  constructor(
    capabilities: Record<string, CapabilityRequest>,
    options: Partial<BrokerOptions> = {},
  ) {
    this.#reactor = new Reactor((error) => this.logged.push(String(error)));
    this.broker = new Broker({
      lun: "unit",
      manifest: manifestOf(capabilities),
      addresses: {},
      state_folder: undefined,
      reactor: this.#reactor,
      log: (_level, message) => this.logged.push(message),
      ...options,
    });
    this.broker.onViolation = (reason) => this.violations.push(reason);
  }

  /** Begins a line as for a new process; the guest's end is this rig's to close. */
  line(): number {
    const fd = this.broker.open();
    this.#descriptors.push(fd);
    return fd;
  }

  /** The capabilities as a handler has them. */
  guest(): Brokered {
    return brokered(openGuestCalls().line(this.line()), this.broker.capabilities);
  }

  /** Closes the guest's ends, as the end of its process does. */
  hangUp(): void {
    for (const fd of this.#descriptors.splice(0)) closeDescriptor(fd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.broker.close();
    // After the daemon's end: a read that waits there ends.
    this.hangUp();
    await this.#reactor.close();
  }
}

/** An HTTP server on loopback. */
export function serve(
  answer: (request: Request) => Response | Promise<Response>,
): { url: string; port: number } & AsyncDisposable {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  const { port } = server.addr;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A TCP server on loopback that does this with every connection. */
export function listen(
  accept: (connection: Deno.TcpConn) => Promise<void>,
): { port: number } & AsyncDisposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  const running = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      void accept(connection).catch(() => {}).finally(() => {
        open.delete(connection);
        try {
          connection.close();
        } catch {
          // It was closed.
        }
      });
    }
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of open) connection.close();
      await running;
    },
  };
}
