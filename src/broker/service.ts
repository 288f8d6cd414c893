/** What the broker carries out, by kind: one for each capability of a logical unit. */
import type { HttpClient } from "./http_client.ts";
import type { StateStore } from "./state_store.ts";
import type { TcpClient } from "./tcp_stream.ts";

interface Common {
  readonly name: string;
  /** What the operator allowed, in words. */
  readonly allowed: string;
  /** Aborted when the operator takes it back; another one when it is given again. */
  readonly revoked: AbortSignal;
}

/** HTTP servers. */
export interface HttpService extends Common {
  readonly kind: "http";
  readonly client: HttpClient;
}

/** One TCP address. */
export interface TcpService extends Common {
  readonly kind: "tcp";
  readonly client: TcpClient;
}

/** A store. */
export interface StateService extends Common {
  readonly kind: "state";
  readonly store: StateStore;
}

/** What has streams. */
export type StreamService = HttpService | TcpService;

/** See the module. */
export type Service = StreamService | StateService;
