/**
 * Boots every rig: seconds each, and fetches kernels the first time. Runs only
 * when LUNETTE_KERNEL_TESTS is set.
 */
import { strict as assert } from "node:assert";
import { commandLine } from "./shell.ts";
import { ensureHostTools, rigAvailable, type RigKind } from "./host.ts";
import { bootQemu, QEMU_KERNELS } from "./qemu.ts";
import { RigError, type RigOptions, type RigResult } from "./rig.ts";
import { TCMU_RUNNER_PACKAGES } from "./tcmu_runner.ts";
import { bootUml } from "./uml.ts";

function kernelTest(kind: RigKind, name: string, fn: () => Promise<void>): void {
  const wanted = Deno.env.get("LUNETTE_KERNEL_TESTS") !== undefined;
  const { available, reason } = rigAvailable(kind);
  if (!wanted) console.error(`skipping "${name}": LUNETTE_KERNEL_TESTS is not set`);
  else if (!available) console.error(`skipping "${name}": ${reason}`);
  Deno.test({ name, ignore: !wanted || !available, fn });
}

function runInGuest(file: string): string {
  return `exec ${commandLine(["deno", "run", "-A", `${import.meta.dirname}/guest/${file}`])}`;
}

async function checkTcmu(boot: (options: RigOptions) => Promise<RigResult>): Promise<void> {
  const outFolder = await Deno.makeTempDir();
  try {
    const result = await boot({
      script: runInGuest("tcmu_check.ts"),
      outFolder,
      log: console.error,
    });
    assert.equal(result.exitCode, 0, result.output);
    assert.match(result.output, /^checked$/m);
    assert.match(await Deno.readTextFile(`${outFolder}/release`), /^\d+\.\d+/);
    await assert.rejects(Deno.stat("/etc/rig-check"));
  } finally {
    await Deno.remove(outFolder, { recursive: true });
  }
}

kernelTest("uml", "bootUml() runs Deno on a kernel with TCMU", () => checkTcmu(bootUml));

for (const kernel of QEMU_KERNELS) {
  kernelTest(
    "qemu",
    `bootQemu() runs Deno on kernel ${kernel} with TCMU`,
    () => checkTcmu((options) => bootQemu({ ...options, kernel })),
  );
}

kernelTest("uml", "bootUml() carries output, variables and the exit code", async () => {
  const seen: string[] = [];
  const result = await bootUml({
    script: 'echo "one $WORD"; echo two >&2; printf three; exit 42',
    env: { WORD: "it's $0" },
    onOutput: (text) => seen.push(text),
  });
  assert.equal(result.exitCode, 42);
  assert.equal(result.output, "one it's $0\ntwo\nthree\n");
  assert.equal(seen.join(""), result.output);
});

kernelTest("uml", "bootUml() tells of a guest that dies or does not end", async () => {
  const crash = bootUml({ script: "echo before; echo c >/proc/sysrq-trigger" });
  await assert.rejects(crash, (error) => {
    assert.ok(error instanceof RigError);
    assert.match(error.message, /died before its script ended/);
    assert.match(error.output, /before\n[^]*sysrq triggered crash/);
    return true;
  });
  const endless = bootUml({ script: "while :; do :; done", timeout_ms: 4000 });
  await assert.rejects(endless, /did not end within 4000 ms/);
});

kernelTest("uml", "startTcmuRunner() serves a raw image that fio reads and writes", async () => {
  await ensureHostTools([...TCMU_RUNNER_PACKAGES, "fio"]);
  const result = await bootUml({
    script: runInGuest("tcmu_runner_check.ts"),
    timeout_ms: 120_000,
  });
  console.error(result.output);
  assert.equal(result.exitCode, 0, result.output);
  assert.equal(result.output.match(/IOPS, error 0/g)?.length, 3);
});
