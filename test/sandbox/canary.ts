/**
 * Listeners of the runner on loopback: what an attacker must not reach. Whoever gets there is told
 * the secret, and is counted.
 *
 * @module
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** See the module. */
export class Canary implements AsyncDisposable {
  readonly #tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #unix: Deno.UnixListener;
  readonly #udp: Socket;
  readonly unix_path: string;
  #visitors: string[] = [];

  /** `folder` is where the unix socket is made, for all to connect to. */
  static async open(folder: string): Promise<Canary> {
    const udp = createSocket("udp4").bind(0, "127.0.0.1");
    await once(udp, "listening");
    return new Canary(folder, udp);
  }

  private constructor(folder: string, udp: Socket) {
    this.unix_path = `${folder}/canary.sock`;
    this.#unix = Deno.listen({ transport: "unix", path: this.unix_path });
    Deno.chmodSync(this.unix_path, 0o666);
    this.#udp = udp.on("message", () => this.#visitors.push("UDP"));
    void this.#accept(this.#tcp, "TCP");
    void this.#accept(this.#unix, "a unix socket");
  }

  get tcp_port(): number {
    return this.#tcp.addr.port;
  }

  get udp_port(): number {
    return this.#udp.address().port;
  }

  /** By what the runner was reached since the last call. */
  take(): string[] {
    const visitors = this.#visitors;
    this.#visitors = [];
    return visitors;
  }

  async #accept(listener: Deno.Listener, name: string): Promise<void> {
    try {
      for await (const connection of listener) {
        this.#visitors.push(name);
        void this.#answer(connection);
      }
    } catch {
      // Closed.
    }
  }

  async #answer(connection: Deno.Conn): Promise<void> {
    const body = "export default 'reached';\n";
    const head =
      `HTTP/1.1 200 OK\r\ncontent-type: text/typescript\r\ncontent-length: ${body.length}`;
    try {
      await connection.write(
        new TextEncoder().encode(`${head}\r\nconnection: close\r\n\r\n${body}`),
      );
    } finally {
      connection.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#tcp.close();
    this.#unix.close();
    this.#udp.close();
    return Promise.resolve();
  }
}
