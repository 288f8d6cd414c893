/**
 * Family 35: handlers that lie about their volume, throw what is no error, or never open it.
 *
 * @module
 */
import { Daemon } from "../daemon.ts";
import type { Findings, Scene } from "../family.ts";
import type { Attempt } from "../judge.ts";
import { COMMAND_LINE_CACHE, stageAttacker, writePlan } from "../stage.ts";
import { planOf } from "../plan.ts";
import { type Expected, inTime, tryCommandLine, tryCreation } from "./creation.ts";

const ATTACKER = "35-open";
/** A handler that hangs keeps others waiting no longer than that. */
const HONEST_START_MS = 8_000;
const REMOVE_MS = 9_000;
const AT_ONCE = 3;

const REFUSED: Expected = /^refused: /;
const tricks: Readonly<Record<string, Expected>> = {
  "none": "served",
  "size-changes": /Cannot serve a volume/,
  "size-text": /Cannot serve a volume/,
  "size-negative": /Cannot serve a volume/,
  "size-not-a-number": /Cannot serve a volume/,
  "size-past-the-limit": /Cannot serve a volume/,
  "size-bigint": /Cannot serve a volume/,
  "block-size": /Cannot serve blocks/,
  "no-volume": /did not return a volume/,
  "revoked-proxy": REFUSED,
  "method-is-none": /flush is not a function/,
  "getter-throws": REFUSED,
  "throws-escapes": REFUSED,
  "throws-much": REFUSED,
  "throws-null": REFUSED,
  "throws-hostile": REFUSED,
  "throws-lying-error": REFUSED,
  "reply-no-json": REFUSED,
  "reply-deep": REFUSED,
  "reply-long": REFUSED,
  "reply-other-type": REFUSED,
  "reply-prototype": REFUSED,
  // Only what the kernel says otherwise is seen as a lie.
  "reply-forged-layers": /^(refused: |served$)/,
  "ends-worker": /ended at its start|is not defined/,
  "exits": /ended at its start/,
};
const HANGING = ["never", "microtasks", "then-everywhere"];

/** See the module. */
export async function hostileOpen(scene: Scene): Promise<Findings> {
  const folder = `${scene.folder}/attackers/${ATTACKER}`;
  await stageAttacker(ATTACKER, folder, scene.bait);
  await writePlan(folder, planOf(scene, folder));
  const attempts: Attempt[] = [];
  const all = Object.entries(tricks);
  for (let at = 0; at < all.length; at += AT_ONCE) {
    attempts.push(
      ...await Promise.all(
        all.slice(at, at + AT_ONCE).map(([trick, expected]) => {
          const request = { handler: folder, settings: { trick } };
          return tryCreation(scene, trick, request, expected);
        }),
      ),
    );
  }
  for (const trick of ["throws-escapes", "getter-throws", "reply-forged-layers"]) {
    const request = { handler: folder, set: `trick=${trick}` };
    attempts.push(await tryCommandLine(scene, `printed-${trick}`, request));
  }
  attempts.push(await openOtherSize(scene, folder));
  attempts.push(...await hang(scene, folder));
  return { attempts, problems: [] };
}

/** A second process opens another volume than the first. */
async function openOtherSize({ daemon }: Scene, handler: string): Promise<Attempt> {
  const name = "other-size-later";
  await daemon.create({ name, handler, size_bytes: 1 << 20, settings: { trick: name } });
  const text = await daemon.restart(name).then(
    () => "GOT another size",
    (error) => `refused: ${error.message}`,
  );
  const { state } = await daemon.show(name);
  await daemon.remove(name);
  const contained = /another volume/.test(text) && state !== "serving";
  return { name, contained, text: `${text}; ${state}`, ...(contained && { layer: "supervision" }) };
}

/** Handlers that never open, on a daemon of their own: others start, and the daemon ends in order. */
async function hang(scene: Scene, handler: string): Promise<Attempt[]> {
  const { stage, user, cache, folder } = scene;
  await using daemon = await Daemon.start({
    program: stage.program,
    user,
    folder: `${folder}/daemon-hang`,
    cache: cache + COMMAND_LINE_CACHE,
  });
  const later = await hangLater(daemon, handler);
  const size_bytes = 1 << 20;
  for (const trick of HANGING) {
    daemon.create({ name: trick, handler, size_bytes, settings: { trick } }).catch(() => {});
  }
  const attempts = [
    later,
    await timed("others-start", HONEST_START_MS, async () => {
      await daemon.create({ name: "honest", handler: "memory", size_bytes });
    }),
    await timed("daemon-stops", REMOVE_MS, () => daemon.stop()),
  ];
  return attempts;
}

/** A unit whose next process never opens can be removed. */
async function hangLater(daemon: Daemon, handler: string): Promise<Attempt> {
  const name = "never-later";
  await daemon.create({ name, handler, size_bytes: 1 << 20, settings: { trick: name } });
  daemon.restart(name).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 500));
  return await timed("hangs-at-restart", REMOVE_MS, () => daemon.remove(name));
}

async function timed(name: string, limit_ms: number, work: () => Promise<void>): Promise<Attempt> {
  const began_ms = performance.now();
  const done = await inTime(work().then(() => "done", String), limit_ms);
  const text = `${done ?? "not done"} after ${(performance.now() - began_ms).toFixed(0)} ms`;
  return done === "done"
    ? { name, contained: true, text, layer: "time limit" }
    : { name, contained: false, text: `unclear: ${text}` };
}
