/** Whether a process that has opened its volume serves: it answers a read, before any command. */
import { MediaResult } from "../scsi/media.ts";
import type { Instance } from "./instance.ts";
import type { RingSide } from "./ring_side.ts";

/**
 * Has the process of an instance answer a read while commands wait. Returns why it does not serve,
 * undefined where it does. Never throws.
 */
export async function tryProcess(
  ring: RingSide,
  instance: Instance,
  limit_ms: number,
): Promise<string | undefined> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(
    () => late.resolve(`it did not answer a read within ${limit_ms} ms`),
    limit_ms,
  );
  const ended = instance.whenEnded().then((reason) => `it ended at its first read: ${reason}`);
  const answer = ring.try(instance.epoch).then(
    (result) => result === MediaResult.OK ? undefined : `its first read failed (${result})`,
    (error) => String(error),
  );
  try {
    return await Promise.race([late.promise, ended, answer]);
  } finally {
    clearTimeout(timer);
  }
}
