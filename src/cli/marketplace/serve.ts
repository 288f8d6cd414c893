/** lunette marketplace serve: a site from an index, on this machine. */
import { Command } from "commander";
import { OperatorError, operatorError } from "../../daemon/error.ts";
import { makeLog } from "../../daemon/log.ts";
import type { SiteOptions } from "../../registry/site/layout.ts";
import type { IndexSource } from "../../registry/site/index_source.ts";
import type { SiteServer } from "../../registry/site/site_server.ts";
import { printJson } from "../output.ts";
import { parsePortal, untilSignal } from "../serve.ts";
import { type CommonOptions, openFrom, siteOptions, withSiteOptions } from "./site_options.ts";

interface ServeOptions extends CommonOptions {
  readonly listen: string;
  readonly refresh: string;
  readonly json?: boolean;
}

type Log = ReturnType<typeof makeLog>;

/** The verb `marketplace serve`. */
export function serveVerb(): Command {
  const command = new Command("serve")
    .description("serve a marketplace's web pages, made again whenever its index changes")
    .option("--listen <address:port>", "where; port 0: any that is free", "127.0.0.1:0")
    .option("--refresh <seconds>", "how often to look for another index", "5");
  return withSiteOptions(command)
    .option("--json", "print where it listens as JSON")
    .action(serve);
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+$/.test(text) && seconds >= 1 && seconds <= 86_400) return seconds;
  throw new OperatorError("usage", `"${text}" is not 1 to 86400 seconds`);
}

/** Keeps the site what the index is. What cannot be read is told once, and the last site stays. */
class Refresher {
  readonly #source: IndexSource;
  readonly #server: SiteServer;
  readonly #options: SiteOptions;
  readonly #log: Log;
  #shown: string | undefined;
  #problem: string | undefined;

  constructor(source: IndexSource, server: SiteServer, options: SiteOptions, log: Log) {
    this.#source = source;
    this.#server = server;
    this.#options = options;
    this.#log = log;
  }

  /** Reads the index, and makes the site where it is another one. */
  async look(): Promise<void> {
    const { buildSite } = await import("../../registry/site/build.ts");
    const checked = await this.#source.read();
    const recovered = this.#problem !== undefined;
    this.#problem = undefined;
    if (recovered) this.#log("info", "", "the index can be read again");
    if (checked.digest === this.#shown) return;
    this.#server.replace(await buildSite(checked, this.#options));
    const { version, packages } = checked.index;
    this.#shown = checked.digest;
    this.#log("info", "", `index ${version}: ${packages.length} packages`);
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      const { message } = operatorError(error);
      if (message !== this.#problem) this.#log("warn", "", `the site stays as it is: ${message}`);
      this.#problem = message;
    }
  }

  /** Looks again and again, until the signal. */
  async run(interval_ms: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, interval_ms);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          resolve();
        }, { once: true });
      });
      if (!signal.aborted) await this.#lookAgain();
    }
  }
}

function listen(
  server: SiteServer,
  portal: string,
): { readonly http: Deno.HttpServer<Deno.NetAddr>; readonly url: string } {
  const { address, port } = parsePortal(portal);
  try {
    const http = Deno.serve(
      { hostname: address, port, onListen: () => {} },
      (request) => server.answer(request),
    );
    const host = address.includes(":") ? `[${address}]` : address;
    return { http, url: `http://${host}:${http.addr.port}/` };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new OperatorError(
      "unavailable",
      `Cannot listen at ${portal}: ${message}`,
      'Name another port with "--listen"; 0 is any that is free.',
      { cause: error },
    );
  }
}

async function serve(options: ServeOptions): Promise<void> {
  const interval_ms = parseSeconds(options.refresh) * 1000;
  const { SiteServer } = await import("../../registry/site/site_server.ts");
  const source = await openFrom(options);
  const server = new SiteServer();
  const log = makeLog("info");
  const location = source.is_file ? undefined : source.location;
  const site = { ...siteOptions(options, location), root_path: "/" };
  const refresher = new Refresher(source, server, site, log);
  await refresher.look();
  const { http, url } = listen(server, options.listen);
  if (options.json === true) printJson({ url });
  else console.log(url);
  const stop = new AbortController();
  const refreshing = refresher.run(interval_ms, stop.signal);
  await untilSignal();
  stop.abort();
  await refreshing;
  await http.shutdown();
}
