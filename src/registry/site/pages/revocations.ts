/** The page of what must not be used any more. */
import { type Markup, markup } from "../markup.ts";
import { dateOf, type Page, type SiteContext } from "../layout.ts";
import type { SiteRevocationEntry } from "../model.ts";

function entry({ what, value, reason, revoked, hits }: SiteRevocationEntry): Markup {
  const links = hits.map(({ name, path }, index) =>
    markup`${index > 0 && ", "}<a href="${path}">${name}</a>`
  );
  const kind = what === "key" ? "key" : "digest";
  const unknown = what === "key" ? "A key of nobody here" : "A package that is not listed here";
  return markup`<li>
<p class="revoked-names">${links.length > 0 ? links : unknown}</p>
<p class="reason">${reason || "No reason is given."}</p>
<p class="card-meta">${dateOf(revoked)}, ${kind} <code class="digest">${value}</code></p>
</li>
`;
}

/** Makes the page of revocations. */
export function revocationsPage({ model }: SiteContext): Page {
  const { revocations } = model;
  return {
    path: "revocations.html",
    title: "Revocations",
    description: "Versions and keys that must not be used any more.",
    body: markup`<h1>Revocations</h1>
<p class="lead">What must not be used any more. lunette neither installs nor starts it.</p>
${
      revocations.length === 0
        ? markup`<p class="empty">Nothing is revoked.</p>`
        : markup`<ul class="revocations">\n${revocations.map(entry)}</ul>`
    }
<p>Whether what you have installed is among them: <code>lunette plugin audit</code></p>`,
  };
}
