import assert from "node:assert/strict";
import type { Manifest } from "../plugin/mod.ts";
import { OperatorError } from "./error.ts";
import { checkNextVersion } from "./handler_version.ts";

const manifest: Manifest = {
  id: "double",
  version: "1.0.0",
  apiVersion: 1,
  deviceType: "disk",
  description: "a handler of a test",
  capabilities: { blocks: { kind: "memory", size: "volume" } },
};

function check(change: Partial<Manifest>): void {
  const bound = { configuration: {}, paths: {} };
  const next = { ...manifest, version: "2.0.0", ...change };
  checkNextVersion({ manifest, ...bound }, { manifest: next, ...bound });
}

Deno.test("checkNextVersion() takes a version that finds what the one before has stored", () => {
  check({});
  check({ volatile: false });
  const wrong: [Partial<Manifest>, RegExp][] = [
    [{ id: "another" }, /another handler/],
    [{ capabilities: {} }, /other files or memory/],
    // The next start of the daemon would take the content for lost.
    [{ volatile: true }, /says that its content is lost/],
  ];
  for (const [change, message] of wrong) {
    assert.throws(() => check(change), (error: unknown) => {
      assert(error instanceof OperatorError);
      assert.match(error.message, message);
      return true;
    });
  }
});
