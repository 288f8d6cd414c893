/** The page of a package. */
import { formatSize } from "../../../sandbox/format_size.ts";
import type { CapabilityWords } from "../../capability_words.ts";
import { type Content, type Markup, markup } from "../markup.ts";
import { dateOf, type Page, type SiteContext } from "../layout.ts";
import { renderReadme } from "../markdown.ts";
import { shownVersion, type SitePackage, type SiteVersion } from "../model.ts";
import {
  commandLine,
  fingerprint,
  installCommand,
  REACH_NAMES,
  revocationNotice,
  REVOKED,
} from "./parts.ts";

/** What must be seen before anything else. */
function warnings({ publisher, usable, versions, id }: SitePackage): Markup | false {
  const { revocation } = publisher.key;
  if (revocation !== undefined) {
    return revocationNotice(
      `The key of ${publisher.name} was revoked`,
      revocation,
      "No version of this package is installed or started any more.",
    );
  }
  const newest = versions[0];
  if (newest.revocation === undefined) return false;
  return revocationNotice(
    `Version ${newest.version} was revoked`,
    newest.revocation,
    usable === undefined
      ? "No version of this package is good: none is installed or started any more."
      : `It is not installed or started any more. ${id} ${usable.version} is the newest good version.`,
  );
}

function capability({ name, reach, sentence, details, purpose }: CapabilityWords): Markup {
  const said = purpose !== "" && markup`<p class="purpose">“${purpose}”, says the publisher.</p>`;
  return markup`<li><span class="tag tag-${reach}">${REACH_NAMES[reach]}</span>
<div><p>It may <strong>${sentence}</strong>.</p>
${said}
<p class="details"><code>${name}</code>${details.map((detail) => `; ${detail}`)}</p></div></li>
`;
}

function capabilities({ words }: SiteVersion): Markup {
  const asks = words.asks.length === 0
    ? markup`<p>It asks for nothing.</p>`
    : markup`<ul class="asks">\n${words.asks.map(capability)}</ul>`;
  return markup`<section aria-labelledby="asks"><h2 id="asks">What it may do</h2>
${asks}
<p class="cannot">${words.cannot.join(" ")}</p>
</section>`;
}

function versionAnchor(version: string): string {
  return `version-${version.replace(/[^0-9A-Za-z.-]/g, "-")}`;
}

function versionEntry({ version, revocation, digest, more, ...rest }: SiteVersion): Markup {
  const revoked = revocation !== undefined;
  const name = markup`<span class="version-name">${version}</span>`;
  const reason = revoked &&
    markup`<p class="reason">Revoked on ${dateOf(revocation.revoked)}: ${
      revocation.reason || "no reason is given"
    }</p>`;
  const asks = more.length > 0 &&
    markup`<p class="asks-more">Asks for more than the version before: to ${
      more.join("; to ")
    }.</p>`;
  return markup`<li id="${versionAnchor(version)}"${revoked && markup` class="is-revoked"`}>
<p class="version-head"><strong>${revoked ? markup`<s>${name}</s>${REVOKED}` : name}</strong>
<span class="card-meta">${dateOf(rest.published)}, ${formatSize(rest.size_bytes)},
contract version ${rest.api_version}</span></p>
${reason}
${asks}
<p><code class="digest">${digest}</code></p>
</li>
`;
}

function facts({ category, publisher }: SitePackage, shown: SiteVersion): Markup {
  const fact = (name: string, value: Content) =>
    markup`<div><dt>${name}</dt><dd>${value}</dd></div>\n`;
  const { version, published, size_bytes, digest } = shown;
  return markup`<dl class="facts">
${fact("Version", [version, ", ", dateOf(published)])}
${fact("Device", markup`<a href="../type/${category.slug}.html">${category.name}</a>`)}
${fact("Publisher", markup`<a href="../publisher/${publisher.name}.html">${publisher.name}</a>`)}
${fact("Publisher's key", fingerprint(publisher.key))}
${fact("Size", formatSize(size_bytes))}
${fact("Digest", markup`<code class="digest">${digest}</code>`)}
</dl>`;
}

function readme({ readme, id }: SitePackage): Markup {
  if (readme.trim() === "") return markup`<p class="empty">${id} has no README.</p>`;
  const { content, omitted } = renderReadme(readme);
  const rest = omitted > 0 &&
    markup`<p class="empty">The README goes on: its last ${omitted} characters are not shown.</p>`;
  return markup`<div class="readme">
${content}</div>
${rest}`;
}

function install(context: SiteContext, item: SitePackage): Markup | false {
  return item.usable !== undefined &&
    markup`<section aria-labelledby="install"><h2 id="install">Install</h2>
${commandLine(installCommand(context, item.id), "Command that installs it")}
<p class="hint">It shows what the package may do, and asks you first. <a href="../trust.html">How trust works</a></p>
</section>`;
}

/** Makes the page of a package. */
export function packagePage(context: SiteContext, item: SitePackage): Page {
  const shown = shownVersion(item);
  return {
    path: `package/${item.id}.html`,
    title: item.id,
    description: item.description,
    body: markup`<article class="package${item.usable === undefined && " is-revoked"}">
<div class="package-head"><h1>${item.id}</h1>
<p class="lead">${item.description}</p>
<p class="card-meta">Version ${shown.version} by <a href="../publisher/${item.publisher.name}.html">${item.publisher.name}</a></p></div>
${warnings(item)}
<div class="columns">
<div class="column-main">
${install(context, item)}
${capabilities(shown)}
<section aria-labelledby="readme"><h2 id="readme">README</h2>
${readme(item)}
</section>
<section aria-labelledby="versions"><h2 id="versions">Versions</h2>
<ol class="versions">
${item.versions.map(versionEntry)}
</ol>
</section>
</div>
<aside class="column-side" aria-label="Facts">
${facts(item, shown)}
</aside>
</div>
</article>`,
  };
}
