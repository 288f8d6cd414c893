/** The peer of the embedded iSCSI target: tgtd of its own, on ports of its own. */
import { SkipError } from "./group.ts";
import { freePort } from "./lunette.ts";
import { findProgram, runProgram } from "./programs.ts";

/** A running tgtd with one LUN. */
export interface Tgt extends AsyncDisposable {
  readonly version: string;
  readonly url: string;
}

const TARGET = "iqn.2025-01.io.lunette.bench:tgt";
/** LUN 0 is tgtd's own controller. */
const LUN = 1;

/** What the LUN is like beside its defaults. */
export interface TgtOptions {
  /** Bytes in a logical block. */
  readonly blockLength?: number;
  /** As `tgtadm --op update --params` takes them: "removable=1". */
  readonly parameters?: readonly string[];
}

/** Serves a file with tgtd's default backing store, rdwr. Throws SkipError where it cannot. */
export async function startTgt(image: string, options: TgtOptions = {}): Promise<Tgt> {
  const tgtd = findProgram("tgtd");
  const tgtadm = findProgram("tgtadm");
  if (tgtd === undefined || tgtadm === undefined) {
    throw new SkipError("there is no tgtd here (apt-get install tgt)");
  }
  if (Deno.uid() !== 0) throw new SkipError("tgtd needs root");
  const port = freePort();
  // Its control port names a socket below /var/run/tgtd; any free number does.
  const control = `${port % 30_000}`;
  const child = new Deno.Command(tgtd, {
    args: ["-f", "--iscsi", `portal=127.0.0.1:${port}`, "-C", control],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async () => {
    child.kill("SIGKILL");
    await child.status;
    await Deno.remove(`/var/run/tgtd/socket.${control}`).catch(() => {});
    await Deno.remove(`/var/run/tgtd/socket.${control}.lock`).catch(() => {});
  };
  const administer = (...args: string[]) =>
    runProgram(tgtadm, ["-C", control, "--lld", "iscsi", ...args, "--tid", "1"]);
  try {
    await retry(() => administer("--op", "new", "--mode", "target", "-T", TARGET));
    const lun = ["--mode", "logicalunit", "--lun", `${LUN}`];
    const blocks = options.blockLength === undefined
      ? []
      : ["--blocksize", `${options.blockLength}`];
    await administer("--op", "new", ...lun, "--bstype", "rdwr", "-b", image, ...blocks);
    for (const parameter of options.parameters ?? []) {
      await administer("--op", "update", ...lun, "--params", parameter);
    }
    await administer("--op", "bind", "--mode", "target", "-I", "ALL");
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    version: (await runProgram(tgtd, ["--version"])).trim(),
    url: `iscsi://127.0.0.1:${port}/${TARGET}/${LUN}`,
    [Symbol.asyncDispose]: stop,
  };
}

async function retry(work: () => Promise<unknown>): Promise<void> {
  const deadline_ms = performance.now() + 5000;
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (performance.now() > deadline_ms) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
