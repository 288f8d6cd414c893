/** What machines read: the packages for the search, index.json, and the feed of new versions. */
import { plainText } from "../capability_words.ts";
import type { Index } from "../signed_index.ts";
import { markup } from "./markup.ts";
import type { SiteContext } from "./layout.ts";
import { shownVersion, type SiteModel } from "./model.ts";

/** Entries of the feed. */
const FEED_COUNT = 50;

/** A script with what the search looks at; its entries' members are in assets/search.js. */
export function searchData({ packages }: SiteModel): string {
  const entries = packages.map((item) => {
    const { version, published } = shownVersion(item);
    return [
      ...[item.id, version, item.description, item.category.slug, item.category.name],
      ...[item.publisher.name, published, item.reaches, item.usable === undefined],
    ];
  });
  return `globalThis.lunettePackages=${JSON.stringify(entries)};\n`;
}

/** The index without READMEs. It carries no signature: the marketplace's own does. */
export function indexJson(index: Index): string {
  const packages = index.packages.map(({ readme: _readme, ...rest }) => rest);
  return JSON.stringify({ ...index, packages }, null, 1) + "\n";
}

/** An Atom feed (RFC 4287) of the versions last published. */
export function feed({ model, title, options }: SiteContext): string {
  const base = options.base_url ?? "";
  const entries = model.packages
    .flatMap((item) => item.versions.map((version) => ({ item, version })))
    .filter(({ version }) => !Number.isNaN(Date.parse(version.published)))
    .sort((a, b) =>
      Date.parse(b.version.published) - Date.parse(a.version.published) ||
      (a.version.digest < b.version.digest ? -1 : 1)
    )
    .slice(0, FEED_COUNT);
  return markup`
    <?xml version="1.0" encoding="utf-8"?>
    <feed xmlns="http://www.w3.org/2005/Atom">
    <title>${title}: new versions</title>
    <id>urn:lunette:marketplace:${encodeURIComponent(plainText(model.name))}</id>
    <updated>${model.issued}</updated>
    <link rel="self" href="${base}feed.xml"/>
    <link rel="alternate" type="text/html" href="${base}index.html"/>
    ${
    entries.map(({ item, version }) =>
      markup`
        <entry>
          <title>${item.id} ${version.version}${
        version.revocation !== undefined &&
        " (revoked)"
      }</title>
          <id>urn:lunette:${version.digest}</id>
          <updated>${version.published}</updated>
          <author>
            <name>${item.publisher.name}</name>
          </author>
          <link rel="alternate" type="text/html" href="${base}package/${item.id}.html" />
          <summary>${item.description}</summary>
        </entry>
      `
    )
  }</feed>
  `.text;
}
