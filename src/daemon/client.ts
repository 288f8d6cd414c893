/** Talks to a daemon over its control socket. */
import type {
  CommandDescription,
  CreateRequest,
  ErrorBody,
  LimitRequest,
  LunChanged,
  LunDescription,
  LunStatistics,
  MediumRequest,
  ProtectRequest,
  ResizeRequest,
  StatusDescription,
  UpgradeRequest,
} from "./api.ts";
import { type ErrorKind, exitCode, OperatorError } from "./error.ts";

const ROOT = 0;

function isErrorBody(value: unknown): value is ErrorBody {
  return typeof value === "object" && value !== null && "error" in value;
}

export class ControlClient {
  readonly #path: string;
  readonly #uid: number | null;

  /** `uid`: who asks. */
  constructor(path: string, uid: number | null = Deno.uid()) {
    this.#path = path;
    this.#uid = uid;
  }

  /** What is asked is told to this user's daemon, root's, or, by root, to anybody's. */
  async #checkOwner(): Promise<void> {
    if (this.#uid === ROOT) return;
    const owner = await Deno.stat(this.#path).then(({ uid }) => uid, () => this.#uid);
    if (owner === this.#uid || owner === ROOT) return;
    throw new OperatorError(
      "permission",
      `${this.#path} is the socket of user ${owner}`,
      "Set LUNETTE_RUNTIME_DIR to the folder of your own daemon.",
    );
  }

  /** Whether a daemon answers. */
  async isAlive(): Promise<boolean> {
    try {
      (await Deno.connect({ transport: "unix", path: this.#path })).close();
      return true;
    } catch {
      return false;
    }
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    await this.#checkOwner();
    if (!await this.isAlive()) {
      throw new OperatorError(
        "unavailable",
        `No daemon answers at ${this.#path}`,
        'Start one with "lunette serve".',
      );
    }
    const client = Deno.createHttpClient({ proxy: { transport: "unix", path: this.#path } });
    try {
      const response = await fetch(`http://lunette${path}`, {
        method,
        client,
        ...(body === undefined ? {} : {
          body: JSON.stringify(body),
          headers: { "content-type": "application/json" },
        }),
      });
      const value: unknown = await response.json();
      if (response.ok) return value as T;
      if (!isErrorBody(value)) {
        throw new OperatorError("failed", `The daemon said ${response.status}`);
      }
      const { kind, message, advice } = value.error;
      throw new OperatorError(kind in exitCode ? kind as ErrorKind : "failed", message, advice);
    } finally {
      client.close();
    }
  }

  status(): Promise<StatusDescription> {
    return this.#call("GET", "/v1/status");
  }
  list(): Promise<LunDescription[]> {
    return this.#call("GET", "/v1/luns");
  }
  show(name: string): Promise<LunDescription> {
    return this.#call("GET", `/v1/luns/${encodeURIComponent(name)}`);
  }
  create(request: CreateRequest): Promise<LunDescription> {
    return this.#call("POST", "/v1/luns", request);
  }
  async remove(name: string): Promise<void> {
    await this.#call("DELETE", `/v1/luns/${encodeURIComponent(name)}`);
  }
  commands(name: string): Promise<CommandDescription[]> {
    return this.#call("GET", `/v1/luns/${encodeURIComponent(name)}/commands`);
  }
  resize(name: string, request: ResizeRequest): Promise<LunChanged> {
    return this.#change(name, "resize", request);
  }
  limit(name: string, request: LimitRequest): Promise<LunChanged> {
    return this.#change(name, "limit", request);
  }
  upgrade(name: string, request: UpgradeRequest): Promise<LunChanged> {
    return this.#change(name, "upgrade", request);
  }
  protect(name: string, request: ProtectRequest): Promise<LunChanged> {
    return this.#change(name, "protect", request);
  }
  eject(name: string, request: MediumRequest): Promise<LunChanged> {
    return this.#change(name, "eject", request);
  }
  insert(name: string, request: MediumRequest): Promise<LunChanged> {
    return this.#change(name, "insert", request);
  }
  restart(name: string): Promise<LunDescription> {
    return this.#call("POST", `/v1/luns/${encodeURIComponent(name)}/restart`, {});
  }
  revoke(name: string, capability: string): Promise<LunDescription> {
    return this.#call("POST", `/v1/luns/${encodeURIComponent(name)}/revoke`, { capability });
  }
  grant(name: string, capability: string): Promise<LunDescription> {
    return this.#call("POST", `/v1/luns/${encodeURIComponent(name)}/grant`, { capability });
  }
  #change(name: string, verb: string, request: unknown): Promise<LunChanged> {
    return this.#call("POST", `/v1/luns/${encodeURIComponent(name)}/${verb}`, request);
  }
  statistics(): Promise<Readonly<Record<string, LunStatistics>>> {
    return this.#call("GET", "/v1/statistics");
  }
}
