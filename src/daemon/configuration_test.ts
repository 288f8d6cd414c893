import assert from "node:assert/strict";
import { parseConfiguration, readConfiguration } from "./configuration.ts";
import { OperatorError } from "./error.ts";

const parse = (value: unknown) => parseConfiguration("c.json", JSON.stringify(value));

Deno.test("parseConfiguration() takes every member that is documented", () => {
  assert.deepEqual(parse({}), { luns: [] });
  const chap = { name: "n", secret: "s", mutual: { name: "m", secret: "t" } };
  const lun = {
    name: "a",
    handler: "file",
    settings: { path: "/x" },
    fabric: "loopback",
    isolation: "thread",
    deadline_ms: 5,
    block_length_bytes: 4096,
    unit: { removable: true },
  };
  const listen = "[::1]:3260";
  const configuration = { luns: [{ ...lun, size: "1M" }], listen, chap, netlinkReplies: true };
  assert.deepEqual(parse(configuration), {
    luns: [{ ...lun, size_bytes: 2 ** 20 }],
    listen,
    chap,
    netlinkReplies: true,
  });
  assert.deepEqual(parse({ luns: [{ ...lun, size_bytes: 7 }] }).luns, [{ ...lun, size_bytes: 7 }]);
  assert.deepEqual(parse({ chap: { name: "n", secret: "s" } }).chap, { name: "n", secret: "s" });
});

Deno.test("parseConfiguration() names the file and what is wrong in it", () => {
  const wrong: [unknown, RegExp][] = [
    [[], /not an object/],
    [null, /not an object/],
    [{ lun: [] }, /unknown member "lun"/],
    [{ luns: {} }, /"luns" is not a list/],
    [{ luns: [1] }, /"luns\[0\]" is not an object/],
    [{ luns: [{ name: "a", sise: "1M" }] }, /"luns\[0\]" has an unknown member "sise"/],
    [{ luns: [{ name: "a", size: 5 }] }, /"luns\[0\]\.size"/],
    [{ luns: [{ name: "a", size: "5Q" }] }, /"5Q" is not a size/],
    [{ listen: 3260 }, /"listen"/],
    [{ netlinkReplies: "yes" }, /"netlinkReplies"/],
    [{ chap: "secret" }, /"chap" is not an object/],
    [{ chap: { name: "n" } }, /needs "name" and "secret"/],
    [{ chap: { name: "n", secret: "s", other: 1 } }, /unknown member "other"/],
    [{ chap: { name: "n", secret: "s", mutual: { name: "m" } } }, /chap\.mutual/],
  ];
  for (const [value, message] of wrong) {
    assert.throws(() => parse(value), (error: unknown) => {
      assert(error instanceof OperatorError);
      assert.equal(error.kind, "usage");
      assert.match(error.message, message);
      return true;
    }, JSON.stringify(value));
  }
  assert.throws(() => parseConfiguration("c.json", "{"), /c\.json: it is not JSON/);
});

Deno.test("readConfiguration() says which file it cannot read", async () => {
  await assert.rejects(readConfiguration("/nowhere/c.json"), (error: unknown) => {
    assert(error instanceof OperatorError);
    assert.equal(error.kind, "not-found");
    assert.match(error.message, /\/nowhere\/c\.json/);
    return true;
  });
});
