/**
 * The site of a marketplace: files made from an index. The same index gives the same bytes.
 *
 * @module
 */
import { plainText } from "../capability_words.ts";
import type { Index, PublicKey } from "../signed_index.ts";
import { fingerprintOf } from "../trust/fingerprint.ts";
import { makeAssets } from "./assets.ts";
import { feed, indexJson, searchData } from "./data.ts";
import { renderPage, type SiteContext, type SiteOptions } from "./layout.ts";
import { makeModel } from "./model.ts";
import { frontPage } from "./pages/front.ts";
import { listingPages } from "./pages/listing.ts";
import { notFoundPage } from "./pages/not_found.ts";
import { packagePage } from "./pages/package.ts";
import { publisherPage } from "./pages/publisher.ts";
import { revocationsPage } from "./pages/revocations.ts";
import { trustPage } from "./pages/trust.ts";

/** An index that may be believed, and who signed it. */
export interface VerifiedIndex {
  readonly index: Index;
  readonly key: PublicKey;
}

/** Contents by path, such as `package/acme.disk.html`. */
export type SiteFiles = ReadonlyMap<string, string>;

const TITLE_LENGTH_MAX = 60;

/** Makes all files. Throws RegistryError "untrusted" where the index has names that are none. */
export async function buildSite(
  { index, key }: VerifiedIndex,
  options: SiteOptions = {},
): Promise<SiteFiles> {
  const model = await makeModel(index);
  const [assets, files] = makeAssets(searchData(model));
  const context: SiteContext = {
    model,
    title: plainText(options.title ?? model.name, TITLE_LENGTH_MAX) || "lunette",
    options,
    assets,
    key_fingerprint: await fingerprintOf(key),
  };
  const pages = [
    frontPage(context),
    ...listingPages(context),
    ...model.packages.map((item) => packagePage(context, item)),
    ...model.publishers.map((publisher) => publisherPage(context, publisher)),
    revocationsPage(context),
    trustPage(context),
    notFoundPage(context),
  ];
  const result = new Map(files);
  for (const page of pages) result.set(page.path, renderPage(context, page));
  result.set("index.json", indexJson(index));
  result.set("feed.xml", feed(context));
  return result;
}
