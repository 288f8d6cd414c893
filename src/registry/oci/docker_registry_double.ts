/** For tests: Debian's docker-registry on loopback, with files in a temporary folder. */
import { join } from "node:path";

const PROGRAM = "docker-registry";
/** bcrypt of {@linkcode PASSWORD}; a password with a colon is one. */
export const USER = "ada";
export const PASSWORD = "se:cret";
const HTPASSWD = `${USER}:$2y$04$1eaBbD41X2i5lAa3xVPUlOFzTNMnuBaW9eT3gnLBqQIC2D9Fq30Qq\n`;

/** A registry that runs. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
}

/** Why there is none here; undefined where there is. */
export async function noDockerRegistry(): Promise<string | undefined> {
  try {
    await new Deno.Command(PROGRAM, { args: ["--version"], stdout: "null" }).output();
    return undefined;
  } catch {
    return `there is no ${PROGRAM} here (Debian's package of that name)`;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function configuration(folder: string, host: string, basic: boolean): string {
  const auth = basic
    ? { auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } } }
    : {};
  return JSON.stringify({
    version: 0.1,
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    http: { addr: host },
    ...auth,
  });
}

async function listens(host: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${host}/v2/`);
    await answer.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** Starts one; `basic` asks for {@linkcode USER} and {@linkcode PASSWORD}. */
export async function startDockerRegistry(basic: boolean): Promise<DockerRegistry> {
  const folder = await Deno.makeTempDir();
  const host = `127.0.0.1:${freePort()}`;
  await Deno.writeTextFile(join(folder, "htpasswd"), HTPASSWD);
  await Deno.writeTextFile(join(folder, "config.yml"), configuration(folder, host, basic));
  const child = new Deno.Command(PROGRAM, {
    args: ["serve", join(folder, "config.yml")],
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  const status = child.status.then(() => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGKILL");
    await status;
    await Deno.remove(folder, { recursive: true });
  };
  const end_ms = performance.now() + 15_000;
  while (!await listens(host)) {
    if (ended || performance.now() > end_ms) {
      await stop();
      throw new Error(`${PROGRAM} does not serve`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { host, [Symbol.asyncDispose]: stop };
}
