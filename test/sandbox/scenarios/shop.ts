/**
 * A marketplace in a folder with its publisher, and an operator who uses the command line: for
 * families 28 to 31.
 *
 * @module
 */
import {
  MarketplaceDouble,
  type PackageChoice,
} from "../../../src/registry/install/marketplace_double.ts";
import { fingerprintOf } from "../../../src/registry/trust/fingerprint.ts";
import { escapeLine } from "../../../src/sandbox/escape.ts";
import type { Findings, Scene } from "../family.ts";
import type { Attempt } from "../judge.ts";

/** Id of the package that everything is about. */
export const ID = "acme.disk";
/** What it asks for, as an operator approves it. */
export const APPROVED = "blocks=memory:volume";
const CAPABILITIES = { blocks: { kind: "memory", size: "volume" } } as const;
const MODULE = `export function open(context) {
  const blocks = context.memory("blocks");
  return {
    size: blocks.size,
    blockSize: 512,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),
  };
}`;

/** What one run of the command line came to. */
export interface Said {
  readonly code: number;
  readonly text: string;
  /** Of it, what was printed on standard error. */
  readonly errors: string;
}

/** What a refusal must be: an exit code, and what its one line says. */
export interface Refusal {
  readonly code: number;
  readonly says: RegExp;
}

/** See the module. */
export class Shop {
  readonly #scene: Scene;
  readonly double: MarketplaceDouble;
  readonly attempts: Attempt[] = [];

  private constructor(scene: Scene, double: MarketplaceDouble) {
    this.#scene = scene;
    this.double = double;
  }

  /** Runs `work` with a new one. */
  static async with(scene: Scene, work: (shop: Shop) => Promise<void>): Promise<Attempt[]> {
    let attempts: Attempt[] = [];
    await MarketplaceDouble.with(async (double) => {
      const shop = new Shop(scene, double);
      attempts = shop.attempts;
      try {
        await work(shop);
      } finally {
        // The next one has other keys of the same names.
        await Deno.remove(`${scene.folder}/daemon/plugins`, { recursive: true }).catch(() => {});
      }
    });
    return attempts;
  }

  /** Puts a version there that can be served, signed and listed. */
  publish(
    choice: PackageChoice = {},
    double: MarketplaceDouble = this.double,
  ): ReturnType<MarketplaceDouble["publish"]> {
    return double.publish({ capabilities: CAPABILITIES, bundle: MODULE, ...choice });
  }

  /** The same, not listed. */
  put(choice: PackageChoice = {}, key = this.double.key): ReturnType<MarketplaceDouble["put"]> {
    return this.double.put({ capabilities: CAPABILITIES, bundle: MODULE, ...choice }, key);
  }

  /** The command line of the operator, who may be another user than the publisher. */
  async plugin(...args: readonly string[]): Promise<Said> {
    await share(this.double.folder);
    return await this.#scene.daemon.lunette(["plugin", ...args]);
  }

  /** Installs with all consent that an operator can give. */
  async install(
    what: string = ID,
    more: readonly string[] = [],
    from: MarketplaceDouble = this.double,
  ): Promise<Said> {
    const trust = await fingerprintOf(from.key.signer.key);
    await share(from.folder);
    return await this.plugin(
      ...["install", what, "--from", from.location, "--yes"],
      ...["--capabilities", APPROVED, "--trust", trust, ...more],
    );
  }

  /** Something that must work, for what comes after it to prove anything. */
  works(said: Said): void {
    if (said.code !== 0) throw new Error(`exit code ${said.code}: ${said.text.trim()}`);
  }

  /** Judges a refusal: its exit code, and one line that says why. */
  refuses(name: string, { code, errors }: Said, wanted: Refusal): void {
    const lines = errors.trim().split("\n");
    const shown = escapeLine(lines.join(" ")).slice(0, 250);
    const [first, ...advice] = lines;
    const clear = code === wanted.code && first.startsWith("lunette: ") &&
      wanted.says.test(first) && advice.length <= 1 &&
      lines.every((line) => escapeLine(line) === line);
    this.attempts.push(
      clear
        ? { name, contained: true, text: shown, layer: "checks of packages" }
        : { name, contained: false, text: `unclear: exit code ${code}: ${shown}` },
    );
  }

  /** Judges something else than the command line. */
  holds(name: string, holds: boolean, text: string, layer = "checks of packages"): void {
    this.attempts.push(
      holds
        ? { name, contained: true, text, layer }
        : { name, contained: false, text: `GOT ${text}` },
    );
  }

  /** Versions that are installed, by id. */
  async installed(): Promise<Readonly<Record<string, string>>> {
    const { code, text } = await this.plugin("ls", "--json");
    if (code !== 0) throw new Error(text);
    const found = JSON.parse(text) as { id: string; version: string }[];
    return Object.fromEntries(found.map(({ id, version }) => [id, version]));
  }
}

/** For all to read. */
async function share(folder: string): Promise<void> {
  await new Deno.Command("chmod", { args: ["-R", "a+rwX", folder] }).output();
}

/** Runs parts of a family, each in a marketplace of its own, on the one daemon. */
export async function inShops(
  scene: Scene,
  parts: readonly ((shop: Shop) => Promise<void>)[],
): Promise<Findings> {
  const attempts: Attempt[] = [];
  const problems: string[] = [];
  for (const part of parts) {
    try {
      attempts.push(...await Shop.with(scene, part));
    } catch (error) {
      problems.push(`${part.name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { attempts, problems };
}
