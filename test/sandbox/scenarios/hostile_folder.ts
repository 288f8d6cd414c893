/**
 * Family 36: folders of handlers that hold what nobody expects there, or that change while they are
 * looked at.
 *
 * @module
 */
import { dirname } from "node:path";
import type { Findings, Scene } from "../family.ts";
import type { Attempt } from "../judge.ts";
import { planOf } from "../plan.ts";
import { stageAttacker, writePlan } from "../stage.ts";
import { type Expected, inTime, tryCommandLine, tryCreation } from "./creation.ts";

const ATTACKER = "36-folder";
const RACE_QUICK_MS = 2_000;
const RACE_MS = 15_000;
const CREATE_TIMEOUT_MS = 10_000;
/** The daemon's own limit of what is looked at. */
const FILES_COUNT = 10_500;

/** Makes a staged handler's folder hostile. `module` is the path of its module. */
interface Trick {
  readonly make: (folder: string, module: string, scene: Scene) => Promise<void> | void;
  readonly expected: Expected;
}

type Manifest = Record<string, unknown>;

/** Changes the manifest's text. */
const manifest = (change: (manifest: Manifest) => string) => async (folder: string) => {
  const path = `${folder}/handler.json`;
  await Deno.writeTextFile(path, change(JSON.parse(await Deno.readTextFile(path))));
};

const withMember = (name: string, value: unknown) =>
  manifest((before) => JSON.stringify({ ...before, [name]: value }));

async function replaceByPipe(path: string): Promise<void> {
  await Deno.remove(path);
  await new Deno.Command("mkfifo", { args: ["-m", "644", path] }).output();
}

async function replaceByLink(path: string, target: string): Promise<void> {
  await Deno.remove(path);
  await Deno.symlink(target, path);
}

/** Modules that import each other in a row, and the last one the first. */
async function chain(_folder: string, module: string): Promise<void> {
  const place = dirname(module);
  for (let at = 0; at < 300; at++) {
    const next = at === 299 ? "mod.ts" : `chain${at + 1}.ts`;
    await Deno.writeTextFile(`${place}/chain${at}.ts`, `import "./${next}"; export {};\n`);
  }
  const text = await Deno.readTextFile(module);
  await Deno.writeTextFile(module, `import "./chain0.ts";\n${text}`);
}

