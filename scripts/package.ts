/**
 * Makes a Debian package of a compiled lunette: `deno task package [--binary PATH] [--output FOLDER]`.
 * Without a binary it compiles one (scripts/compile.ts). Needs dpkg-deb.
 *
 * @module
 */
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { parseArgs } from "node:util";
import { makeProgram } from "../src/cli/program.ts";
import { VERSION } from "../src/version.ts";
import { buildDate, compile } from "./compile.ts";
import { manPage } from "./package/man_page.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAINTAINER_SCRIPTS = ["postinst", "prerm", "postrm"];
/** e_machine of elf(5), and what Debian calls it. */
const ARCHITECTURES: ReadonlyMap<number, string> = new Map([[62, "amd64"], [183, "arm64"]]);
const COMPLETIONS = {
  bash: "usr/share/bash-completion/completions/lunette",
  zsh: "usr/share/zsh/vendor-completions/_lunette",
  fish: "usr/share/fish/vendor_completions.d/lunette.fish",
} as const;

/** A file of the package. Others than the owner may read it, unless the mode says otherwise. */
interface PackageFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode?: number;
}

async function output(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (!success) throw new Error(`${program} has failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

async function architectureOf(binary: string): Promise<string> {
  using file = await Deno.open(binary);
  const head = new Uint8Array(20);
  await file.read(head);
  const name = ARCHITECTURES.get(new DataView(head.buffer).getUint16(18, true));
  if (name === undefined) throw new Error(`${binary} is no program that Debian has a name for`);
  return name;
}

const packaging = (name: string) => Deno.readTextFile(join(ROOT, "packaging", name));

/** Scripts are made by this program's sources: the binary may be for another machine. */
async function completion(shell: string): Promise<string> {
  const main = join(ROOT, "src/cli/main.ts");
  return await output(Deno.execPath(), "run", "-A", "--quiet", main, "completion", shell);
}

async function files(): Promise<PackageFile[]> {
  const page = manPage(makeProgram(), buildDate());
  const changes = await Deno.readTextFile(join(ROOT, "CHANGELOG.md"));
  const found: PackageFile[] = [
    { path: "usr/lib/systemd/system/lunette.service", content: await packaging("lunette.service") },
    // It may hold the secrets of CHAP.
    { path: "etc/lunette/lunette.json", content: await packaging("lunette.json"), mode: 0o600 },
    { path: "usr/share/man/man8/lunette.8.gz", content: gzipSync(page) },
    { path: "usr/share/doc/lunette/changelog.gz", content: gzipSync(changes) },
    {
      path: "usr/share/doc/lunette/copyright",
      content: await Deno.readTextFile(join(ROOT, "LICENSE")),
    },
  ];
  for (const [shell, path] of Object.entries(COMPLETIONS)) {
    found.push({ path, content: await completion(shell) });
  }
  return found;
}

async function write(folder: string, { path, content, mode = 0o644 }: PackageFile): Promise<void> {
  const target = join(folder, path);
  await Deno.mkdir(dirname(target), { recursive: true });
  if (typeof content === "string") await Deno.writeTextFile(target, content);
  else await Deno.writeFile(target, content);
  await Deno.chmod(target, mode);
}

async function writeControl(folder: string, architecture: string, size: number): Promise<void> {
  const values: Record<string, string> = {
    VERSION,
    ARCHITECTURE: architecture,
    SIZE_KIB: String(Math.ceil(size / 1024)),
  };
  const template = await packaging("debian/control");
  const content = template.replace(/@(\w+)@/g, (_, name) => values[name]);
  await write(folder, { path: "DEBIAN/control", content });
  await write(folder, { path: "DEBIAN/conffiles", content: "/etc/lunette/lunette.json\n" });
  for (const name of MAINTAINER_SCRIPTS) {
    const script = await packaging(`debian/${name}`);
    await write(folder, { path: `DEBIAN/${name}`, content: script, mode: 0o755 });
  }
}

/** Makes the package in a folder; returns its path. Throws where a tool is missing or fails. */
export async function makeDebianPackage(binary: string, into: string): Promise<string> {
  const architecture = await architectureOf(binary);
  const staged = await Deno.makeTempDir({ prefix: "lunette-package-" });
  try {
    await Deno.chmod(staged, 0o755);
    for (const file of await files()) await write(staged, file);
    const program = join(staged, "usr/bin/lunette");
    await Deno.mkdir(dirname(program), { recursive: true });
    await Deno.copyFile(binary, program);
    await Deno.chmod(program, 0o755);
    await Deno.chmod(join(staged, "etc/lunette"), 0o755);
    await writeControl(staged, architecture, (await Deno.stat(program)).size);
    await Deno.mkdir(into, { recursive: true });
    const path = join(into, `lunette_${VERSION}_${architecture}.deb`);
    await output("dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", staged, path);
    return path;
  } finally {
    await Deno.remove(staged, { recursive: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      binary: { type: "string" },
      output: { type: "string", default: join(ROOT, "dist") },
    },
  });
  const binary = values.binary ?? join(ROOT, "dist/lunette");
  if (values.binary === undefined) await compile(binary);
  const path = await makeDebianPackage(binary, values.output);
  const { size } = await Deno.stat(path);
  console.log(`${relative(Deno.cwd(), path)}: ${(size / 1e6).toFixed(0)} MB`);
}

if (import.meta.main) await main();
