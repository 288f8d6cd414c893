/** How to reach a registry; folders need none of it. */
import type { Credentials, Environment } from "./credentials.ts";
import type { NetworkLimits } from "./network_limit.ts";

export interface StoreOptions {
  /** HTTP without TLS; undefined: for this machine alone. */
  readonly plain_http?: boolean;
  /** For the login; else LUNETTE_REGISTRY_USER and _PASSWORD of LUNETTE_REGISTRY_HOST, else docker's config.json. */
  readonly credentials?: Credentials;
  /** Origin of a token endpoint on another host that may get them; else LUNETTE_REGISTRY_TOKEN_ORIGIN. */
  readonly token_origin?: string;
  /** Certificates of authorities besides the runtime's, as PEM. */
  readonly authorities?: readonly string[];
  /** Instead of the usual ones. */
  readonly limits?: Partial<NetworkLimits>;
  /** Instead of this process's. */
  readonly environment?: Environment;
}
