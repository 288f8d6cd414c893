import assert from "node:assert/strict";
import fc from "fast-check";
import { VECTORS } from "../../../test/site/hostile_index.ts";
import { elementsOfFragment, problemsOf } from "../../../test/site/html_check.ts";
import { README_LENGTH_MAX, renderReadme } from "./markdown.ts";

/** What a README may become. */
const ELEMENTS = new Set([
  ...["h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s"],
  ...["a", "ul", "ol", "li", "div", "table", "thead", "tbody", "tr", "th", "td"],
]);
const ATTRIBUTES = new Set(["href", "rel", "id", "start", "role", "aria-label", "tabindex"]);

function render(markdown: string): string {
  return renderReadme(markdown).content.text;
}

/** Throws where a rendered README has what none may have. */
function check(markdown: string): void {
  const found = elementsOfFragment(render(markdown));
  const shown = JSON.stringify(markdown);
  assert.deepEqual(problemsOf(found), [], shown);
  for (const { name, attributes } of found) {
    assert.ok(ELEMENTS.has(name), `${name} of ${shown}`);
    for (const attribute of attributes.keys()) {
      assert.ok(ATTRIBUTES.has(attribute), `${attribute} of ${shown}`);
    }
    if (attributes.has("id")) assert.match(attributes.get("id")!, /^readme-./);
    if (name !== "a") continue;
    const href = attributes.get("href") ?? "";
    assert.match(href, /^(?:https?:\/\/|mailto:|#readme-)/, shown);
    if (!href.startsWith("#")) assert.match(attributes.get("rel") ?? "", /nofollow noopener/);
  }
}

Deno.test("renderReadme() leaves nothing that runs, of vectors known elsewhere", () => {
  for (const vector of VECTORS) {
    check(vector);
    check(`text ${vector} text`);
    check(`- ${vector}\n\n> ${vector}`);
  }
  check(VECTORS.join("\n\n"));
  check(VECTORS.join(" "));
});

Deno.test("renderReadme() leaves nothing that runs, of whatever is put together", () => {
  const pieces = [
    ...["<", ">", '"', "'", "`", "![", "[x](", ")", "<script>", "</script>", "<img src=x onerror="],
    ...[
      "javascript:",
      "&#",
      "&colon;",
      "\n",
      "\n\n",
      "# ",
      "> ",
      "| a |\n|--|\n",
      "```",
      "\\",
      "\u0000",
    ],
    ...["<svg", "onload=", "<!--", "-->", "https://", "mailto:a@b", " ", "x", "<a href=", "]("],
  ];
  const text = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 6 })), {
    maxLength: 24,
  });
  fc.assert(fc.property(text, (parts) => check(parts.join(""))), { numRuns: 300 });
});

Deno.test("renderReadme() keeps what a README is for", () => {
  const found = render(
    "# Title\n\nSome *text*, `code`, [a link](https://example.org/a?b=1&c=2).\n\n" +
      "| a | b |\n|---|---|\n| 1 | 2 |\n\n```ts\nconst a = 1 < 2;\n```\n\n3. three",
  );
  assert.match(found, /<h3 id="readme-title">Title<\/h3>/);
  assert.match(found, /<em>text<\/em>, <code>code<\/code>/);
  assert.match(found, /href="https:\/\/example\.org\/a\?b=1&amp;c=2"/);
  assert.match(found, /<td>2<\/td>/);
  assert.match(found, /const a = 1 &lt; 2;/);
  assert.match(found, /<ol start="3">/);
});

Deno.test("renderReadme() leaves no level of headings out, and none empty", () => {
  const tags = (markdown: string) =>
    elementsOfFragment(render(markdown)).map(({ name }) => name).filter((name) => /^h/.test(name));
  assert.deepEqual(tags("#### a\n\n# b\n\n###### c\n\n## d"), ["h3", "h3", "h4", "h4"]);
  assert.deepEqual(tags("#\n\n## <!-- -->\n"), ["h3"]);
  assert.deepEqual(tags("#\n"), []);
});

Deno.test("renderReadme() gives each heading an id of its own, which its links find", () => {
  const found = render("# Use\n\n## Use\n\n[there](#use) [and](#use-1)");
  assert.match(found, /id="readme-use".*id="readme-use-1"/s);
  assert.match(found, /href="#readme-use".*href="#readme-use-1"/s);
});

Deno.test("renderReadme() loads no image, and keeps its text", () => {
  const found = render("![A drawing](https://example.org/a.png) ![](b.png)");
  assert.equal(found, "<p>[image: A drawing] [image]</p>\n");
});

Deno.test("renderReadme() shows links that lead nowhere as text, and those without text as theirs", () => {
  assert.equal(render("[the code](src/mod.ts)"), "<p>the code</p>\n");
  assert.match(render("[](https://example.org/x)"), />https:\/\/example\.org\/x<\/a>/);
});

Deno.test("renderReadme() leaves out what is too long, and characters that reorder others", () => {
  const { content, omitted } = renderReadme("x".repeat(README_LENGTH_MAX + 7));
  assert.equal(omitted, 7);
  assert.ok(content.text.length < README_LENGTH_MAX + 100);
  assert.equal(render("a\u202eb\u2066c"), "<p>abc</p>\n");
});

Deno.test("renderReadme() takes no long time for what is made to take long", () => {
  const began_ms = performance.now();
  for (const piece of ["[", "![", "*a_ ", "> ", "<a", "`", "[a](b", "~~a", "&", "| a "]) {
    render(piece.repeat(README_LENGTH_MAX / piece.length));
  }
  render("|a".repeat(200) + "\n" + "|-".repeat(200) + "\n" + "a|\n".repeat(README_LENGTH_MAX / 3));
  const elapsed_ms = performance.now() - began_ms;
  assert.ok(elapsed_ms < 30_000, `${elapsed_ms} ms`);
});
