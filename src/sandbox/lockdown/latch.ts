/**
 * Holds what is to be done when a handler's modules have been loaded, and none of them has run. Once
 * taken it is gone: a handler that imports this module finds nothing.
 *
 * @module
 */
let held: (() => void) | undefined;

/** Sets what the gate does. */
export function setLatch(work: () => void): void {
  held = work;
}

/** Takes what the gate does. Throws where nothing was set. */
export function takeLatch(): () => void {
  const work = held;
  held = undefined;
  if (work === undefined) throw new Error("assertion: the gate has nothing to close");
  return work;
}
