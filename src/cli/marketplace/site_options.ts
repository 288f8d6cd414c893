/** What both verbs take: where the index comes from, and what the site says. */
import type { Command } from "commander";
import { OperatorError } from "../../daemon/error.ts";
import type { SiteOptions } from "../../registry/site/layout.ts";
import type { IndexSource } from "../../registry/site/index_source.ts";
import { defaultMarketplace, openState } from "../plugin/context.ts";

/** As the command line gives them. */
export interface CommonOptions {
  readonly from?: string;
  readonly trust?: string;
  readonly title?: string;
  readonly baseUrl?: string;
  readonly location?: string;
  readonly plainHttp?: boolean;
}

/** Adds the options. */
export function withSiteOptions(command: Command): Command {
  return command
    .option(
      "--from <location|file>",
      "marketplace (oci://HOST/PREFIX or a folder), or the file of a signed index " +
        "(default: an own marketplace in the state folder)",
    )
    .option("--trust <fingerprint>", "key of the marketplace, where it is not known here")
    .option("--title <text>", "of the site (default: the marketplace's name)")
    .option(
      "--base-url <url>",
      "where the site will be: for the feed, and for links of search engines",
    )
    .option("--location <location>", "the marketplace as visitors reach it, for install lines")
    .option("--plain-http", "HTTP without TLS for other hosts than this one, too");
}

/** A URL with a slash at its end. Throws OperatorError "usage". */
export function parseBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && url.search === "" && url.hash === "" && url.username === "";
  if (!plain || !/^https?:$/.test(url.protocol)) {
    throw new OperatorError(
      "usage",
      `"${text}" is no address of a site`,
      'For example "https://example.org/handlers/".',
    );
  }
  return url.href.endsWith("/") ? url.href : `${url.href}/`;
}

/** Opens what `--from` names. Its modules are loaded when they are needed. */
export async function openFrom(options: CommonOptions): Promise<IndexSource> {
  const { openSource } = await import("../../registry/site/index_source.ts");
  return await openSource(options.from ?? defaultMarketplace(), openState().trust, {
    key: options.trust,
    plain_http: options.plainHttp,
  });
}

/** What the site says, as far as the command line tells. */
export function siteOptions(options: CommonOptions, location: string | undefined): SiteOptions {
  return {
    title: options.title,
    base_url: options.baseUrl === undefined ? undefined : parseBaseUrl(options.baseUrl),
    location: options.location ?? location,
  };
}
