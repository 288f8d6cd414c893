/**
 * Reads the machine's own apt sources, so that packages of another Debian suite
 * can be taken from the very mirror that this machine already uses.
 *
 * @module
 */

/** One place that apt reads packages from. */
export interface AptSource {
  /** Kinds of package that it holds: `deb`, `deb-src`. */
  types: string[];
  /** Addresses of the mirror. */
  uris: string[];
  /** Suites, such as `bookworm` and `bookworm-updates`. */
  suites: string[];
  /** Components, such as `main`. */
  components: string[];
  /** Options as apt's one-line format spells them: `signed-by`, `trusted`, ... */
  options: Record<string, string>;
}

/** Parses the deb822 format of `*.sources` files. */
export function parseDeb822(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const paragraph of withoutComments(text).split(/\n[ \t]*\n/)) {
    const fields = parseFields(paragraph);
    if (fields.get("enabled")?.toLowerCase() === "no") continue;
    const uris = words(fields.get("uris"));
    if (uris.length === 0) continue;
    sources.push({
      types: words(fields.get("types")),
      uris,
      suites: words(fields.get("suites")),
      components: words(fields.get("components")),
      options: optionsOf(fields),
    });
  }
  return sources;
}

/** Parses the one-line format of `sources.list` and `*.list` files. */
export function parseOneLine(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)/
      .exec(line);
    if (match === null) continue;
    const [, type, options, uri, suite, components] = match;
    sources.push({
      types: [type],
      uris: [uri],
      suites: [suite],
      components: words(components),
      options: parseOneLineOptions(options),
    });
  }
  return sources;
}

/**
 * The source that carries the machine's own release: its mirror carries the
 * other suites of the same distribution too.
 */
export function findReleaseSource(
  sources: AptSource[],
  codename: string,
): AptSource | undefined {
  const aliases = [codename, "stable", "testing", "unstable", "sid"];
  for (const alias of aliases) {
    const found = sources.find((source) =>
      source.types.includes("deb") && source.suites.includes(alias) &&
      source.components.includes("main")
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Writes a one-line source for another suite of the same mirror. */
export function formatForSuite(source: AptSource, suite: string): string {
  const options = Object.entries(source.options)
    .map(([name, value]) => `${name}=${value}`);
  const bracket = options.length === 0 ? "" : `[${options.join(" ")}] `;
  return `deb ${bracket}${source.uris[0]} ${suite} main\n`;
}

/** Options that matter for fetching; the others speak of the old suite. */
const KEPT_OPTIONS = ["signed-by", "trusted"];

function optionsOf(fields: Map<string, string>): Record<string, string> {
  const options: Record<string, string> = {};
  for (const name of KEPT_OPTIONS) {
    const value = fields.get(name);
    // A key written into the file itself has no one-line form; apt then falls
    // back to the keys in its trusted.gpg.d.
    if (value === undefined || value.includes("BEGIN PGP")) continue;
    options[name] = words(value).join(",");
  }
  return options;
}

function parseOneLineOptions(text: string | undefined): Record<string, string> {
  const options: Record<string, string> = {};
  for (const word of words(text)) {
    const [name, value] = word.split("=", 2);
    if (value !== undefined && KEPT_OPTIONS.includes(name)) {
      options[name] = value;
    }
  }
  return options;
}

function parseFields(paragraph: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = "";
  for (const line of paragraph.split("\n")) {
    const match = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
    if (match !== null) {
      last = match[1].toLowerCase();
      fields.set(last, match[2].trim());
    } else if (/^\s/.test(line) && last !== "") {
      fields.set(last, `${fields.get(last)} ${line.trim()}`.trim());
    }
  }
  return fields;
}

function withoutComments(text: string): string {
  return text.split("\n").filter((line) => !line.startsWith("#")).join("\n");
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}
