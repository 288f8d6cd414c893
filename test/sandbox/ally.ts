/**
 * An HTTP server of the runner that attackers are allowed to reach, and that helps them: it sends
 * them on to where they may not go, and tells what it was sent.
 *
 * @module
 */

const ENDLESS_PIECE = new Uint8Array(65536).fill(0x61);

/** See the module. */
export class Ally implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** `forbidden_port` is what nobody may be led to. */
  constructor(forbidden_port: number) {
    const places: Readonly<Record<string, string>> = {
      "/to-port": `http://127.0.0.1:${forbidden_port}/`,
      "/to-name": `http://localhost:${forbidden_port}/`,
      "/to-metadata": "http://169.254.169.254/latest/meta-data/",
      "/to-file": "file:///etc/passwd",
      "/to-relative": `//127.0.0.1:${forbidden_port}/`,
      "/to-user": `http://127.0.0.1:${forbidden_port}@127.0.0.1/`,
      "/to-itself": "/to-itself",
    };
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => {
      const { pathname } = new URL(request.url);
      const place = places[pathname];
      if (place !== undefined) {
        return new Response(null, { status: 302, headers: { location: place } });
      }
      return pathname === "/endless" ? endless() : answer(request);
    });
  }

  get port(): number {
    return this.#server.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** What came, as JSON. */
async function answer(request: Request): Promise<Response> {
  const body = await request.text();
  return Response.json({
    method: request.method,
    url: request.url,
    headers: [...request.headers],
    body_length: body.length,
  });
}

function endless(): Response {
  return new Response(
    new ReadableStream({ pull: (controller) => controller.enqueue(ENDLESS_PIECE) }),
  );
}
