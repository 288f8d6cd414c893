/** Who logs in: as given, else by environment, else as docker keeps it. */
import { join } from "node:path";
import { RegistryError } from "../artifact_store.ts";
import { plain } from "./name.ts";

/** For a login. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Looks up variables of the environment. */
export interface Environment {
  get(name: string): string | undefined;
}

const CONFIG_LENGTH_MAX = 1 << 20;

/** The value of an Authorization field. */
export function basicAuthorization({ user, password }: Credentials): string {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return `Basic ${bytes.toBase64()}`;
}

function fromEnvironment(environment: Environment, host: string): Credentials | undefined {
  const user = environment.get("LUNETTE_REGISTRY_USER");
  const password = environment.get("LUNETTE_REGISTRY_PASSWORD");
  if (user === undefined || password === undefined) return undefined;
  // Without its name any marketplace that is asked could ask for them.
  return environment.get("LUNETTE_REGISTRY_HOST") === host ? { user, password } : undefined;
}

function decodeAuth(auth: unknown): Credentials | undefined {
  if (typeof auth !== "string") return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(auth));
    const colon = text.indexOf(":");
    if (colon < 1) return undefined;
    return { user: text.slice(0, colon), password: text.slice(colon + 1) };
  } catch {
    return undefined;
  }
}

/** The registry that a key of `auths` means: older ones are URLs. */
function hostOfKey(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/.*$/s, "");
}

async function fromDocker(
  environment: Environment,
  host: string,
): Promise<Credentials | undefined> {
  const folder = environment.get("DOCKER_CONFIG") ??
    join(environment.get("HOME") ?? "/", ".docker");
  const path = join(folder, "config.json");
  let value: unknown;
  try {
    if ((await Deno.stat(path)).size > CONFIG_LENGTH_MAX) throw new Error("it is too long");
    value = JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    const gone = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (gone) return undefined;
    const reason = error instanceof SyntaxError ? "it is not JSON" : plain(String(error));
    throw new RegistryError("permission", `Cannot use ${path}: ${reason}`, "Correct or remove it.");
  }
  const auths = (value as { auths?: unknown } | null)?.auths;
  if (typeof auths !== "object" || auths === null) return undefined;
  for (const [key, entry] of Object.entries(auths)) {
    if (hostOfKey(key) === host) return decodeAuth((entry as { auth?: unknown } | null)?.auth);
  }
  return undefined;
}

/**
 * Credentials for a registry, `host` with its port; undefined where there are none: docker's programs
 * that keep passwords are not asked. Throws RegistryError "permission" where a file cannot be used.
 */
export async function findCredentials(
  host: string,
  given: Credentials | undefined,
  environment: Environment,
): Promise<Credentials | undefined> {
  const found = given ?? fromEnvironment(environment, host) ?? await fromDocker(environment, host);
  // RFC 7617 2: what is before the first colon is the user.
  if (found !== undefined && found.user.includes(":")) {
    throw new RegistryError("usage", "A user's name for a registry has no colon", "Correct it.");
  }
  return found;
}