async function manyFiles(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/many`);
  for (let at = 0; at < FILES_COUNT; at++) Deno.writeFileSync(`${folder}/many/${at}`, nothing);
}

const nothing = new Uint8Array();
const deep = (open: string, close: string, count: number) =>
  open.repeat(count) + "1" + close.repeat(count);
const REFUSED: Expected = /^refused: /;
const EITHER: Expected = /^(refused: |served$)/;

const tricks: Readonly<Record<string, Trick>> = {
  "honest": { make: () => {}, expected: "served" },
  "manifest-pipe": {
    make: (folder) => replaceByPipe(`${folder}/handler.json`),
    expected: /regular file/,
  },
  "manifest-device": {
    make: (folder) => replaceByLink(`${folder}/handler.json`, "/dev/zero"),
    expected: /regular file/,
  },
  "manifest-of-1-tib": {
    make: (folder) => Deno.truncate(`${folder}/handler.json`, 2 ** 40),
    expected: /longer than/,
  },
  "manifest-is-secret": {
    make: (folder, _, { bait }) => replaceByLink(`${folder}/handler.json`, bait.secret_path),
    expected: REFUSED,
  },
  "manifest-deep": { make: manifest(() => deep("[", "]", 30_000)), expected: /not an object/ },
  "manifest-deep-default": {
    make: manifest((before) =>
      JSON.stringify({ ...before, configuration: { type: "object", default: "DEEP" } })
        .replace('"DEEP"', deep("[", "]", 20_000))
    ),
    expected: EITHER,
  },
  "manifest-deep-schema": {
    make: manifest((before) =>
      JSON.stringify({ ...before, configuration: "DEEP" })
        .replace('"DEEP"', deep('{"type":"object","properties":{"a":', "}}", 1000))
    ),
    expected: REFUSED,
  },
  "manifest-prototype": {
    make: manifest((before) =>
      JSON.stringify(before).replace('"blocks"', '"__proto__":{"kind":"clock"},"blocks"')
    ),
    expected: REFUSED,
  },
  "manifest-many-memories": {
    make: withMember(
      "capabilities",
      Object.fromEntries(
        Array.from({ length: 1500 }, (_, at) => [`m${at}`, { kind: "memory", size: 4096 }]),
      ),
    ),
    expected: /capabilities are more/,
  },
  "manifest-pattern": {
    make: withMember("configuration", {
      type: "object",
      properties: { trick: { type: "string", pattern: "^(a+)+$" } },
    }),
    expected: /not supported/,
  },
  "manifest-command-of-host": {
    make: withMember("commands", [{ code: "12", name: "INQUIRY" }]),
    expected: /the host answers/,
  },
  "module-pipe": { make: (_, module) => replaceByPipe(module), expected: /regular file/ },
  "module-link-outside": {
    make: (_, module, { bait }) => replaceByLink(module, new URL(bait.outside_module).pathname),
    expected: /outside of the handler's folder/,
  },
  "module-of-3-gib": { make: (_, module) => Deno.truncate(module, 3 * 2 ** 30), expected: REFUSED },
  "module-climbs": { make: withMember("module", "36-folder/../../x.ts"), expected: /outside/ },
  "module-absolute": { make: withMember("module", "/etc/passwd"), expected: /outside/ },
  "link-to-itself": { make: (folder) => Deno.symlink(".", `${folder}/loop`), expected: "served" },
  "chain-of-modules": { make: chain, expected: "served" },
  "many-files": { make: manyFiles, expected: EITHER },
};

async function stageFolder(scene: Scene, name: string): Promise<[string, string]> {
  const folder = `${scene.folder}/attackers/${name}`;
  await stageAttacker(ATTACKER, folder, scene.bait);
  await writePlan(folder, planOf(scene, folder));
  return [folder, `${folder}/${ATTACKER}/mod.ts`];
}

/** See the module. */
export async function hostileFolder(scene: Scene): Promise<Findings> {
  const attempts: Attempt[] = [];
  for (const [name, { make, expected }] of Object.entries(tricks)) {
    const [folder, module] = await stageFolder(scene, name);
    await make(folder, module, scene);
    attempts.push(await tryCreation(scene, name, { handler: folder }, expected));
  }
  attempts.push(await printedMember(scene));
  attempts.push(await race(scene, "race-open", 0o755, LINK));
  // Copied by the daemon of root, where others may not read it.
  attempts.push(await race(scene, "race-closed", 0o700, LINK));
  if (scene.user.uid === 0) attempts.push(await race(scene, "race-closed-pipe", 0o700, PIPE));
  return { attempts, problems: [] };
}

/** Names of members are a stranger's words, too. */
async function printedMember(scene: Scene): Promise<Attempt> {
  const [folder] = await stageFolder(scene, "printed-member");
  await withMember("\x1b[2J\x1b]0;owned\x07\n\u202eforged", 1)(folder);
  return await tryCommandLine(scene, "printed-member", { handler: folder });
}

/**
 * A text that the handler imports becomes a link to a secret and back, as fast as can be, while the
 * handler is started again and again: it never sees the secret.
 */
async function race(scene: Scene, name: string, mode: number, swap: string): Promise<Attempt> {
  const { daemon, bait, quick } = scene;
  const [folder, module] = await stageFolder(scene, name);
  const place = `${dirname(module)}/text.json`;
  const source = `import text from "./text.json" with { type: "text" };\n` +
    `console.error("<6>attack: it reads " + text);\n`;
  await Deno.writeTextFile(place, '"plain"');
  await Deno.writeTextFile(module, source + await Deno.readTextFile(module));
  await new Deno.Command("chown", { args: ["-R", `${scene.user.uid}`, folder] }).output();
  await Deno.chmod(folder, mode);
  const swapper = new Deno.Command("/bin/sh", {
    args: ["-c", swap, place, bait.secret_path],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const end_ms = performance.now() + (quick ? RACE_QUICK_MS : RACE_MS);
  let starts = 0;
  try {
    while (performance.now() < end_ms) {
      const made = await inTime(
        daemon.create({ name, handler: folder, size_bytes: 1 << 20 }).then(() => true, () => false),
        CREATE_TIMEOUT_MS,
      );
      if (made === undefined) return { name, contained: false, text: "GOT the daemon to wait" };
      starts++;
      if (made) await daemon.remove(name);
    }
  } finally {
    swapper.kill("SIGKILL");
    await swapper.status;
  }
  return daemon.log().includes(bait.secret)
    ? { name, contained: false, text: "GOT the secret" }
    : { name, contained: true, text: `not in ${starts} starts`, layer: "read in its own place" };
}

/** $0 is a file in the folder, $1 the secret. */
const LINK = `
while :; do
  ln -sf "$1" "$0.new" && mv -f "$0.new" "$0"
  printf '"plain"' > "$0.new2" && mv -f "$0.new2" "$0"
done`;
const PIPE = `
while :; do
  mkfifo "$0.new" && mv -f "$0.new" "$0"
  printf '"plain"' > "$0.new2" && mv -f "$0.new2" "$0"
done`;
