/** The front page: search, kinds of devices, what is new. */
import { categoriesOf } from "../device_category.ts";
import { type Markup, markup } from "../markup.ts";
import type { Page, SiteContext } from "../layout.ts";
import { categoryLinks, counted, packageCard, packageList } from "./parts.ts";

/** Packages on the front page; lists have the others. */
const NEWEST_COUNT = 12;

function searchForm({ model }: SiteContext): Markup {
  const chip = (slug: string, text: string, count: number) => {
    const checked = slug === "" && markup` checked`;
    return markup`<label class="chip"><input type="radio" name="type" value="${slug}"${checked}>
<span>${text} <small>${count}</small></span></label>
`;
  };
  return markup`<form class="search scripted" role="search" action="index.html" data-search>
<label class="visually-hidden" for="q">Search packages</label>
<input id="q" name="q" type="search" placeholder="Name or purpose"
 autocomplete="off" spellcheck="false" aria-describedby="search-help" aria-keyshortcuts="/">
<p class="visually-hidden" id="search-help">Results follow as you type. The down arrow key goes to
them, Escape comes back.</p>
<fieldset class="chips"><legend class="visually-hidden">Kind of device</legend>
${chip("", "All", model.packages.length)}
${categoriesOf(model.packages).map(([{ slug, plural }, count]) => chip(slug, plural, count))}
</fieldset>
</form>`;
}

/** What a script fills with what it has found: the same card as in lists. */
function cardTemplate({ model }: SiteContext): Markup | false {
  return model.packages.length > 0 &&
    markup`<template data-card>${packageCard(model.packages[0], "./")}</template>`;
}

/** Makes the front page. */
export function frontPage(context: SiteContext): Page {
  const { model, assets } = context;
  const count = counted(model.packages.length, "package");
  const publishers = counted(model.publishers.length, "publisher");
  const newest = model.newest.slice(0, NEWEST_COUNT);
  const body = markup`<div class="hero">
<h1>Handlers for your storage</h1>
<p class="lead">${count} from ${publishers}. Each is signed by who made it, runs in a sandbox, and gets
only what you allow.</p>
${searchForm(context)}
${categoryLinks(model, "./")}
</div>
<p class="status scripted" role="status" data-count></p>
<section data-results hidden aria-labelledby="results">
<h2 class="visually-hidden" id="results">Results</h2>
<ol class="cards"></ol>
<p class="empty" hidden data-empty>Nothing fits. Try fewer letters, or another kind of device.</p>
</section>
<section data-newest aria-labelledby="newest">
<h2 id="newest">Recently published</h2>
${packageList(newest, "./")}
<p class="more"><a href="packages.html">All ${count}</a></p>
</section>
${cardTemplate(context)}
<div hidden data-search-script="${assets.search_data}"></div>`;
  return {
    path: "index.html",
    title: context.title,
    description: `${count} for lunette: handlers that serve SCSI logical units.`,
    body,
  };
}
