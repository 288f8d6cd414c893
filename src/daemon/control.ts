/** The control API: JSON over HTTP on a unix socket that only its owner may use. */
import type { CreateRequest, ErrorBody } from "./api.ts";
import type { Daemon } from "./daemon.ts";
import { httpStatus, OperatorError, operatorError } from "./error.ts";
import { fabricKinds } from "./lun_record.ts";
import { SIZE_MAX_BYTES } from "./size.ts";

/** Bytes of a request's body. */
const BODY_LENGTH_MAX = 1 << 20;

export interface ControlServer {
  close(): Promise<void>;
}

function failure(error: unknown): Response {
  const { kind, message, advice } = operatorError(error);
  const body: ErrorBody = { error: { kind, message, advice } };
  return Response.json(body, { status: httpStatus[kind] });
}

function bad(message: string): OperatorError {
  return new OperatorError("usage", message);
}

async function readBody(request: Request): Promise<unknown> {
  const length = Number(request.headers.get("content-length") ?? "0");
  if (!(length <= BODY_LENGTH_MAX)) throw bad("The request is too long");
  const text = await request.text();
  try {
    return JSON.parse(text);
  } catch {
    throw bad("The request is not JSON");
  }
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null &&
    Object.values(value).every((item) => typeof item === "string");
}

/** Checks what came over the socket. */
export function parseCreateRequest(value: unknown): CreateRequest {
  if (typeof value !== "object" || value === null) throw bad("The request is not an object");
  const body = value as Record<string, unknown>;
  const { name, handler, size_bytes, settings, fabric, isolation, deadline_ms } = body;
  if (typeof name !== "string") throw bad('"name" is missing');
  if (typeof handler !== "string") throw bad('"handler" is missing');
  const isCount = (item: unknown) =>
    item === undefined ||
    (Number.isInteger(item) && Number(item) >= 0 && Number(item) <= SIZE_MAX_BYTES);
  if (!isCount(size_bytes)) throw bad('"size_bytes" is not a number of bytes');
  if (!isCount(deadline_ms)) throw bad('"deadline_ms" is not a number of milliseconds');
  if (settings !== undefined && !isStringRecord(settings)) throw bad('"settings" holds no strings');
  if (fabric !== undefined && !fabricKinds.includes(fabric as typeof fabricKinds[number])) {
    throw bad(`"fabric" is none of ${fabricKinds.join(", ")}`);
  }
  if (isolation !== undefined && isolation !== "process" && isolation !== "thread") {
    throw bad('"isolation" is neither "process" nor "thread"');
  }
  return body as unknown as CreateRequest;
}

async function route(daemon: Daemon, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const { method } = request;
  const name = /^\/v1\/luns\/([^/]+)$/.exec(pathname)?.[1];
  if (method === "GET" && pathname === "/v1/status") return Response.json(daemon.status());
  if (method === "GET" && pathname === "/v1/luns") return Response.json(daemon.list());
  if (method === "GET" && pathname === "/v1/statistics") {
    return Response.json(await daemon.statistics());
  }
  if (method === "POST" && pathname === "/v1/luns") {
    const made = await daemon.create(parseCreateRequest(await readBody(request)));
    return Response.json(made, { status: 201 });
  }
  if (name !== undefined) {
    const decoded = decodeURIComponent(name);
    if (method === "GET") return Response.json(daemon.show(decoded));
    if (method === "DELETE") {
      await daemon.remove(decoded);
      return Response.json({});
    }
  }
  throw new OperatorError("not-found", `There is nothing at ${method} ${pathname}`);
}

/**
 * Serves the control API on the socket at `path`, mode 0600. A socket that nobody answers on is
 * left over from a daemon that was killed, and is replaced.
 */
export async function serveControl(daemon: Daemon, path: string): Promise<ControlServer> {
  if (await isAnswered(path)) {
    throw new OperatorError(
      "busy",
      `A daemon already answers at ${path}`,
      "Use it, or stop it first.",
    );
  }
  await Deno.remove(path).catch(() => {});
  // The socket is born with the umask's mode: nobody can connect before it is changed.
  const mask = Deno.umask(0o177);
  let server: Deno.HttpServer;
  try {
    server = Deno.serve({ path, onListen: () => {} }, async (request) => {
      try {
        return await route(daemon, request);
      } catch (error) {
        return failure(error);
      }
    });
  } finally {
    Deno.umask(mask);
  }
  await Deno.chmod(path, 0o600);
  return {
    close: async () => {
      await server.shutdown();
      await Deno.remove(path).catch(() => {});
    },
  };
}

async function isAnswered(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}
