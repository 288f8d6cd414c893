/** Pieces of more than one page. */
import type { Reach } from "../../capability_words.ts";
import { type Content, type Markup, markup } from "../markup.ts";
import { categoriesOf } from "../device_category.ts";
import { CURRENT, dateOf, type SiteContext } from "../layout.ts";
import {
  shownVersion,
  type SiteKey,
  type SiteModel,
  type SitePackage,
  type SiteRevocation,
} from "../model.ts";

/** What a reach is called in lists. */
export const REACH_NAMES: Readonly<Record<Reach, string>> = {
  network: "Network",
  files: "Files",
  own: "Its own",
};

const REVOKED_ITEM = markup`<li class="tag tag-revoked">Revoked</li>`;
/** Beside what is struck through. */
export const REVOKED: Markup = markup` <span class="tag tag-revoked">Revoked</span>`;

/** What it reaches, in a few words. */
function reachTags(reaches: readonly Reach[]): Content {
  const outside = reaches.filter((reach) => reach !== "own");
  if (outside.length === 0) return markup`<li class="tag">Reaches nothing outside</li>`;
  return outside.map((reach) => markup`<li class="tag tag-${reach}">${REACH_NAMES[reach]}</li>`);
}

/** A package in a list. */
export function packageCard(item: SitePackage, root: string): Markup {
  const { version, published } = shownVersion(item);
  const revoked = item.usable === undefined;
  return markup`<li class="card${revoked && " is-revoked"}">
<div class="card-head"><h3><a href="${root}package/${item.id}.html">${item.id}</a></h3>
<span class="version">${version}</span></div>
<p class="card-text">${item.description}</p>
<ul class="tags" aria-label="About ${item.id}">
${revoked && REVOKED_ITEM}
<li class="tag tag-type">${item.category.name}</li>
${reachTags(item.reaches)}
<li class="card-meta">${item.publisher.name}, ${dateOf(published)}</li>
</ul>
</li>
`;
}

/** A list of packages. */
export function packageList(items: readonly SitePackage[], root: string): Markup {
  return markup`<ol class="cards">\n${items.map((item) => packageCard(item, root))}</ol>`;
}

/** Links to the lists of all packages and of each kind; `path` is that of the page, if it is one. */
export function categoryLinks({ packages }: SiteModel, root: string, path?: string): Markup {
  const link = (to: string, text: string, count: number) =>
    markup`<a class="chip" href="${root}${to}"${
      to === path && CURRENT
    }><span>${text} <small>${count}</small></span></a>
`;
  return markup`<nav class="chips${
    path === undefined && " unscripted"
  }" aria-label="Kinds of devices">
${link("packages.html", "All", packages.length)}
${
    categoriesOf(packages).map(([{ slug, plural }, count]) =>
      link(`type/${slug}.html`, plural, count)
    )
  }</nav>`;
}

/** A fingerprint, in groups that break between lines. */
export function fingerprint({ fingerprint, revocation }: SiteKey): Markup {
  const text = markup`<code class="fingerprint">${fingerprint}</code>`;
  if (revocation === undefined) return text;
  return markup`<s>${text}</s>${REVOKED}`;
}

/** Why, since when. */
export function revocationNotice(
  title: Content,
  revocation: SiteRevocation,
  more: Content,
): Markup {
  const reason = revocation.reason === "" ? "." : markup`: ${revocation.reason}`;
  return markup`<div class="notice notice-danger">
<p><strong>${title}</strong> on ${dateOf(revocation.revoked)}${reason}</p>
<p>${more}</p>
</div>`;
}

/** A word of a POSIX shell's command line. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command that installs a package from this marketplace. */
export function installCommand({ options }: SiteContext, id: string): string {
  const from = options.location === undefined ? "" : ` --from ${shellWord(options.location)}`;
  return `lunette plugin install ${id}${from}`;
}

/** A command with a button that copies it. */
export function commandLine(command: string, label: string): Markup {
  return markup`<div class="command"><pre tabindex="0" aria-label="${label}"><code>${command}</code></pre>
<button class="scripted" type="button" data-copy="${command}">Copy</button></div>`;
}

/** "1 package", "2 packages". */
export function counted(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}
