/**
 * The busybox that brings guests up: statically linked, so that it runs before
 * there are libraries.
 *
 * @module
 */
import { firstExisting } from "./cache.ts";
import { type Log, releaseCodename, unpackPackages } from "./packages.ts";

/** Fetches busybox, once; returns its path. */
export async function prepareBusybox(log?: Log): Promise<string> {
  const folder = await unpackPackages({
    key: "busybox",
    suite: await releaseCodename(),
    names: ["busybox-static"],
  }, log);
  // Newer releases have it in the other folder.
  return await firstExisting([`${folder}/bin/busybox`, `${folder}/usr/bin/busybox`]);
}
