/** Whether one version of a handler's code can take the place of another under a LUN. */
import type { CapabilityRequest, Manifest } from "../plugin/mod.ts";
import { claimsOf } from "../sandbox/manifest.ts";
import { OperatorError } from "./error.ts";

/** A handler's manifest, and what the operator has set for it, with defaults. */
export interface BoundManifest {
  readonly manifest: Manifest;
  readonly configuration: Readonly<Record<string, unknown>>;
  /** Paths by the name of the file capability. */
  readonly paths: Readonly<Record<string, string>>;
}

/** What a capability is, as far as a descriptor depends on it; words for people are not. */
function grantOf(
  name: string,
  request: CapabilityRequest,
  { configuration, paths }: BoundManifest,
): readonly unknown[] | undefined {
  if (request.kind === "memory") {
    const { when, size } = request;
    if (when !== undefined && !configuration[when]) return undefined;
    return ["memory", name, size, configuration.blockSize];
  }
  if (request.kind !== "file") return undefined;
  const { access, create, direct } = request;
  const isDirect = direct !== undefined && configuration[direct] === true;
  return ["file", name, access, create === true, isDirect, paths[name], configuration.blockSize];
}

/** Everything that a handler keeps its data in, as text that can be compared. */
function grantsOf(bound: BoundManifest): string {
  const grants = Object.entries(bound.manifest.capabilities)
    .map(([name, request]) => grantOf(name, request, bound))
    .filter((grant) => grant !== undefined);
  return JSON.stringify(grants.sort(([, one], [, other]) => String(one) < String(other) ? -1 : 1));
}

/**
 * Throws an {@linkcode OperatorError} where the next version is another handler, answers other
 * commands, or keeps its data elsewhere: what was stored must be what it finds.
 */
export function checkNextVersion(present: BoundManifest, next: BoundManifest): void {
  const refuse = (message: string): never => {
    const advice = 'Make a LUN of it with "lunette create", and copy what is on the old one.';
    throw new OperatorError("usage", message, advice);
  };
  const { id, version } = next.manifest;
  if (id !== present.manifest.id) {
    refuse(`"${id}" is another handler than "${present.manifest.id}", and no version of it`);
  }
  const claims = [present, next].map(({ manifest }) => JSON.stringify(claimsOf(manifest)));
  if (claims[0] !== claims[1]) refuse(`Version ${version} answers other commands by itself`);
  if (grantsOf(present) !== grantsOf(next)) {
    refuse(`Version ${version} asks for other files or memory to keep its data in`);
  }
  // When the daemon starts again it knows by the manifest alone whether content has gone with it.
  const [was, is] = [present, next].map(({ manifest }) => manifest.volatile === true);
  if (was !== is) {
    refuse(`Version ${version} says that its content ${is ? "is lost" : "is kept"} when it ends`);
  }
}
