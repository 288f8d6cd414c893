/** The marketplace's site in a real browser, by real clicks and keys. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { writeSite } from "../../src/registry/site/site_folder.ts";
import { type BrowserRig, browserTest, startRig, watch } from "./browser_rig.ts";
import { demoKey, demoVerifiedIndex } from "./demo_index.ts";
import { hostileIndex, VECTORS } from "./hostile_index.ts";

const OPTIONS = { title: "lunette handlers", location: "oci://registry.example.org/lunette" };
const INSTALL = "lunette plugin install acme.mirror --from oci://registry.example.org/lunette";
/** What the first view may cost. */
const FIRST_VIEW_BYTES = 100_000;

type Options = Parameters<BrowserRig["browser"]["newContext"]>[0];

async function withPage(
  rig: BrowserRig,
  options: Options,
  run: (page: Page, context: BrowserContext) => Promise<void>,
): Promise<void> {
  const context = await rig.browser.newContext(options);
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const problems = watch(page, rig.url);
    await page.goto(rig.url);
    await run(page, context);
    assert.deepEqual(problems, []);
  } finally {
    await context.close();
  }
}

async function results(page: Page): Promise<string[]> {
  return await page.locator("[data-results] h3 a").allTextContents();
}

async function waitForCount(page: Page, text: RegExp): Promise<void> {
  await page.locator("[data-count]").filter({ hasText: text }).waitFor();
}

