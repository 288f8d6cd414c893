/** Lists of packages: all of them, and those of one kind of device, some on each page. */
import { categoriesOf } from "../device_category.ts";
import { type Markup, markup } from "../markup.ts";
import { CURRENT, type Page, rootOf, type SiteContext } from "../layout.ts";
import type { SitePackage } from "../model.ts";
import { categoryLinks, counted, packageList } from "./parts.ts";

/** Packages on one page of a list. */
const PAGE_COUNT = 50;

function pageName(path: string, number: number): string {
  return number === 1 ? path : path.replace(/\.html$/, `-${number}.html`);
}

function pager(path: string, number: number, count: number, root: string): Markup | false {
  if (count === 1) return false;
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return markup`<nav class="pager" aria-label="Pages"><ul>
${
    numbers.map((one) =>
      markup`<li><a href="${root}${pageName(path, one)}"${one === number && CURRENT}>
<span class="visually-hidden">Page </span>${one}</a></li>
`
    )
  }</ul></nav>`;
}

function listing(
  { model }: SiteContext,
  path: string,
  title: string,
  items: readonly SitePackage[],
): Page[] {
  const root = rootOf(path);
  const count = Math.max(1, Math.ceil(items.length / PAGE_COUNT));
  return Array.from({ length: count }, (_, index): Page => {
    const number = index + 1;
    const shown = items.slice(index * PAGE_COUNT, number * PAGE_COUNT);
    const of = count === 1 ? "" : `, page ${number} of ${count}`;
    return {
      path: pageName(path, number),
      title: `${title}${of}`,
      description: `${title}: ${counted(items.length, "package")} for lunette.`,
      body: markup`<h1>${title}</h1>
${categoryLinks(model, root, path)}
<h2 class="visually-hidden">By name${of}</h2>
${packageList(shown, root)}
${pager(path, number, count, root)}`,
    };
  });
}

/** Makes the lists. */
export function listingPages(context: SiteContext): Page[] {
  const { packages } = context.model;
  const kinds = categoriesOf(packages).flatMap(([category]) =>
    listing(
      context,
      `type/${category.slug}.html`,
      category.plural,
      packages.filter((item) => item.category === category),
    )
  );
  return [...listing(context, "packages.html", "All packages", packages), ...kinds];
}
