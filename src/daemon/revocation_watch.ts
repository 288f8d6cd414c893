/**
 * Looks for packages that are revoked while LUNs serve them. What is known of revocations comes from
 * the verbs around packages, which write it to a file; this looks whether that has changed.
 */
import { operatorError } from "./error.ts";
import type { Log } from "./log.ts";
import type { Lun } from "./lun.ts";
import type { LunSet } from "./lun_set.ts";
import type { PackageHandlers } from "./package_handlers.ts";

const INTERVAL_MS = 2_000;

/** What tells one content of a file from another without reading it. */
async function stamp(path: string): Promise<string> {
  try {
    const { ino, mtime, size } = await Deno.stat(path);
    return `${ino} ${mtime?.getTime()} ${size}`;
  } catch {
    return "";
  }
}

/** See the module. */
export class RevocationWatch {
  readonly #packages: PackageHandlers;
  readonly #luns: LunSet;
  readonly #log: Log;
  readonly #timer: ReturnType<typeof setInterval>;
  #seen = "";
  #looking: Promise<void> | undefined;

  constructor(packages: PackageHandlers, luns: LunSet, log: Log, interval_ms = INTERVAL_MS) {
    this.#packages = packages;
    this.#luns = luns;
    this.#log = log;
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => this.#looking = undefined);
    }, interval_ms);
  }

  async #look(): Promise<void> {
    const serving = this.#luns.all.filter((lun) => lun.package !== undefined);
    // A LUN that came meanwhile was looked at when it was resolved.
    if (serving.length === 0) return;
    const digests = serving.map((lun) => lun.package?.installed.digest);
    const stamps = await Promise.all(this.#packages.paths.map(stamp));
    const now = [...stamps, ...digests].join(" ");
    if (now === this.#seen) return;
    try {
      for (const lun of serving) await this.#judge(lun);
      this.#seen = now;
    } catch (error) {
      this.#seen = now;
      this.#log("error", "", `cannot tell what was revoked: ${operatorError(error).message}`);
    }
  }

  async #judge(lun: Lun): Promise<void> {
    const problem = lun.package && await this.#packages.problemOf(lun.package.installed);
    if (problem === lun.revoked) return;
    lun.revoked = problem;
    if (problem === undefined) return;
    const stops = this.#packages.policy === "stop";
    const { name } = lun.record;
    this.#log(
      "error",
      name,
      `${problem}. ` +
        (stops ? "It is stopped, as plugin_revocation says" : "It goes on serving until it ends"),
    );
    if (stops) lun.handlerFailed(problem);
  }

  /** Ends looking. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }
}
