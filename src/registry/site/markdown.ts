/**
 * READMEs of strangers as HTML. Markdown is read without HTML in it, headings, links and images are put
 * right in its tokens, and what comes out passes a sanitizer that knows a few elements alone: either
 * would do, and neither is relied upon alone.
 *
 * @module
 */
import MarkdownIt, { type StateCore, type Token } from "markdown-it";
// @ts-types="@types/sanitize-html"
import sanitizeHtml from "sanitize-html";
import { Markup } from "./markup.ts";

/** Longest README that is rendered, in characters; the rest is left out. */
export const README_LENGTH_MAX = 65_536;
/** Elements may stand in each other so deep. */
const NESTING_MAX = 20;
/** Before each id: a README cannot name what belongs to the page. */
const ID_PREFIX = "readme-";
/** Highest heading that a README has: h1 is the page's, h2 its sections'. */
const HEADING_LEVEL_MIN = 3;
const HEADING_LEVEL_MAX = 6;
const LINK = /^(?:https?:\/\/[^/]|mailto:[^?]+@)/i;

const REORDERING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text of inline tokens, for ids and for what has no text. */
function textOf(tokens: readonly Token[] | null): string {
  return (tokens ?? []).map(({ type, content }) =>
    type === "text" || type === "code_inline" || type === "image" ? content : ""
  ).join("").trim();
}

/** Ids of headings, each once. */
class Slugs {
  readonly #counts = new Map<string, number>();

  make(text: string): string {
    const slug = text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") ||
      "section";
    const count = this.#counts.get(slug) ?? 0;
    this.#counts.set(slug, count + 1);
    return `${ID_PREFIX}${count === 0 ? slug : `${slug}-${count}`}`;
  }
}

/** Headings below those of the page, no level left out, none empty, each with an id. */
function fixHeadings(state: StateCore): void {
  const slugs = new Slugs();
  let level = HEADING_LEVEL_MIN - 1;
  for (const [index, token] of state.tokens.entries()) {
    if (token.type !== "heading_open") continue;
    const inline = state.tokens[index + 1];
    const close = state.tokens[index + 2];
    const text = textOf(inline.children);
    const wanted = Number(token.tag.slice(1)) + HEADING_LEVEL_MIN - 1;
    if (text === "") {
      token.tag = close.tag = "p";
      continue;
    }
    level = Math.min(wanted, level + 1, HEADING_LEVEL_MAX);
    token.tag = close.tag = `h${level}`;
    token.attrSet("id", slugs.make(text));
  }
}

/** Where a link of a README may lead; undefined: nowhere. */
function linkTarget(href: string): string | undefined {
  if (href.startsWith("#")) return `#${ID_PREFIX}${href.slice(1)}`;
  return LINK.test(href) ? href : undefined;
}

/** Images become their text, links that lead nowhere too; a link without text shows its target. */
function fixInline(state: StateCore, tokens: readonly Token[]): Token[] {
  const result: Token[] = [];
  const plain = (content: string) => {
    const token = new state.Token("text", "", 0);
    token.content = content;
    return token;
  };
  let open: { readonly target: string | undefined; readonly at: number } | undefined;
  for (const token of tokens) {
    if (token.type === "link_open") {
      const target = linkTarget(String(token.attrGet("href") ?? ""));
      if (target !== undefined) {
        token.attrs = [["href", target]];
        result.push(token);
      }
      open = { target, at: result.length };
    } else if (token.type === "link_close") {
      const empty = textOf(result.slice(open?.at)) === "";
      if (open?.target !== undefined) {
        if (empty) result.push(plain(open.target));
        result.push(token);
      }
      open = undefined;
    } else if (token.type === "image") {
      const text = textOf(token.children) || token.content;
      result.push(plain(text === "" ? "[image]" : `[image: ${text}]`));
    } else {
      result.push(token);
    }
  }
  return result;
}

function makeParser() {
  const parser = new MarkdownIt({ html: false, linkify: false, maxNesting: NESTING_MAX });
  // All links are read, so that those which lead nowhere can be made text.
  parser.validateLink = () => true;
  // A table that is too wide scrolls by itself.
  parser.renderer.rules.table_open = () =>
    '<div role="group" aria-label="Table" tabindex="0"><table>\n';
  parser.renderer.rules.table_close = () => "</table></div>\n";
  parser.core.ruler.push("readme", (state: StateCore) => {
    fixHeadings(state);
    for (const token of state.tokens) {
      if (token.children !== null) token.children = fixInline(state, token.children);
    }
  });
  return parser;
}

const parser = makeParser();

const HEADINGS = ["h3", "h4", "h5", "h6"];

const sanitizer: sanitizeHtml.IOptions = {
  allowedTags: [
    ...HEADINGS,
    ...["p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s", "a"],
    ...["ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "div"],
  ],
  allowedAttributes: {
    a: ["href", "rel"],
    div: ["role", "aria-label", "tabindex"],
    pre: ["tabindex"],
    ol: ["start"],
    ...Object.fromEntries(HEADINGS.map((tag) => [tag, ["id"]])),
  },
  allowedSchemes: ["http", "https", "mailto"],
  allowProtocolRelative: false,
  disallowedTagsMode: "discard",
  parseStyleAttributes: false,
  transformTags: {
    a: (tagName, attribs) => {
      const outside = { href: attribs.href, rel: "nofollow noopener noreferrer ugc" };
      return { tagName, attribs: attribs.href?.startsWith("#") ? attribs : outside };
    },
    // What scrolls sideways can be reached by keyboard.
    pre: sanitizeHtml.simpleTransform("pre", { tabindex: "0" }, false),
  },
};

/** A README, rendered. */
export interface Readme {
  readonly content: Markup;
  /** Characters at its end that are left out. */
  readonly omitted: number;
}

/** Renders a README, whatever it holds. */
export function renderReadme(markdown: string): Readme {
  const text = markdown.toWellFormed().replace(REORDERING, "");
  const omitted = Math.max(0, text.length - README_LENGTH_MAX);
  const rendered = parser.render(text.slice(0, README_LENGTH_MAX));
  return { content: new Markup(sanitizeHtml(rendered, sanitizer)), omitted };
}
