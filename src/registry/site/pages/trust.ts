/** The page that says whom and what one trusts here. */
import { type Content, markup } from "../markup.ts";
import { dateOf, type Page, type SiteContext } from "../layout.ts";

/** Makes the page about trust. */
export function trustPage({ model, options, key_fingerprint }: SiteContext): Page {
  const section = (id: string, title: string, ...paragraphs: Content[]) =>
    markup`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
${paragraphs.map((paragraph) => paragraph !== false && markup`<p>${paragraph}</p>\n`)}</section>
`;
  const name = model.name === "" ? "this marketplace" : markup`<strong>${model.name}</strong>`;
  const key = markup`<code class="fingerprint">${key_fingerprint}</code>`;
  return {
    path: "trust.html",
    title: "How trust works",
    description: "What is signed by whom, what your machine checks, and what a package can do.",
    body: markup`<div class="prose"><h1>How trust works</h1>
<p class="lead">You need not trust this page, the server that sent it, or the one that stores the packages. lunette checks everything again on your machine.</p>
${
      section(
        "publishers",
        "Packages are signed by their publishers",
        "A publisher signs each version: its name, its number, the digest of every file, and what it may do. Whoever changes one of these breaks the signature, and lunette refuses the package.",
        "The key of a publisher is kept on your machine with the first package that you install of it. From then on, another key is refused, unless the old key signed for the new one. Keys have fingerprints: compare them with what the publisher says elsewhere.",
      )
    }${
      section(
        "allowed",
        "You allow what a package may do",
        "A package names what it wants: one file, some servers, some memory. You are shown it in the words that you find here, and asked. What it did not ask for, it does not get, whatever its code tries: it runs in a process of its own, without files, without network, and under limits.",
        "When an update asks for more, or comes with a new key, it is held until you agree. The version that you have goes on serving.",
      )
    }${
      section(
        "index",
        "The marketplace signs its index",
        "This site shows an index: what there is, whose key is whose, and what was revoked. The marketplace signs it. Each index has a higher number than the one before, and a date until which it is good. Your machine remembers the highest number that it saw: an old index that is served again is noticed, and so is one that is no longer renewed.",
        markup`This is index ${model.version} of ${name}, issued ${dateOf(model.issued)}, good until
${dateOf(model.expires)}. It was signed by ${key}.`,
        options.location !== undefined && markup`It comes from <code>${options.location}</code>.`,
      )
    }${
      section(
        "revoked",
        "What is revoked does not start",
        markup`A publisher or the marketplace can revoke a version, or a key. lunette then neither
installs nor starts what it hits. Here it is struck through, with the reason;
<a href="revocations.html">Revocations</a> lists all.`,
      )
    }${
      section(
        "not",
        "What a signature does not say",
        "It says who made a package, and that nobody changed it since. It does not say that the package is good, or that its maker means well. That is why handlers run in a sandbox, and why what they may do is shown first.",
      )
    }</div>`,
  };
}
