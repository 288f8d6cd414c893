/**
 * Starts processes that restrict themselves before they execute their program. For the daemon's main
 * thread: a child that asked to die with its parent dies with the thread that started it.
 *
 * @module
 */
import { BareChild } from "./bare_child.ts";
import type { Program } from "./execute.ts";
import type { Request, SystemCalls } from "./system_call.ts";

const F_DUPFD_CLOEXEC = 1030;
const DESCRIPTOR_MAX = 0xffff_ffff;

/**
 * Gives the process of `calls` descriptors that it has by other numbers, and closes all others
 * (close_range(2), Linux 5.9). `descriptors`: present numbers by the wanted ones. Throws SystemError.
 */
export function placeDescriptors(
  { callAll }: SystemCalls,
  descriptors: ReadonlyMap<number, number>,
): void {
  const wanted = [...descriptors.keys()].toSorted((a, b) => a - b);
  const above = (wanted.at(-1) ?? -1) + 1;
  // First out of the way: what gets a number must not close the source of the next.
  const moved = callAll(
    [...descriptors.values()].map((fd) => ["fcntl", fd, F_DUPFD_CLOEXEC, above]),
  );
  const requests = [...descriptors.keys()].map((number, index): Request => [
    "dup3",
    moved[index],
    number,
    0,
  ]);
  let next = 0;
  for (const number of [...wanted, Infinity]) {
    if (number > next) {
      requests.push(["close_range", next, Math.min(number - 1, DESCRIPTOR_MAX), 0]);
    }
    next = number + 1;
  }
  callAll(requests);
}

/**
 * Starts a process: `prepare` has the child do to itself what it is to do, and says what it then
 * executes, in a session of its own (Ctrl-C in the daemon's terminal is the daemon's to handle).
 * Returns its id; its program has begun. Where anything throws, so does this, and nothing is left.
 */
export function spawn(prepare: (child: BareChild) => Program): number {
  const child = new BareChild();
  try {
    child.call("setsid");
    child.execute(prepare(child));
    return child.pid;
  } catch (error) {
    child.end();
    throw error;
  }
}
