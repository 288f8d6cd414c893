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
