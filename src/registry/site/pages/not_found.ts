/** The page for what is not there. */
import { markup } from "../markup.ts";
import type { Page, SiteContext } from "../layout.ts";

/** Makes the page that servers show in the place of one that is not there, whatever its path. */
export function notFoundPage({ options }: SiteContext): Page {
  const { root_path, base_url } = options;
  const root = root_path ?? (base_url === undefined ? "./" : new URL(base_url).pathname);
  return {
    path: "404.html",
    root,
    title: "Not found",
    description: "There is no such page.",
    body: markup`<h1>There is no such page</h1>
<p class="lead">The package may have been renamed or removed.</p>
<p><a href="${root}index.html">Search all packages</a></p>`,
  };
}
