/** Lists that come in pages (distribution-spec, "Listing Tags" and "Listing Referrers"). */
import { PackageLimit } from "../package.ts";
import type { HttpAnswer } from "./http_transport.ts";
import { AnswerLimit } from "./network_limit.ts";
import type { RegistryRequest, RegistrySession } from "./registry_session.ts";

/** RFC 8288, as far as registries use it. */
const NEXT = /^[ \t]*<([^<>]{1,8192})>[ \t]*;[ \t]*rel="?next"?[ \t]*$/;

/** A page's body. */
export interface Page {
  readonly answer: HttpAnswer;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What a Link field names as the next page. */
function nextOf(answer: HttpAnswer): string | undefined {
  const field = answer.headers.link;
  if (field === undefined) return undefined;
  return NEXT.exec(Array.isArray(field) ? field.join(",") : field)?.[1];
}

/**
 * The pages of a list, one by one: whoever has enough stops asking. `accept` says whether an answer is
 * a page; one that is not ends the list, unread. Throws RegistryError, also where the list does not
 * end.
 */
export async function* pages(
  session: RegistrySession,
  request: RegistryRequest,
  accept: (answer: HttpAnswer) => boolean | Promise<boolean>,
): AsyncGenerator<Page> {
  const seen = new Set<string>();
  const end_ms = performance.now() + session.limits.list_ms;
  for (let url = request.url;;) {
    seen.add(url.href);
    const answer = await session.send({ ...request, url });
    if (!await accept(answer)) return answer.body.cancel();
    yield { answer, bytes: await answer.body.readAll(PackageLimit.OCI_INDEX) };
    const next = nextOf(answer);
    if (next === undefined) return;
    const { href, origin, pathname } = session.resolve(next, url);
    if (origin !== request.url.origin || pathname !== request.url.pathname) {
      throw session.untrusted("lists, and goes on elsewhere");
    }
    const late = performance.now() >= end_ms;
    if (late || seen.has(href) || seen.size >= AnswerLimit.PAGES_COUNT) {
      throw session.untrusted("sends a list that does not end");
    }
    url = new URL(href);
  }
}
