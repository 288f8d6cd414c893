/** What this program is: version, commit, build. */

/** Version of this release; the same as in deno.json. */
export const VERSION = "0.1.0";

/** Written by scripts/compile.ts, and part of what it compiles. */
const BUILD_FILE = "../dist/build.json";

/** What a program was made from. */
export interface Build {
  /** Abbreviated; "unknown" where there is no repository. */
  readonly commit: string;
  /** ISO date, or "source" for one that was not compiled. */
  readonly built: string;
}

function readText(name: string): string | undefined {
  try {
    return Deno.readTextFileSync(new URL(name, import.meta.url)).trim();
  } catch {
    return undefined;
  }
}

/** The commit that is checked out, by Git's files (gitrepository-layout(5)). */
function checkedOut(): string {
  const head = readText("../.git/HEAD");
  const ref = /^ref: (\S+)$/.exec(head ?? "")?.[1];
  const packed = readText("../.git/packed-refs") ?? "";
  const commit = ref === undefined
    ? head
    : readText(`../.git/${ref}`) ?? packed.split("\n").find((line) => line.endsWith(` ${ref}`));
  return /^[0-9a-f]{7}/.exec(commit ?? "")?.[0] ?? "unknown";
}

/** What this program was made from. */
export function readBuild(): Build {
  if (!Deno.build.standalone) return { commit: checkedOut(), built: "source" };
  return JSON.parse(readText(BUILD_FILE) ?? '{"commit":"unknown","built":"unknown"}') as Build;
}

/** One line for `lunette --version`. */
export function versionLine(): string {
  const { commit, built } = readBuild();
  return `lunette ${VERSION}, commit ${commit}, ${
    built === "source" ? "from source" : `built ${built}`
  }`;
}
