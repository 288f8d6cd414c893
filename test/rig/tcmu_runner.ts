/**
 * The peer: tcmu-runner serving a raw image as a disk. To be run in a guest of
 * User Mode Linux; the host must have the packages of
 * {@link TCMU_RUNNER_PACKAGES} before it boots. Under QEMU it refuses to start:
 * its libkmod wants modules.dep.bin, which busybox's depmod does not write.
 *
 * @module
 */
import {
  type BackstoreOptions,
  createLoopbackLun,
  createTcmuBackstore,
  removeBackstore,
} from "./guest/configfs.ts";
import { findCommand, mustRun, runCommand } from "./host.ts";

/** Debian packages that must be installed on the host. */
export const TCMU_RUNNER_PACKAGES = ["tcmu-runner", "dbus"];

/** A disk that tcmu-runner serves. */
export interface TcmuRunnerDisk {
  /** The disk, such as `/dev/sda`. */
  device: string;
  /** The image behind it. */
  image: string;
  /** Its backstore's folder in configfs. */
  backstore: string;
  /** Takes disk, backstore and image away. */
  remove(): Promise<void>;
}

/** What a disk is made of. */
export type RawDiskOptions = Omit<BackstoreOptions, "config">;

/** A running tcmu-runner. */
export interface TcmuRunner extends AsyncDisposable {
  /** Its version, as it prints it. */
  version: string;
  /** Its process id. */
  pid: number;
  /** Where it writes its log. */
  logFile: string;
  /** Makes a disk over a raw image, written once, on `$RIG_SCRATCH`. */
  addRawDisk(options: RawDiskOptions): Promise<TcmuRunnerDisk>;
}

/** Starts tcmu-runner, and the D-Bus that it wants. */
export async function startTcmuRunner(): Promise<TcmuRunner> {
  const program = findCommand("tcmu-runner");
  if (program === undefined || findCommand("dbus-daemon") === undefined) {
    throw new Error(
      "Cannot start tcmu-runner: it or dbus-daemon is not installed. Run: " +
        `apt-get install ${TCMU_RUNNER_PACKAGES.join(" ")}`,
    );
  }
  await startDbus();
  const logFolder = "/run/tcmu-runner";
  await Deno.mkdir(logFolder, { recursive: true });
  const child = new Deno.Command(program, {
    args: ["--tcmu-log-dir", logFolder],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const logFile = `${logFolder}/tcmu-runner.log`;
  let ended = false;
  const status = child.status.finally(() => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await status;
  };
  try {
    await waitForService(logFile, () => ended);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    version: (await runCommand(program, ["--version"])).stderr.trim(),
    pid: child.pid,
    logFile,
    addRawDisk,
    [Symbol.asyncDispose]: stop,
  };
}

async function addRawDisk(
  options: RawDiskOptions,
): Promise<TcmuRunnerDisk> {
  const scratch = Deno.env.get("RIG_SCRATCH") ?? "/run/scratch";
  const image = `${scratch}/${options.name}.raw`;
  await writeImage(image, options.size_bytes);
  // The handler "qcow" takes an image without a known header as a raw one.
  const backstore = await createTcmuBackstore({ ...options, config: `qcow/${image}` });
  const lun = await createLoopbackLun(backstore);
  return {
    device: lun.device,
    image,
    backstore,
    remove: async () => {
      await lun.remove();
      await removeBackstore(backstore);
      await Deno.remove(image);
    },
  };
}

// All pages are written, so that no measurement pays for their allocation.
async function writeImage(path: string, size_bytes: number): Promise<void> {
  using file = await Deno.open(path, { create: true, truncate: true, write: true });
  const zeros = new Uint8Array(1 << 20);
  let rest_bytes = size_bytes;
  while (rest_bytes > 0) {
    rest_bytes -= await file.write(zeros.subarray(0, Math.min(rest_bytes, zeros.length)));
  }
}

async function startDbus(): Promise<void> {
  try {
    await Deno.stat("/run/dbus/pid");
    return;
  } catch {
    // Not started yet.
  }
  await Deno.mkdir("/run/dbus", { recursive: true });
  await mustRun(findCommand("dbus-daemon") ?? "dbus-daemon", ["--system", "--fork"]);
}

/** Waits until it owns its D-Bus name: from then on it hears of new devices. */
async function waitForService(logFile: string, hasEnded: () => boolean): Promise<void> {
  const deadline_ms = Date.now() + 20_000;
  while (Date.now() < deadline_ms && !hasEnded()) {
    const answer = await runCommand("dbus-send", [
      "--system",
      "--print-reply",
      "--dest=org.freedesktop.DBus",
      "/",
      "org.freedesktop.DBus.NameHasOwner",
      "string:org.kernel.TCMUService1",
    ]);
    if (answer.stdout.includes("boolean true")) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const log = await Deno.readTextFile(logFile).catch(() => "(it wrote no log)");
  const what = hasEnded() ? "ended at once" : "did not come up within 20 s";
  throw new Error(`Cannot use tcmu-runner: it ${what}. Its log:\n${log.slice(-3000)}`);
}
