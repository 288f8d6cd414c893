/** What all pages have: head, header, footer, and links that work from any folder. */
import type { AssetNames } from "./assets.ts";
import { type Content, type Markup, markup } from "./markup.ts";
import type { SiteModel } from "./model.ts";

/** What the site is made with. */
export interface SiteOptions {
  /** Of the site; default: the marketplace's name. */
  readonly title?: string;
  /** Where the site will be, with a slash at its end: for links that cannot be relative. */
  readonly base_url?: string;
  /** From a page whose path is not known to the site's root; default: the base's path, else "./". */
  readonly root_path?: string;
  /** The marketplace, as `--from` of install lines names it; none: the user's own. */
  readonly location?: string;
}

/** What pages are made from. */
export interface SiteContext {
  readonly model: SiteModel;
  readonly title: string;
  readonly options: SiteOptions;
  readonly assets: AssetNames;
  /** Of the key that signed the index. */
  readonly key_fingerprint: string;
}

/** A page. */
export interface Page {
  /** Of the file, from the site's root. */
  readonly path: string;
  readonly title: string;
  readonly description: string;
  readonly body: Markup;
  /** From it to the site's root, where it is shown for other paths too. */
  readonly root?: string;
}

/**
 * Nothing is run or shown but what stands in files of the site itself, no script makes markup of text,
 * and no form or base leads elsewhere.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types lunette",
].join("; ");

/** From a page to the site's root: "./" or "../". */
export function rootOf(path: string): string {
  const depth = path.split("/").length - 1;
  return depth === 0 ? "./" : "../".repeat(depth);
}

const MARK = markup`<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"
><path d="M3 14a9 9 0 0 1 18 0z"/><path d="M3 17.5h18"/></svg>`;

const MONTHS = [
  ...["January", "February", "March", "April", "May", "June", "July", "August", "September"],
  ...["October", "November", "December"],
];

/** A date for people, with the exact time for machines. */
export function dateOf(text: string): Content {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  return markup`<time datetime="${date.toISOString()}">${day}</time>`;
}

function head({ title, options, assets }: SiteContext, page: Page, root: string): Markup {
  const address = page.path === "index.html" ? "" : page.path;
  const canonical = options.base_url !== undefined &&
    markup`<link rel="canonical" href="${new URL(address, options.base_url).href}">\n`;
  const full_title = page.path === "index.html" ? title : `${page.title} · ${title}`;
  return markup`<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${CONTENT_SECURITY_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${full_title}</title>
<meta name="description" content="${page.description}">
${canonical}<link rel="icon" type="image/svg+xml" href="${root}${assets.icon}">
<link rel="stylesheet" href="${root}${assets.style}">
<link rel="alternate" type="application/atom+xml" title="New versions" href="${root}feed.xml">
<script src="${root}${assets.theme}"></script>
<script src="${root}${assets.script}" defer></script>
</head>`;
}

/** Of the link to the page that is shown. */
export const CURRENT: Markup = markup` aria-current="page"`;

const HEADER_SEARCH = markup`<input id="header-q" name="q" type="search" autocomplete="off"
 placeholder="Search packages" spellcheck="false">`;

const THEME_TOGGLE = markup`<button class="theme scripted" type="button" data-theme-toggle
 aria-label="Dark theme" aria-pressed="false"><svg viewBox="0 0 20 20" width="20" height="20"
 aria-hidden="true"><circle cx="10" cy="10" r="7"/><path d="M10 3a7 7 0 0 1 0 14z"/></svg></button>`;

function header({ title }: SiteContext, page: Page, root: string): Markup {
  const link = (path: string, text: string) =>
    markup`<li><a href="${root}${path}"${page.path === path && CURRENT}>${text}</a></li>`;
  // The front page has a larger one.
  const search = page.path !== "index.html" &&
    markup`<form class="header-search scripted" role="search" action="${root}index.html" data-search-link>
<label class="visually-hidden" for="header-q">Search packages</label>
${HEADER_SEARCH}
</form>`;
  return markup`<header class="site-header"><div class="wide">
<a class="brand" href="${root}index.html">${MARK}<span>${title}</span></a>
${search}
<nav aria-label="Site"><ul>
${link("packages.html", "Packages")}
${link("revocations.html", "Revocations")}
${link("trust.html", "Trust")}
</ul></nav>
${THEME_TOGGLE}
</div></header>`;
}

function footer({ model }: SiteContext, root: string): Markup {
  const issued = dateOf(model.issued);
  const expires = dateOf(model.expires);
  return markup`<footer class="site-footer"><div class="wide">
<p>Made from index ${model.version} of ${issued}, which is good until ${expires}.</p>
<ul>
<li><a href="${root}feed.xml">Feed of new versions</a></li>
<li><a href="${root}index.json">index.json</a></li>
</ul>
</div></footer>`;
}

const EXPIRED =
  markup`<div class="notice wide" role="alert" data-expired hidden>This page was made from
an index that has expired: versions may have been revoked since. lunette refuses an expired index.</div>`;

/** The whole text of a page. */
export function renderPage(context: SiteContext, page: Page): string {
  const root = page.root ?? rootOf(page.path);
  return markup`<!doctype html>
<html lang="en" data-root="${root}" data-expires="${context.model.expires}">
${head(context, page, root)}
<body>
<a class="skip" href="#main">Skip to the content</a>
${header(context, page, root)}
${EXPIRED}
<main id="main" class="wide" tabindex="-1">
${page.body}
</main>
${footer(context, root)}
</body>
</html>
`.text;
}
