/**
 * Family 23, crash loop: a handler that ends at every command is started more and more rarely, and
 * its commands end with an error in the end. Others notice nothing.
 *
 * @module
 */
import { parseUrl } from "../daemon.ts";
import { CommandError, Disk } from "../disk.ts";
import type { Findings, Scene } from "../family.ts";
import type { Attempt } from "../judge.ts";
import { stageAttacker } from "../stage.ts";

const ATTACKER = "23-crash-loop";
const ANSWER_TIMEOUT_MS = 30_000;
const WATCH_MS = 2_000;
/** With the longest pause there is less than one start in a second. */
const STARTS_MAX = 4;

/** See the module. */
export async function crashLoop(scene: Scene): Promise<Findings> {
  const { daemon } = scene;
  const folder = `${scene.folder}/attackers/${ATTACKER}`;
  await stageAttacker(ATTACKER, folder, scene.bait);
  const lun = await daemon.create({ name: "loop", handler: folder, size_bytes: 1 << 20 });
  const disk = await Disk.open(parseUrl(lun));
  const problems: string[] = [];
  const attempts = [await readUntilError(disk)];
  const before = await daemon.show("loop");
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  const after = await daemon.show("loop");
  const starts = after.restarts - before.restarts;
  attempts.push({
    name: "loop/backoff",
    contained: starts <= STARTS_MAX,
    text: `${starts} starts in ${WATCH_MS / 1000} s`,
    layer: "backoff",
  });
  if (after.state === "serving") problems.push("a unit that never serves is shown as serving");
  if (after.problem === undefined) problems.push("it is not shown why it does not serve");
  await disk[Symbol.asyncDispose]();
  await daemon.remove("loop");
  return { attempts, problems };
}

async function readUntilError(disk: Disk): Promise<Attempt> {
  const name = "loop/read";
  const began_ms = performance.now();
  const late = new Promise<Attempt>((resolve) => {
    const attempt = { name, contained: false, text: "unclear: no answer" };
    setTimeout(() => resolve(attempt), ANSWER_TIMEOUT_MS);
  });
  const read = disk.read(0, 1).then(
    (): Attempt => ({ name, contained: false, text: "GOT an answer" }),
    (error): Attempt => {
      const elapsed = `after ${((performance.now() - began_ms) / 1000).toFixed(1)} s`;
      return error instanceof CommandError
        ? { name, contained: true, text: `${error.message} ${elapsed}`, layer: "supervision" }
        : { name, contained: false, text: `unclear: ${error}` };
    },
  );
  return await Promise.race([read, late]);
}