browserTest("the site, by mouse and keyboard", async (t) => {
  await using rig = await startRig(demoVerifiedIndex, OPTIONS);

  await t.step("search by typing shows what fits, and says how many", async () => {
    await withPage(rig, {}, async (page) => {
      await page.locator("#q").pressSequentially("tape");
      await waitForCount(page, /^3 packages$/);
      assert.equal((await results(page)).length, 3);
      assert.equal(await page.locator("[data-count]").getAttribute("role"), "status");
      assert.equal(await page.locator("[data-newest]").isVisible(), false);
      assert.match(page.url(), /\?q=tape$/);
      await page.reload();
      await waitForCount(page, /^3 packages$/);
      await page.locator("#q").fill("zzzzzzz");
      await waitForCount(page, /^No packages$/);
      assert.ok(await page.locator("[data-empty]").isVisible());
      await page.locator("#q").fill("");
      await page.locator("[data-newest]").waitFor();
    });
  });

  await t.step("a click on a kind of device shows those alone", async () => {
    await withPage(rig, {}, async (page) => {
      await page.getByRole("radio", { name: "Zoned disks" }).click();
      await waitForCount(page, /^2 packages$/);
      assert.deepEqual((await results(page)).sort(), [
        "acme-labs.host-aware",
        "acme-labs.host-managed",
      ]);
      await page.locator("#q").fill("aware");
      await waitForCount(page, /^1 package$/);
      await page.locator("#q").fill("tape");
      await waitForCount(page, /^No packages$/);
      await page.getByRole("radio", { name: "All" }).click();
      await waitForCount(page, /^3 packages$/);
    });
  });

  await t.step("a result leads to its package, whose install line is copied", async () => {
    const permissions = ["clipboard-read", "clipboard-write"];
    await withPage(rig, { permissions }, async (page) => {
      await page.locator("#q").fill("mirror");
      await waitForCount(page, /package/);
      await page.locator("[data-results] h3 a").first().click();
      await page.waitForURL(/\/package\/acme\.mirror\.html$/);
      assert.match(await page.locator(".notice-danger").innerText(), /Version 1\.2\.1 was revoked/);
      const struck = page.locator(".versions s");
      assert.equal(await struck.innerText(), "1.2.1");
      const line = await struck.evaluate((one) => getComputedStyle(one).textDecorationLine);
      assert.equal(line, "line-through");
      await page.getByRole("button", { name: "Copy" }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), INSTALL);
      await page.getByRole("button", { name: "Copy", exact: true }).waitFor();
    });
  });

  await t.step("where there is no clipboard the install line is selected", async () => {
    await withPage(rig, {}, async (page) => {
      await page.addInitScript(() => {
        Object.defineProperty(navigator, "clipboard", { value: undefined });
      });
      await page.goto(`${rig.url}package/acme.mirror.html`);
      await page.getByRole("button", { name: "Copy" }).click();
      await page.getByRole("button", { name: "Selected" }).waitFor();
      assert.equal(await page.evaluate(() => String(getSelection())), INSTALL);
    });
  });

  await t.step("the theme is the system's until it is chosen, then it is remembered", async () => {
    await withPage(rig, { colorScheme: "light" }, async (page) => {
      const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = await background();
      const toggle = page.getByRole("button", { name: "Dark theme" });
      assert.equal(await toggle.getAttribute("aria-pressed"), "false");
      await toggle.click();
      const dark = await background();
      assert.notEqual(dark, light);
      assert.equal(await toggle.getAttribute("aria-pressed"), "true");
      await page.goto(`${rig.url}trust.html`);
      assert.equal(await background(), dark);
      await toggle.click();
      assert.equal(await background(), light);
      // Chosen light stays, whatever the system says.
      await page.emulateMedia({ colorScheme: "dark" });
      assert.equal(await background(), light);
    });
    await withPage(rig, { colorScheme: "dark" }, async (page) => {
      const toggle = page.getByRole("button", { name: "Dark theme" });
      assert.equal(await toggle.getAttribute("aria-pressed"), "true");
    });
  });

  await t.step("everything can be done by keyboard", async () => {
    await withPage(rig, {}, async (page) => {
      await page.keyboard.press("Tab");
      assert.equal(await page.locator(":focus").innerText(), "Skip to the content");
      await page.keyboard.press("Enter");
      assert.equal(await page.locator(":focus").getAttribute("id"), "main");
      await page.keyboard.press("/");
      assert.equal(await page.locator(":focus").getAttribute("id"), "q");
      await page.keyboard.type("tape");
      await waitForCount(page, /^3 packages$/);
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("ArrowDown");
      const [first, second] = await results(page);
      assert.equal(await page.locator(":focus").innerText(), second);
      await page.keyboard.press("ArrowUp");
      assert.equal(await page.locator(":focus").innerText(), first);
      await page.keyboard.press("Escape");
      assert.equal(await page.locator(":focus").getAttribute("id"), "q");
      // From the field to the kinds of devices, of which arrow keys choose one.
      await page.keyboard.press("Escape");
      await page.keyboard.press("Tab");
      await page.keyboard.press("ArrowRight");
      await waitForCount(page, /^23 packages$/);
      await page.keyboard.press("/");
      await page.keyboard.type("mirror");
      await waitForCount(page, /package/);
      await page.keyboard.press("Enter");
      await page.locator("[data-results] h3 a:focus").waitFor();
      await page.keyboard.press("Enter");
      await page.waitForURL(/package\/acme\.mirror\.html$/);
      await page.keyboard.press("/");
      await page.keyboard.type("encrypt");
      await page.keyboard.press("Enter");
      await page.waitForURL(/index\.html\?q=encrypt$/);
      await waitForCount(page, /package/);
      assert.equal((await results(page))[0], "acme.encrypt");
    });
  });

  await t.step(
    "without scripts all can be read, and nothing shows that would not work",
    async () => {
      await withPage(rig, { javaScriptEnabled: false }, async (page) => {
        assert.equal(await page.locator("[data-search]").isVisible(), false);
        assert.equal(await page.locator("[data-theme-toggle]").isVisible(), false);
        await page.getByRole("link", { name: "Tape drives" }).click();
        await page.getByRole("link", { name: "acme.virtual-tape" }).click();
        assert.ok(await page.getByText("lunette plugin install acme.virtual-tape").isVisible());
        assert.equal(await page.getByRole("button").count(), 0);
        assert.ok(await page.getByRole("heading", { name: "README" }).isVisible());
        await page.getByRole("link", { name: "Revocations" }).click();
        await page.getByRole("link", { name: "example.postgres-blocks 0.1.0" }).click();
        assert.match(await page.locator(".notice-danger").innerText(), /it has lost data/);
      });
    },
  );

  await t.step("the first view is small, counted as it comes over the wire", async () => {
    await withPage(rig, {}, async (page, context) => {
      const session = await context.newCDPSession(page);
      await session.send("Network.enable");
      await session.send("Network.setCacheDisabled", { cacheDisabled: true });
      let bytes = 0;
      session.on("Network.loadingFinished", (event) => bytes += event.encodedDataLength);
      await page.goto(rig.url, { waitUntil: "networkidle" });
      // With what the search fetches when it is first used.
      await page.locator("#q").fill("tape");
      await waitForCount(page, /package/);
      console.log(`first view and search: ${bytes} bytes`);
      assert.ok(bytes > 5_000 && bytes < FIRST_VIEW_BYTES, `${bytes} bytes`);
    });
    // And so it is where the server does not compress.
    const first = [...rig.files].filter(([path]) =>
      path === "index.html" || path.startsWith("assets/")
    );
    const plain = first.reduce((sum, [, text]) => sum + new TextEncoder().encode(text).length, 0);
    console.log(`not compressed: ${plain} bytes`);
    assert.ok(plain < FIRST_VIEW_BYTES, `${plain} bytes`);
  });

  await t.step("nothing is wider than a screen of 320 pixels", async () => {
    await withPage(rig, { viewport: { width: 320, height: 640 } }, async (page) => {
      for (const path of rig.files.keys()) {
        if (!path.endsWith(".html")) continue;
        await page.goto(rig.url + path);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= 320, `${path} is ${width} pixels wide`);
      }
    });
  });

  await t.step("it works from a folder too, without a server", async () => {
    const folder = await Deno.makeTempDir({ prefix: "lunette-site-" });
    try {
      await writeSite(folder, rig.files);
      const context = await rig.browser.newContext();
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      const url = pathToFileURL(join(folder, "/")).href;
      const problems = watch(page, url);
      await page.goto(`${url}package/acme.mirror.html`);
      await page.locator("#header-q").fill("tape");
      await page.keyboard.press("Enter");
      await waitForCount(page, /^3 packages$/);
      await page.locator("[data-results] h3 a").first().click();
      await page.waitForURL(/package\//);
      assert.deepEqual(problems, []);
      await context.close();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  await t.step("a page that was made from an index that has expired says so", async () => {
    await withPage(rig, {}, async (page) => {
      assert.equal(await page.locator("[data-expired]").isVisible(), false);
      await page.clock.install({ time: new Date("2037-01-01T00:00:00Z") });
      await page.goto(rig.url);
      await page.locator("[data-expired]").waitFor();
    });
  });
});

browserTest("a browser runs nothing that a stranger has written", async () => {
  const [first, ...rest] = hostileIndex.packages;
  const packages = [{ ...first, readme: VECTORS.join("\n\n") }, ...rest];
  const verified = { index: { ...hostileIndex, packages }, key: demoKey("marketplace") };
  await using rig = await startRig(verified, { title: VECTORS[2], location: VECTORS[2] });
  const context = await rig.browser.newContext();
  const page = await context.newPage();
  const problems = watch(page, rig.url);
  const paths = ["index.html?q=script", "packages.html", "revocations.html", "trust.html"];
  for (const path of [...paths, `package/${first.id}.html`]) {
    await page.goto(rig.url + path, { waitUntil: "networkidle" });
    await page.locator("h1").waitFor();
    // Whatever can be clicked or focused in what strangers wrote.
    await page.evaluate(() => {
      for (const element of document.querySelectorAll<HTMLElement>("main *")) {
        element.focus();
        for (const type of ["mouseover", "toggle", "error", "load"]) {
          element.dispatchEvent(new Event(type, { bubbles: true }));
        }
      }
    });
  }
  await page.goto(`${rig.url}index.html?q=script`);
  await waitForCount(page, /packages/);
  assert.deepEqual(problems, []);
  await context.close();
});
