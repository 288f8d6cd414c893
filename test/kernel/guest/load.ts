/** Loads that go on while something is done to the daemon or its handlers. */
import type { GuestContext } from "../scenario.ts";
import { compare } from "./disk.ts";
import { fio, type FioResult } from "./fio.ts";
import { shell } from "./shell.ts";

/** Tells a load that it may end. */
export type Stopped = () => boolean;

/** Runs the loads until the disturbance is over; returns its result, then theirs. */
export async function underLoad<T, A, B>(
  disturbance: () => Promise<T>,
  one: (stopped: Stopped) => Promise<A>,
  other: (stopped: Stopped) => Promise<B>,
): Promise<[T, A, B]> {
  let over = false;
  const stopped = () => over;
  return await Promise.all([
    disturbance().finally(() => over = true),
    one(stopped),
    other(stopped),
  ]);
}

/** Copies a tree, compares and removes it, until told to stop. Returns how often. */
export async function copyUntil(stopped: Stopped, tree: string, folder: string): Promise<number> {
  let copies = 0;
  do {
    await shell(`cp -a ${tree} ${folder}/copy && sync -f ${folder}`);
    await compare(tree, `${folder}/copy`);
    await shell(`rm -r ${folder}/copy`);
    copies++;
  } while (!stopped());
  return copies;
}

/** Writes all of a region, then reads and verifies all of it, until told to stop. */
export async function writeThenVerifyUntil(
  stopped: Stopped,
  disk: string,
  guest: GuestContext,
): Promise<FioResult[]> {
  const region = { devices: [disk], size_mb: guest.pick({ uml: 96, qemu: 8 }) };
  const results: FioResult[] = [];
  do {
    await fio({ ...region, phase: "write" });
    results.push(await fio({ ...region, phase: "verify" }));
  } while (!stopped());
  return results;
}

/** Writes and verifies a region, until told to stop. */
export async function verifyUntil(
  stopped: Stopped,
  disk: string,
  guest: GuestContext,
): Promise<FioResult[]> {
  const results: FioResult[] = [];
  do {
    results.push(await fio({ devices: [disk], size_mb: guest.pick({ uml: 96, qemu: 8 }) }));
  } while (!stopped());
  return results;
}
