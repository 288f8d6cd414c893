import { strict as assert } from "node:assert";
import { parseDepends } from "./packages.ts";

Deno.test("parseDepends() takes the first alternative and the first provider", () => {
  const text = `tool
  PreDepends: init-tools
 |Depends: first
  Depends: second
  Depends: <virtual>
    provider-a
    provider-b
  Depends: last
  Recommends: nice
  Suggests: <other>
    elsewhere
`;
  assert.deepEqual(parseDepends(text), [
    "init-tools",
    "first",
    "provider-a",
    "last",
  ]);
});
