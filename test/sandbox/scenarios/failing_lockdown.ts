/**
 * Family 32: a step of the lockdown fails, on a daemon whose kernel seems to lack it. A stranger's
 * handler must not start, and the message must name what is missing.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { Daemon } from "../daemon.ts";
import type { Arena, Findings } from "../family.ts";
import type { Attempt } from "../judge.ts";
import { descendants, eventually } from "../observe.ts";
import { planOf } from "../plan.ts";
import { stageAttacker, writePlan } from "../stage.ts";

const ATTACKER = "32-failing-lockdown";
const deny = fileURLToPath(new URL("./deny.ts", import.meta.url));

/** A step that fails. Numbers are those of x86-64. */
interface Sabotage {
  readonly name: string;
  /** For deny.ts. */
  readonly rules: string;
  /** What the refusal must speak of. */
  readonly names: RegExp;
  /** Only a daemon of root takes this step. */
  readonly root?: boolean;
}

const EPERM = 1;
const EINVAL = 22;
const ENOSYS = 38;
const sabotages: readonly Sabotage[] = [
  { name: "seccomp", rules: `317=${ENOSYS},157:22=${EINVAL}`, names: /seccomp/i },
  { name: "no-new-privileges", rules: `157:38=${EINVAL}`, names: /no.?new.?priv/i, root: true },
  { name: "landlock", rules: `444=${ENOSYS},445=${ENOSYS},446=${ENOSYS}`, names: /landlock/i },
  { name: "landlock-restrict", rules: `446=${EPERM}`, names: /landlock/i },
  { name: "namespaces", rules: `272=${EPERM}`, names: /namespace|unshare/i, root: true },
  {
    name: "user-id",
    rules: `117=${EPERM},105=${EPERM}`,
    names: /\buser\b|uid|setresuid/i,
    root: true,
  },
  { name: "groups", rules: `116=${EPERM}`, names: /group/i, root: true },
];

/** See the module. */
export async function failingLockdown(arena: Arena): Promise<Findings> {
  const attempts: Attempt[] = [];
  const problems: string[] = [];
  const folder = `${arena.folder}/attackers/${ATTACKER}`;
  await stageAttacker(ATTACKER, folder, arena.bait);
  await writePlan(folder, planOf(arena, folder));
  for (const sabotage of sabotages) {
    if (sabotage.root === true && arena.user.uid !== 0) continue;
    attempts.push(await tryStart(arena, sabotage, folder, problems));
  }
  return { attempts, problems };
}

/** Starts a daemon under the filter, and a stranger's handler on it. */
async function tryStart(
  arena: Arena,
  { name, rules, names }: Sabotage,
  handler: string,
  problems: string[],
): Promise<Attempt> {
  const { stage, user, cache, folder } = arena;
  const [path, ...rest] = stage.program.command;
  const denied = [`${stage.folder}/deno`, "run", "-A", "--no-check", deny, rules, "--"];
  await using daemon = await Daemon.start({
    program: { ...stage.program, command: [...denied, path, ...rest] },
    user,
    folder: `${folder}/daemon-${name}`,
    cache,
  });
  const attempt = await create(daemon, handler).then(
    () => ({ name, contained: false, text: "GOT started without it" }),
    ({ message, advice }: { message: string; advice?: string }): Attempt => {
      const text = `${message} ${advice ?? ""}`.trim();
      return names.test(text)
        ? { name, contained: true, text, layer: "refused to start" }
        : { name, contained: false, text: `unclear: ${text}` };
    },
  );
  if (attempt.contained) {
    const alone = () => descendants(daemon.pid).length === 0;
    if (!await eventually(alone, 3_000)) problems.push(`${name}: a process is left`);
    if (!await daemon.answers()) problems.push(`${name}: the daemon does not answer`);
  }
  await daemon.stop();
  return attempt;
}

async function create(daemon: Daemon, handler: string): Promise<void> {
  await daemon.create({ name: "stranger", handler, size_bytes: 1 << 20 });
}
