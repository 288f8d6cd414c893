/**
 * Serves a handler's folder while it is worked on: what is new takes the place of what is served, and
 * where it does not serve, what was served goes on.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import type { CreateRequest, LunDescription } from "../../daemon/api.ts";
import { Daemon } from "../../daemon/daemon.ts";
import type { Log } from "../../daemon/log.ts";
import type { Manifest } from "../../plugin/mod.ts";
import { Bundler } from "../../registry/pack/bundler.ts";
import type { PackedHandler } from "../../registry/pack/pack.ts";
import { OPTIONAL_LAYERS } from "../../sandbox/lockdown/layers.ts";
import { packToTry, stage, takesSize } from "./staged.ts";

/** Name of the LUN. */
export const DEV_LUN = "dev";

/** How the supervisor refuses a process whose volume initiators would notice. */
const OTHER_VOLUME = /opened another volume than before/;
const SIZE_BYTES = 256 << 20;

/** How to serve it. */
export interface DevOptions {
  readonly folder: string;
  readonly listen: { readonly address: string; readonly port: number };
  /** Default: 256 MiB for a handler that takes a size. */
  readonly size_bytes?: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: Log;
}

/** What came of a reload. */
export type Reloaded =
  /** The code is what it was. */
  | "same"
  /** A new process serves the same LUN, with the same content. */
  | "replaced"
  /** The LUN was made anew: it asks for something else, or its volume is another. */
  | "made anew";

/** What a process is started with, and what initiators see: all but words about it. */
function essence({ version: _version, description: _description, ...rest }: Manifest) {
  return rest;
}

/** See the module. */
export class DevServer {
  readonly #options: DevOptions;
  readonly #daemon: Daemon;
  readonly #root: string;
  /** Made when it is first needed: the daemon's own WebAssembly goes first. */
  #bundler: Bundler | undefined;
  #served: PackedHandler;
  #versions = 0;

  private constructor(options: DevOptions, daemon: Daemon, root: string, served: PackedHandler) {
    this.#options = options;
    this.#daemon = daemon;
    this.#root = root;
    this.#served = served;
  }

  /** Packs and serves. Throws RegistryError, or what the daemon throws. */
  static async start(options: DevOptions): Promise<DevServer> {
    const packed = await packToTry(options.folder);
    const root = await Deno.makeTempDir({ prefix: "lunette-dev-" });
    // As root, the handler's process is another user.
    await Deno.chmod(root, 0o755);
    const run = join(root, "run");
    const daemon = await Daemon.start({
      paths: { runtime: run, state: run, socket: join(run, "control.sock") },
      log: options.log,
      embedded: { ...options.listen, fallback: true },
      ephemeral: true,
    });
    const server = new DevServer(options, daemon, root, packed);
    try {
      await server.#create(packed);
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** A folder for each version: one that does not serve leaves the other as it is. */
  async #stage(packed: PackedHandler): Promise<string> {
    const folder = join(this.#root, `version-${++this.#versions}`);
    await stage(packed, folder);
    return folder;
  }

  /** The LUN as it is served now. */
  get lun(): LunDescription {
    return this.#daemon.show(DEV_LUN);
  }

  /** What is served. */
  get served(): PackedHandler {
    return this.#served;
  }

  /** Whether the LUN listens elsewhere than it was asked to. */
  get fellBack(): boolean {
    return this.#daemon.fellBack;
  }

  async #create(packed: PackedHandler): Promise<void> {
    const handler = await this.#stage(packed);
    const { settings } = this.#options;
    const default_bytes = takesSize(packed.manifest) ? SIZE_BYTES : undefined;
    const size_bytes = this.#options.size_bytes ?? default_bytes;
    const request: CreateRequest = {
      name: DEV_LUN,
      handler,
      settings,
      ...(size_bytes === undefined ? {} : { size_bytes }),
      fabric: "embedded-iscsi",
      // It is the author's own machine, and the author's own handler.
      accept_missing_layers: OPTIONAL_LAYERS,
    };
    await this.#daemon.create(request);
    this.#served = packed;
  }

  /**
   * Packs the folder again and serves what is new. Throws RegistryError, or what the daemon throws,
   * and then what was served before is served again.
   */
  async reload(): Promise<Reloaded> {
    const packed = await packToTry(this.#options.folder, this.#bundler ??= new Bundler());
    const before = this.#served;
    if (isDeepStrictEqual(packed.code, before.code)) {
      if (isDeepStrictEqual(packed.manifest, before.manifest)) return "same";
    }
    if (!isDeepStrictEqual(essence(packed.manifest), essence(before.manifest))) {
      await this.#makeAnew(packed);
      return "made anew";
    }
    try {
      await this.#replace(packed);
      return "replaced";
    } catch (error) {
      if (!(error instanceof Error && OTHER_VOLUME.test(error.message))) throw error;
      await this.#makeAnew(packed);
      return "made anew";
    }
  }

  /** As `lunette upgrade` does it: commands wait meanwhile, and what does not serve goes again. */
  async #replace(packed: PackedHandler): Promise<void> {
    const handler = await this.#stage(packed);
    // Its author looks at it: it is not taken back later, by itself.
    await this.#daemon.upgrade(DEV_LUN, { handler, probation_ms: 0 });
    this.#served = packed;
  }

  /** Initiators see the LUN go and come. */
  async #makeAnew(packed: PackedHandler): Promise<void> {
    const before = this.#served;
    await this.#daemon.remove(DEV_LUN);
    try {
      await this.#create(packed);
    } catch (error) {
      await this.#create(before);
      throw error;
    }
  }

  /** Ends what is served, and removes what was made for it. */
  async close(): Promise<void> {
    this.#bundler?.[Symbol.dispose]();
    await this.#daemon.stop();
    await Deno.remove(this.#root, { recursive: true });
  }
}
