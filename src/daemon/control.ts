/** The control API: JSON over HTTP on a unix socket that only its owner may use. */
import type { ErrorBody } from "./api.ts";
import type { Daemon } from "./daemon.ts";
import { httpStatus, OperatorError, operatorError } from "./error.ts";
import {
  parseCapabilityChange,
  parseCreateRequest,
  parseLimitRequest,
  parseMediumRequest,
  parseProtectRequest,
  parseResizeRequest,
  parseRestartRequest,
  parseUpgradeRequest,
} from "./requests.ts";

/** Bytes of a request's body. */
const BODY_LENGTH_MAX = 1 << 20;
/** How long a stop waits for requests that are being answered. */
const CLOSE_TIMEOUT_MS = 2_000;

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

/** Answers a request about one LUN; `verb` is what follows its name in the path. */
async function routeLun(
  daemon: Daemon,
  request: Request,
  name: string,
  verb: string | undefined,
): Promise<unknown> {
  switch (`${request.method} ${verb ?? ""}`) {
    case "GET ":
      return daemon.show(name);
    case "DELETE ":
      await daemon.remove(name);
      return {};
    case "GET commands":
      return daemon.commands(name);
    case "POST resize":
      return await daemon.resize(name, parseResizeRequest(await readBody(request)));
    case "POST limit":
      return await daemon.limit(name, parseLimitRequest(await readBody(request)));
    case "POST upgrade":
      return await daemon.upgrade(name, parseUpgradeRequest(await readBody(request)));
    case "POST protect":
      return await daemon.protect(name, parseProtectRequest(await readBody(request)));
    case "POST restart":
      parseRestartRequest(await readBody(request));
      return await daemon.restart(name);
    case "POST revoke":
      return await daemon.revoke(name, parseCapabilityChange(await readBody(request)));
    case "POST grant":
      return await daemon.grant(name, parseCapabilityChange(await readBody(request)));
    case "POST eject":
      return await daemon.eject(name, parseMediumRequest(await readBody(request)));
    case "POST insert":
      return await daemon.insert(name, parseMediumRequest(await readBody(request)));
    default:
      return undefined;
  }
}

async function route(daemon: Daemon, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const { method } = request;
  if (method === "GET" && pathname === "/v1/status") return Response.json(daemon.status());
  if (method === "GET" && pathname === "/v1/luns") return Response.json(daemon.list());
  if (method === "GET" && pathname === "/v1/statistics") {
    return Response.json(await daemon.statistics());
  }
  if (method === "POST" && pathname === "/v1/luns") {
    const made = await daemon.create(parseCreateRequest(await readBody(request)));
    return Response.json(made, { status: 201 });
  }
  const match = /^\/v1\/luns\/([^/]+)(?:\/([a-z]+))?$/.exec(pathname);
  if (match !== null) {
    const answer = await routeLun(daemon, request, decodeURIComponent(match[1]), match[2]);
    if (answer !== undefined) return Response.json(answer);
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
      // Who waits for a handler that does not open shall not keep the daemon from its end.
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise((resolve) => timer = setTimeout(resolve, CLOSE_TIMEOUT_MS));
      await Promise.race([server.shutdown(), late]);
      clearTimeout(timer);
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
