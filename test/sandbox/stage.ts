/**
 * What a run needs on disk, in one folder that everybody can read: the program and its sources, a
 * second copy whose guest leaks (leak.ts), the attackers, secrets, and a place that must stay empty.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CHANNEL_SIZE,
  COMPLETION_SIZE,
  QUEUE_LENGTH,
  REQUEST_SIZE,
} from "../../src/sandbox/layout.ts";
import {
  COMPLETION_WORD,
  completionWord,
  REQUEST_WORD,
  submissionWord,
  WORD_CLOSING,
  WORD_COMPLETE_TAIL,
  WORD_DAEMON_WAITING,
  WORD_EPOCH,
  WORD_GUEST_STATE,
  WORD_GUEST_WAITING,
  WORD_REPLY_LENGTH,
  WORD_SUBMIT_TAIL,
} from "../../src/sandbox/protocol.ts";
import type { ChannelPlan, Plan } from "./attacks/plan_type.ts";
import { leaking, LEAKING_MODULE } from "./leak.ts";
import type { User } from "./user.ts";

const checkout = fileURLToPath(new URL("../../", import.meta.url));
const attacks = fileURLToPath(new URL("./attacks/", import.meta.url));
/** What a daemon runs from. */
const TREE = ["src", "handlers", "wasm/pkg", "deno.json", "deno.lock"];
const SHARED_MODULES = ["attack.ts", "channel.ts", "plan_type.ts", "stolen.ts"];

/** A program to start daemons with. */
export interface Program {
  /** The executable, and the arguments before the verb. */
  readonly command: readonly string[];
  /** Folder of the guest's modules. */
  readonly guest_folder: string;
}

/** The staged files. */
export interface Stage extends AsyncDisposable {
  readonly folder: string;
  readonly program: Program;
  /** Its guest leaks raw system calls; undefined for a compiled program, which cannot be changed. */
  readonly leaky: Program | undefined;
}

async function copyTree(from: string, to: string): Promise<void> {
  const status = await new Deno.Command("cp", { args: ["-r", "--", from, to] }).output();
  if (!status.success) throw new Error(new TextDecoder().decode(status.stderr));
}

async function copySources(to: string): Promise<void> {
  for (const name of TREE) {
    await Deno.mkdir(dirname(join(to, name)), { recursive: true });
    await copyTree(join(checkout, name), join(to, name));
  }
}

/** Owned by nobody in particular, and for all to read. */
async function publish(folder: string): Promise<void> {
  await new Deno.Command("chmod", { args: ["-R", "a+rX", folder] }).output();
}

function fromSource(deno: string, tree: string): Program {
  const command = [deno, "run", "-A", "--unstable-worker-options", `${tree}/src/cli/main.ts`];
  return { command, guest_folder: `${tree}/src/sandbox` };
}

/**
 * Stages what all families share. `binary` is a compiled lunette to use instead of the sources;
 * `keep` leaves all of it there.
 */
