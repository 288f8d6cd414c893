/**
 * Fetches Debian packages of another suite than the machine's and unpacks them
 * into the cache. apt does the fetching and checks the signatures, with lists,
 * cache and sources of its own, so that the machine's apt state is untouched.
 *
 * @module
 */
import {
  type AptSource,
  findReleaseSource,
  formatForSuite,
  parseDeb822,
  parseOneLine,
} from "./apt_sources.ts";
import { cachedFolder, cacheFolder, exists, removeFolder, withCacheLock } from "./cache.ts";
import { mustRun } from "./host.ts";

/** Packages to be unpacked together into one folder. */
export interface PackageRequest {
  /** Name of the folder in the cache. */
  key: string;
  /** Suite to take them from: `sid`, `trixie`, `bookworm-backports`, ... */
  suite: string;
  /** Names of the packages. */
  names: string[];
  /** Says which dependencies to take as well, and theirs; default none. */
  follow?: (name: string) => boolean;
  /** Works on the unpacked folder before it counts as finished. */
  finish?: (folder: string) => Promise<void>;
}

/** Receives a line that tells of progress. */
export type Log = (line: string) => void;

/**
 * Fetches and unpacks the packages, once, and returns the folder that then
 * stands for `/`. Whatever version the suite has at that time is taken; remove
 * the folder to take a newer one.
 */
export function unpackPackages(
  request: PackageRequest,
  log: Log = console.error,
): Promise<string> {
  return cachedFolder(`${request.suite}/${request.key}`, async (folder) => {
    const apt = await openSuite(request.suite, log);
    const names = await followDependencies(apt, request);
    log(`fetching ${names.join(" ")} from ${request.suite}`);
    const archives = `${folder}.archives`;
    await removeFolder(archives);
    await Deno.mkdir(archives, { recursive: true });
    await mustRun("apt-get", [...apt, "download", ...names], { cwd: archives });
    for (const entry of Deno.readDirSync(archives)) {
      log(`unpacking ${entry.name}`);
      await mustRun("dpkg-deb", ["-x", `${archives}/${entry.name}`, folder]);
    }
    await removeFolder(archives);
    await request.finish?.(folder);
  });
}

/**
 * Names of the packages that `apt-cache depends` lists as needed: the first of
 * each group of alternatives, and for a virtual package its first provider.
 */
export function parseDepends(text: string): string[] {
  const names: string[] = [];
  let alternative = false;
  let wantsProvider = false;
  for (const line of text.split("\n")) {
    const match = /^\s*(\|?)(?:Pre)?Depends: (\S+)/.exec(line);
    if (match !== null) {
      const isVirtual = match[2].startsWith("<");
      if (!alternative && !isVirtual) names.push(match[2]);
      wantsProvider = !alternative && isVirtual;
      alternative = match[1] === "|";
    } else if (wantsProvider && /^ {4}\S/.test(line)) {
      names.push(line.trim());
      wantsProvider = false;
    }
  }
  return [...new Set(names)];
}

/** Code name of the Debian release that this machine runs. */
export async function releaseCodename(): Promise<string> {
  const text = await Deno.readTextFile("/etc/os-release");
  const match = /^VERSION_CODENAME="?([^"\n]+)"?$/m.exec(text);
  if (!/^ID="?debian"?$/m.test(text) || match === null) {
    throw new Error(
      "Cannot fetch Debian packages: /etc/os-release does not name a Debian " +
        "release. Run the kernel rigs on Debian, or in a Debian container.",
    );
  }
  return match[1];
}

/** Makes apt's own folders for a suite and returns the options that use them. */
async function openSuite(suite: string, log: Log): Promise<string[]> {
  const folder = `${cacheFolder()}/apt/${suite}`;
  for (const part of ["lists/partial", "cache/archives/partial"]) {
    await Deno.mkdir(`${folder}/${part}`, { recursive: true });
  }
  const source = await machineSource();
  await Deno.writeTextFile(`${folder}/sources.list`, formatForSuite(source, suite));
  await Deno.writeTextFile(`${folder}/status`, "");
  const options = [
    `Dir::Etc::SourceList=${folder}/sources.list`,
    "Dir::Etc::SourceParts=-",
    "Dir::Etc::Preferences=-",
    "Dir::Etc::PreferencesParts=-",
    `Dir::State::Lists=${folder}/lists`,
    // With an empty status file what this machine has installed is no candidate.
    `Dir::State::status=${folder}/status`,
    `Dir::Cache=${folder}/cache`,
    // The unprivileged user of apt could not enter a root-owned cache.
    "APT::Sandbox::User=root",
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
  await withCacheLock(`apt-${suite}`, async () => {
    log(`reading the package lists of ${suite}`);
    await mustRun("apt-get", [...options, "update"]);
  });
  return options;
}

async function followDependencies(
  apt: string[],
  request: PackageRequest,
): Promise<string[]> {
  const follow = request.follow;
  if (follow === undefined) return request.names;
  const names = new Set(request.names);
  // A set may be added to while it is walked: the walk reaches what is new.
  for (const name of names) {
    const text = await mustRun("apt-cache", [...apt, "depends", name]);
    for (const needed of parseDepends(text)) {
      if (follow(needed)) names.add(needed);
    }
  }
  return [...names];
}

async function machineSource(): Promise<AptSource> {
  const sources: AptSource[] = [];
  const list = "/etc/apt/sources.list";
  if (await exists(list)) {
    sources.push(...parseOneLine(await Deno.readTextFile(list)));
  }
  const parts = "/etc/apt/sources.list.d";
  for (const entry of await exists(parts) ? Deno.readDirSync(parts) : []) {
    const text = () => Deno.readTextFileSync(`${parts}/${entry.name}`);
    if (entry.name.endsWith(".sources")) sources.push(...parseDeb822(text()));
    if (entry.name.endsWith(".list")) sources.push(...parseOneLine(text()));
  }
  const codename = await releaseCodename();
  const found = findReleaseSource(sources, codename);
  if (found !== undefined) return found;
  throw new Error(
    `Cannot find a mirror: no source under /etc/apt names "${codename}" with ` +
      `component "main". Add this machine's Debian mirror there.`,
  );
}
