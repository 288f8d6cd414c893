/** axe-core on every page of the site: light and dark, narrow and wide. */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { browserTest, startRig } from "./browser_rig.ts";
import { demoVerifiedIndex } from "./demo_index.ts";

/** Packages whose pages differ in more than their text; each page more takes seconds. */
const PACKAGES: ReadonlySet<string> = new Set([
  ...["acme.object-store", "acme.mirror", "acme.tape-library", "acme.virtual-tape"],
  ...["acme-labs.host-aware", "acme-labs.zeros", "example.cd-web", "example.postgres-blocks"],
  "example-storage.a-handler-with-a-long-name-for-narrow-screens-00",
]);
const WIDTHS = [320, 1280];
const SCHEMES = ["light", "dark"] as const;

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
  readonly passes: readonly unknown[];
}

/** What axe-core objects to, in words; only colours differ between light and dark. */
async function violations(page: Page, scheme: "light" | "dark"): Promise<string[]> {
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
  const options = scheme === "light" ? {} : { runOnly: ["color-contrast"] };
  const found = await page.evaluate(`axe.run(${JSON.stringify(options)})`) as AxeResults;
  const rules_min = scheme === "light" ? 10 : 1;
  assert.ok(found.passes.length >= rules_min, "axe-core has looked at next to nothing");
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

browserTest("axe-core finds no violation on any page", async (t) => {
  const packages = demoVerifiedIndex.index.packages.filter(({ id }) => PACKAGES.has(id));
  assert.equal(packages.length, PACKAGES.size);
  const index = { ...demoVerifiedIndex.index, packages };
  await using rig = await startRig({ ...demoVerifiedIndex, index }, {
    title: "lunette handlers",
    location: "oci://registry.example.org/lunette",
  });
  const paths = [...rig.files.keys()].filter((path) => path.endsWith(".html"));
  paths.push("index.html?q=tape", "index.html?q=zzzzzz", "no/such/page");
  const context = await rig.browser.newContext();
  const page = await context.newPage();
  const load = async (path: string) => {
    await page.goto(rig.url + path);
    await page.evaluate(axe.source);
  };

  await t.step("every page, light and dark, 320 and 1280 pixels wide", async () => {
    for (const path of paths) {
      await load(path);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        for (const scheme of SCHEMES) {
          const found = await violations(page, scheme);
          assert.deepEqual(found, [], `${path}, ${scheme}, ${width} pixels`);
        }
      }
    }
  });

  await t.step("and would find one", async () => {
    await load("index.html");
    await page.locator("h1").evaluate((heading) => heading.style.color = "#444");
    assert.match((await violations(page, "dark")).join(), /^color-contrast: <h1/);
    await page.locator("#q").evaluate((field) => field.removeAttribute("id"));
    await page.locator("[name=q]").evaluate((field) => field.removeAttribute("placeholder"));
    assert.match((await violations(page, "light")).join(), /label: <input/);
  });
});