export async function makeStage(binary: string | undefined, keep: boolean): Promise<Stage> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-sandbox-" });
  await Deno.chmod(folder, 0o755);
  const dispose = async () => {
    if (keep) console.log(`everything stays in ${folder}`);
    else await Deno.remove(folder, { recursive: true });
  };
  const staged = { folder, [Symbol.asyncDispose]: dispose };
  try {
    const tree = `${folder}/tree`;
    await copySources(tree);
    // Beside a compiled lunette for what starts it, too: scenarios/deny.ts.
    const deno = `${folder}/deno`;
    await Deno.copyFile(Deno.execPath(), deno);
    await Deno.chmod(deno, 0o755);
    if (binary !== undefined) {
      await Deno.copyFile(binary, `${folder}/lunette`);
      await Deno.chmod(`${folder}/lunette`, 0o755);
      await publish(folder);
      const program = { command: [`${folder}/lunette`], guest_folder: `${tree}/src/sandbox` };
      return { ...staged, program, leaky: undefined };
    }
    await copySources(`${folder}/leaky`);
    const module = `${folder}/leaky/${LEAKING_MODULE}`;
    await Deno.writeTextFile(module, leaking(await Deno.readTextFile(module)));
    await publish(folder);
    return {
      ...staged,
      program: fromSource(deno, tree),
      leaky: fromSource(deno, `${folder}/leaky`),
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Behind the name of a daemons' DENO_DIR: that of their user's command lines, which may change it. */
export const COMMAND_LINE_CACHE = "-command-line";

/** DENO_DIR of a user's daemons: a copy of this user's, since theirs may not be readable. */
export async function makeCaches(stage: Stage, user: User): Promise<string> {
  const cache = `${stage.folder}/cache-${user.name}`;
  for (const path of [cache, cache + COMMAND_LINE_CACHE]) await makeCache(path, user);
  return cache;
}

async function makeCache(cache: string, user: User): Promise<void> {
  const mine = Deno.env.get("DENO_DIR") ??
    join(Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/", ".cache"), "deno");
  await Deno.mkdir(cache);
  for (const name of ["npm", "remote"]) {
    await copyTree(join(mine, name), join(cache, name)).catch(() => {});
  }
  await own(cache, user);
}

async function own(path: string, { uid, gid }: User): Promise<void> {
  if (Deno.uid() !== 0) return;
  await new Deno.Command("chown", { args: ["-R", `${uid}:${gid}`, path] }).output();
}

/** A folder of a user's own. */
export async function makeOwnFolder(path: string, user: User, mode: number): Promise<void> {
  await Deno.mkdir(path, { recursive: true });
  await own(path, user);
  await Deno.chmod(path, mode);
}

/** A secret that the user may read, a folder that all may write to, a module outside. */
export interface Bait {
  readonly secret_path: string;
  readonly secret: string;
  readonly drop_folder: string;
  readonly outside_module: string;
}

/** Lays the bait for one family. */
export async function makeBait(folder: string, user: User): Promise<Bait> {
  const secret = `secret-${crypto.randomUUID()}`;
  const bait = {
    secret,
    secret_path: `${folder}/secret.txt`,
    drop_folder: `${folder}/drop`,
    outside_module: `file://${folder}/outside.ts`,
  };
  await makeOwnFolder(folder, user, 0o755);
  await Deno.writeTextFile(bait.secret_path, `SECRET=${secret}\n`);
  await Deno.chmod(bait.secret_path, 0o600);
  await own(bait.secret_path, user);
  await Deno.writeTextFile(`${folder}/outside.ts`, `export default ${JSON.stringify(secret)};\n`);
  await Deno.mkdir(bait.drop_folder);
  await Deno.chmod(bait.drop_folder, 0o777);
  return bait;
}

/** The channel's layout as attackers need it. */
export function channelPlan(): ChannelPlan {
  return {
    length: CHANNEL_SIZE,
    submit_tail: WORD_SUBMIT_TAIL,
    guest_waiting: WORD_GUEST_WAITING,
    complete_tail: WORD_COMPLETE_TAIL,
    daemon_waiting: WORD_DAEMON_WAITING,
    guest_state: WORD_GUEST_STATE,
    reply_length: WORD_REPLY_LENGTH,
    closing: WORD_CLOSING,
    epoch: WORD_EPOCH,
    submission: submissionWord(0),
    submission_words: REQUEST_SIZE / 4,
    completion: completionWord(0),
    completion_words: COMPLETION_SIZE / 4,
    queue_length: QUEUE_LENGTH,
    request: { SEQUENCE: REQUEST_WORD.SEQUENCE, WHAT: REQUEST_WORD.WHAT },
    completion_word: {
      REQUEST: COMPLETION_WORD.REQUEST,
      SEQUENCE: COMPLETION_WORD.SEQUENCE,
      EPOCH: COMPLETION_WORD.EPOCH,
      RESULT: COMPLETION_WORD.RESULT,
    },
  };
}

/** Modules that stand in an attacker's folder only while it is staged: they would not check. */
function generatedModules({ secret_path, outside_module }: Bait): Record<string, string> {
  return {
    "static_https.ts": 'export { VERSION as default } from "https://deno.land/std/version.ts";\n',
    "static_jsr.ts": 'export * from "jsr:@std/assert";\n',
    "static_npm.ts": 'export { default } from "npm:is-odd";\n',
    "static_npm_cached.ts": 'export * from "npm:fast-check@4.3.0";\n',
    "static_file.ts": `export { default } from ${JSON.stringify(outside_module)};\n`,
    "static_text.ts": `import text from ${
      JSON.stringify(`file://${secret_path}`)
    } with { type: "text" };\nexport default text;\n`,
    "static_bytes.ts": `import bytes from ${
      JSON.stringify(`file://${secret_path}`)
    } with { type: "bytes" };\nexport default bytes;\n`,
    "literal_npm.ts": 'export const { assert } = await import("npm:fast-check@4.3.0");\n',
  };
}

/** Stages an attacker's folder; `plan` can be written again with `writePlan`. */
export async function stageAttacker(name: string, folder: string, bait: Bait): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await copyTree(`${attacks}${name}`, `${folder}/${name}`);
  await Deno.rename(`${folder}/${name}/handler.json`, `${folder}/handler.json`);
  for (const module of SHARED_MODULES) {
    await Deno.copyFile(`${attacks}${module}`, `${folder}/${module}`);
  }
  for (const [module, text] of Object.entries(generatedModules(bait))) {
    await Deno.writeTextFile(`${folder}/${name}/${module}`, text);
  }
  const library = "/lib/x86_64-linux-gnu/libm.so.6";
  for (const evil of ["evil.so", "evil.node"]) {
    await Deno.copyFile(library, `${folder}/${evil}`).catch(() => {});
  }
  await Deno.symlink(bait.secret_path, `${folder}/link`);
  await Deno.symlink(new URL(bait.outside_module).pathname, `${folder}/${name}/outside_link.ts`);
  await publish(folder);
}

/** Tells a staged attacker what to do. */
export async function writePlan(folder: string, plan: Plan): Promise<void> {
  const text = `export const plan = ${JSON.stringify(plan, null, 2)} as const;\n`;
  await Deno.writeTextFile(`${folder}/plan.ts`, text);
  await Deno.chmod(`${folder}/plan.ts`, 0o644);
}
