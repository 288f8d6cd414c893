/**
 * The users that daemons run as: root, and an ordinary user.
 *
 * @module
 */

/** Names on the command line. */
export const USER_NAMES = ["root", "nobody"] as const;
export type UserName = typeof USER_NAMES[number];

/** A user, or why a daemon cannot run as it here. */
export interface User {
  readonly name: UserName;
  readonly uid: number;
  readonly gid: number;
  /** Put before a command. */
  readonly prefix: readonly string[];
  readonly missing?: string;
}

/** The user of a pass. Where this runs as an ordinary user, that user stands for "nobody". */
export function findUser(name: UserName): User {
  const uid = Deno.uid() ?? 0;
  const gid = Deno.gid() ?? 0;
  const self = { name, uid, gid, prefix: [] };
  if (name === "root") {
    return uid === 0 ? self : { ...self, missing: "root is needed for a daemon of root" };
  }
  if (uid !== 0) return self;
  const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find(isFile);
  if (setpriv === undefined) return { ...self, missing: "setpriv (util-linux) is missing" };
  const entry = passwdEntry("nobody");
  if (entry === undefined) return { ...self, missing: "there is no user nobody" };
  const [ordinary, group] = entry;
  const options = [`--reuid=${ordinary}`, `--regid=${group}`, "--clear-groups"];
  const prefix = [setpriv, ...options, "--inh-caps=-all", "--bounding-set=-all"];
  return { name, uid: ordinary, gid: group, prefix };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function passwdEntry(name: string): [number, number] | undefined {
  const line = Deno.readTextFileSync("/etc/passwd").split("\n").find((text) =>
    text.startsWith(`${name}:`)
  );
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined || gid === undefined ? undefined : [Number(uid), Number(gid)];
}
