/** The page of a publisher. */
import { markup } from "../markup.ts";
import type { Page, SiteContext } from "../layout.ts";
import type { SitePublisher } from "../model.ts";
import { counted, fingerprint, packageList, revocationNotice } from "./parts.ts";

/** Makes the page of a publisher. */
export function publisherPage(_context: SiteContext, publisher: SitePublisher): Page {
  const { name, key, former_keys, packages } = publisher;
  const count = counted(packages.length, "package");
  return {
    path: `publisher/${name}.html`,
    title: name,
    description: `${count} by ${name}.`,
    body: markup`<h1>${name}</h1>
<p class="lead">Publisher of ${count}.</p>
${
      key.revocation !== undefined &&
      revocationNotice(
        `The key of ${name} was revoked`,
        key.revocation,
        "Nothing that it signed is installed or started any more.",
      )
    }
<section aria-labelledby="key"><h2 id="key">Key</h2>
<p>${fingerprint(key)}</p>
<p>Compare it with what ${name} says elsewhere. You keep it with the first package of ${name} that you install; another key is noticed.</p>
${
      former_keys.length > 0 && markup`<h3>Former keys</h3>
<p>Each signed for the one that followed it.</p>
<ul class="keys">${former_keys.map((former) => markup`<li>${fingerprint(former)}</li>`)}</ul>`
    }
</section>
<section aria-labelledby="packages"><h2 id="packages">Packages</h2>
${
      packages.length === 0
        ? markup`<p class="empty">There are none.</p>`
        : packageList(packages, "../")
    }
</section>`,
  };
}
