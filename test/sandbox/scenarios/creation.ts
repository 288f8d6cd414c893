/**
 * A unit that is to be made of something hostile: it is refused with words that are fit to be shown,
 * in time, or it is served; nothing is left of it after that.
 *
 * @module
 */
import type { CreateRequest } from "../../../src/daemon/api.ts";
import { escapeLine } from "../../../src/sandbox/escape.ts";
import type { Daemon } from "../daemon.ts";
import type { Scene } from "../family.ts";
import type { Attempt } from "../judge.ts";

const ANSWER_TIMEOUT_MS = 15_000;
const MESSAGE_LENGTH_MAX = 8192;

/** What shall come of it: words of the refusal, or that it is served. */
export type Expected = RegExp | "served";

/** The same within a time; `undefined` where it does not come. */
export async function inTime<T>(promise: Promise<T>, timeout_ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeout_ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What came of a request, in words. */
function outcomeOf(daemon: Daemon, request: CreateRequest): Promise<string | undefined> {
  const made = daemon.create(request).then(
    () => "served",
    (error) => `refused: ${error instanceof Error ? error.message : error}`,
  );
  return inTime(made, ANSWER_TIMEOUT_MS);
}

/** Tries to make a unit, and removes it where it is made. */
export async function tryCreation(
  { daemon }: Scene,
  name: string,
  request: Omit<CreateRequest, "name">,
  expected: Expected,
): Promise<Attempt> {
  const unit = `a-${name}`;
  const outcome = await outcomeOf(daemon, { name: unit, size_bytes: 1 << 20, ...request });
  if (outcome === undefined) return { name, contained: false, text: "unclear: no answer" };
  if (outcome === "served") await daemon.remove(unit);
  const text = escapeLine(outcome).slice(0, 200);
  if (outcome.length > MESSAGE_LENGTH_MAX) {
    return { name, contained: false, text: `unclear: words of ${outcome.length} characters` };
  }
  const right = expected === "served" ? outcome === "served" : expected.test(outcome);
  if (!right) return { name, contained: false, text: `unclear: ${text}` };
  const layer = outcome === "served" ? "harmless" : "checks at creation";
  return { name, contained: true, text, layer };
}

/** The same by the command line: what it prints reaches a terminal. */
export async function tryCommandLine(
  scene: Scene,
  name: string,
  request: { handler: string; set?: string },
): Promise<Attempt> {
  const { daemon, user } = scene;
  const unit = `c-${name}`;
  const created = await daemon.lunette([
    ...["create", unit, "--handler", request.handler, "--size", "1M"],
    ...["--fabric", "embedded-iscsi"],
    ...(request.set === undefined ? [] : ["--set", request.set]),
    ...(user.uid === 0 ? [] : ["--accept-missing", "namespaces,uid"]),
  ]);
  let shown = created.text;
  if (created.code === 0) {
    shown += (await daemon.lunette(["show", unit])).text + (await daemon.lunette(["ls"])).text;
    await daemon.remove(unit);
  }
  const unsafe = shown.split("\n").filter((line) => escapeLine(line) !== line);
  const forged = /^(2026-01-01|<0>)/m.test(shown);
  return unsafe.length > 0 || forged
    ? { name, contained: false, text: `GOT a terminal: ${escapeLine(shown).slice(0, 200)}` }
    : { name, contained: true, text: `exit code ${created.code}`, layer: "escaped" };
}
