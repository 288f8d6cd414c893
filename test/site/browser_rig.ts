/** A Chromium, and the site served to it. */
import { type Browser, chromium, type Page } from "playwright-core";
import { buildSite, type SiteFiles, type VerifiedIndex } from "../../src/registry/site/build.ts";
import type { SiteOptions } from "../../src/registry/site/layout.ts";
import { SiteServer } from "../../src/registry/site/site_server.ts";

const PROGRAMS = [
  ...["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"],
];

/** Path of a Chromium: LUNETTE_CHROMIUM, or one of the PATH; undefined where there is none. */
export function findChromium(): string | undefined {
  const named = Deno.env.get("LUNETTE_CHROMIUM");
  if (named !== undefined) return named;
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return PROGRAMS.flatMap((name) => folders.map((folder) => `${folder}/${name}`)).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A site that is served, and the browser that looks at it. */
export interface BrowserRig extends AsyncDisposable {
  readonly browser: Browser;
  readonly files: SiteFiles;
  /** With a slash at its end. */
  readonly url: string;
}

/** Starts a browser, and serves the site of an index. */
export async function startRig(index: VerifiedIndex, options: SiteOptions): Promise<BrowserRig> {
  const files = await buildSite(index, { ...options, root_path: "/" });
  const server = new SiteServer();
  server.replace(files);
  const http = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => server.answer(request),
  );
  const browser = await chromium.launch({
    executablePath: findChromium(),
    // Its own sandbox does not start as root, and in many containers; it sees this site alone.
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
  return {
    browser,
    files,
    url: `http://127.0.0.1:${http.addr.port}/`,
    async [Symbol.asyncDispose]() {
      await browser.close();
      await http.shutdown();
    },
  };
}

/** Collects what a page must never do: errors, refused loads, dialogs, requests elsewhere. */
export function watch(page: Page, url: string): string[] {
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) problems.push(`request: ${request.url()}`);
  });
  return problems;
}

type Definition = (t: Deno.TestContext) => Promise<void>;

/** A test that needs a browser; says so where there is none. */
export function browserTest(name: string, run: Definition): void {
  const ignore = findChromium() === undefined;
  if (ignore) {
    console.log(`${name}: skipped, there is no Chromium (Debian: chromium-headless-shell)`);
  }
  // The browser's process and its pipes outlive a test.
  Deno.test({ name, ignore, sanitizeOps: false, sanitizeResources: false, fn: run });
}
