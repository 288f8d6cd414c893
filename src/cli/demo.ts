/** lunette demo: a LUN to try things with, over embedded iSCSI, without root. */
import { Command } from "commander";
import { join } from "node:path";
import type { LunDescription } from "../daemon/api.ts";
import { Daemon } from "../daemon/daemon.ts";
import { makeLog } from "../daemon/log.ts";
import { parseSize } from "../daemon/size.ts";
import { describeAccess } from "./access.ts";
import { bold, dim, green, printJson, Progress } from "./output.ts";
import { selfCheck, type SelfCheckResult } from "./self_check.ts";
import { parsePortal, untilSignal } from "./serve.ts";

/** Bytes that the self-check writes and reads back. */
const CHECK_LENGTH = 64 << 20;

interface DemoOptions {
  readonly once?: boolean;
  readonly handler: string;
  readonly size: string;
  readonly listen: string;
  readonly json?: boolean;
}

/** The verb `demo`. */
export function demoVerb(): Command {
  return new Command("demo")
    .description("serve a LUN over iSCSI on this machine: no root, no kernel module")
    .option("--once", "end after the self-check")
    .option("--handler <id>", "handler to try", "example-xor")
    .option("--size <size>", "size of the LUN", "256M")
    .option("--listen <address:port>", "where to listen", "127.0.0.1:3260")
    .option("--json", "print JSON")
    .action(demo);
}

function rate(bytes: number, ms: number): string {
  return `${(bytes / 1e6 / (ms / 1000)).toFixed(0)} MB/s`;
}

async function demo(options: DemoOptions): Promise<void> {
  const began_ms = performance.now();
  const directory = await Deno.makeTempDir({ prefix: "lunette-demo-" });
  // As `makeRuntimeDirectory` makes it.
  await Deno.chmod(directory, 0o711);
  const paths = { runtime: directory, state: directory, socket: join(directory, "control.sock") };
  const daemon = await Daemon.start({
    paths,
    log: makeLog("warn"),
    embedded: { ...parsePortal(options.listen), fallback: true },
    ephemeral: true,
  });
  try {
    const lun = await daemon.create({
      name: "demo",
      handler: options.handler,
      size_bytes: parseSize(options.size),
      fabric: "embedded-iscsi",
    });
    const ready_ms = performance.now() - began_ms;
    const check = await runSelfCheck(lun);
    if (options.json === true) printJson({ lun, ready_ms, check });
    else report(daemon, lun, options, ready_ms, check);
    if (options.once !== true) await untilSignal();
  } finally {
    await daemon.stop();
    await Deno.remove(directory, { recursive: true });
  }
}

async function runSelfCheck(lun: LunDescription): Promise<SelfCheckResult> {
  const match = /^iscsi:\/\/(?:\[([^\]]+)\]|([^:]+)):(\d+)\/([^/]+)\//.exec(lun.url ?? "");
  if (match === null) throw new Error(`assertion: no URL: ${lun.url}`);
  const portal = { hostname: match[1] ?? match[2], port: Number(match[3]) };
  const progress = new Progress("self-check");
  try {
    const bytes = Math.min(CHECK_LENGTH, lun.size_bytes);
    return await selfCheck(portal, match[4], bytes, (part) => progress.update(part));
  } finally {
    progress.end();
  }
}

function report(
  daemon: Daemon,
  lun: LunDescription,
  options: DemoOptions,
  ready_ms: number,
  check: SelfCheckResult,
): void {
  const { bytes, write_ms, read_ms } = check;
  console.log(
    `${bold("lunette")}: LUN "${lun.name}", handler ${lun.handler} in process ${lun.handler_pid}`,
  );
  console.log(`serving after ${ready_ms.toFixed(0)} ms`);
  console.log(
    `${green("self-check passed")}: ${bytes >> 20} MiB written (${
      rate(bytes, write_ms)
    }) and read ` +
      `back (${rate(bytes, read_ms)}) through iSCSI, ring, WASM and the handler's process`,
  );
  if (daemon.fellBack) {
    console.log(
      dim(`port ${parsePortal(options.listen).port} is taken, so the next free one is used`),
    );
  }
  console.log("\nAttach it:");
  for (const line of describeAccess(lun)) console.log(`  ${line}`);
  console.log(
    `  fio:         fio --name=t --ioengine=libiscsi --filename=${lun.url} --rw=randrw --bs=4k --size=64m`,
  );
  if (options.once !== true) console.log(dim("\nCtrl-C ends it; what was written is gone then."));
}
