/** The site's own files, which are part of the program, named by what they hold. */
import base_style from "./assets/base.css" with { type: "text" };
import icon from "./assets/icon.svg" with { type: "text" };
import lists_style from "./assets/lists.css" with { type: "text" };
import package_style from "./assets/package.css" with { type: "text" };
import search from "./assets/search.js" with { type: "text" };
import site from "./assets/site.js" with { type: "text" };
import theme from "./assets/theme.js" with { type: "text" };
import { createHash } from "node:crypto";

/** Paths from the site's root. */
export interface AssetNames {
  readonly icon: string;
  readonly style: string;
  /** Runs before the first paint. */
  readonly theme: string;
  readonly script: string;
  /** The packages, for the search. */
  readonly search_data: string;
}

/** Digits of the hash in a name. */
const HASH_LENGTH = 12;

/** "assets/site.HASH.css": another content has another name, so that it can be kept for ever. */
export function assetName(name: string, text: string): string {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, HASH_LENGTH);
  const [stem, extension] = name.split(".");
  return `assets/${stem}.${hash}.${extension}`;
}

/** Whether a path is that of {@linkcode assetName}. */
export function isHashedName(path: string): boolean {
  return /^assets\/[a-z]+\.[0-9a-f]{12}\.[a-z]+$/.test(path);
}

/** Names and contents of all. */
export function makeAssets(
  search_data: string,
): readonly [AssetNames, ReadonlyMap<string, string>] {
  const files = new Map<string, string>();
  const add = (name: string, text: string) => {
    const path = assetName(name, text);
    files.set(path, text);
    return path;
  };
  const names: AssetNames = {
    icon: add("icon.svg", icon),
    style: add("site.css", base_style + lists_style + package_style),
    theme: add("theme.js", theme),
    script: add("site.js", search + site),
    search_data: add("packages.js", search_data),
  };
  return [names, files];
}
