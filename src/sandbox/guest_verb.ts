/**
 * A compiled lunette that was started as a guest: its entry calls this with the arguments after
 * GUEST_VERB, and imports nothing else.
 *
 * @module
 */
import { LAUNCH_STAGE } from "./verb.ts";

/** Becomes the launcher, or the guest. */
export async function runGuestVerb([stage, argument]: readonly string[]): Promise<void> {
  if (stage === LAUNCH_STAGE) {
    const { launchStage } = await import("./lockdown/launch_stage.ts");
    launchStage(argument);
  }
  await import("./guest.ts");
}
