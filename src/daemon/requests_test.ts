import assert from "node:assert/strict";
import { OperatorError } from "./error.ts";
import {
  parseCreateRequest,
  parseMediumRequest,
  parseProtectRequest,
  parseResizeRequest,
  parseUpgradeRequest,
} from "./requests.ts";

function refused(parse: (value: unknown) => unknown, value: unknown, message: RegExp): void {
  assert.throws(() => parse(value), (error: unknown) => {
    assert(error instanceof OperatorError);
    assert.equal(error.kind, "usage");
    assert.match(error.message, message);
    return true;
  }, JSON.stringify(value));
}

Deno.test("parseCreateRequest() takes a request whole, or says what is wrong with it", () => {
  const request = {
    name: "a",
    handler: "file",
    size_bytes: 2 ** 53,
    settings: { path: "/x" },
    fabric: "iscsi",
    isolation: "thread",
    deadline_ms: 0,
    block_length_bytes: 4096,
    unit: { removable: true, physical_block_length_bytes: 4096, copy_group: "g" },
  };
  assert.deepEqual(parseCreateRequest(request), request);
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ name: 1 }, /"name"/],
    [{ handler: undefined }, /"handler"/],
    [{ size_bytes: -1 }, /"size_bytes"/],
    [{ size_bytes: 0.5 }, /"size_bytes"/],
    [{ size_bytes: 2 ** 53 + 2 }, /8 PiB/],
    [{ deadline_ms: "1" }, /"deadline_ms"/],
    [{ settings: { a: 1 } }, /"settings"/],
    [{ settings: ["a"] }, /"settings"/],
    [{ fabric: "external" }, /"fabric"/],
    [{ isolation: "none" }, /"isolation"/],
    [{ block_length_bytes: 1024 }, /"block_length_bytes"/],
    [{ unit: { physical_block_length_bytes: 131072 } }, /physical_block_length_bytes/],
    [{ unit: { write_protected: "yes" } }, /unit\.write_protected/],
    [{ unit: { ejected: true } }, /removable/],
    [{ colour: "red" }, /"colour"/],
  ];
  for (const [change, message] of wrong) {
    refused(parseCreateRequest, { ...request, ...change }, message);
  }
  refused(parseCreateRequest, null, /object/);
  refused(parseCreateRequest, [], /object/);
});

Deno.test("requests to change a LUN are checked member by member", () => {
  assert.deepEqual(parseResizeRequest({ size_bytes: 512, shrink: true, rescan: false }), {
    size_bytes: 512,
    shrink: true,
    rescan: false,
  });
  refused(parseResizeRequest, {}, /"size_bytes" is missing/);
  refused(parseResizeRequest, { size_bytes: "1" }, /"size_bytes"/);
  refused(parseResizeRequest, { size_bytes: 2 ** 54 }, /8 PiB/);
  refused(parseResizeRequest, { size_bytes: 512, shrink: 1 }, /"shrink"/);
  assert.deepEqual(parseProtectRequest({ write_protected: false }), { write_protected: false });
  refused(parseProtectRequest, {}, /"write_protected" is missing/);
  refused(parseProtectRequest, { write_protected: 1 }, /"write_protected"/);
  assert.deepEqual(parseMediumRequest({}), {});
  refused(parseMediumRequest, { force: true }, /"force"/);
  refused(parseMediumRequest, { rescan: "no" }, /"rescan"/);
});

Deno.test("parseUpgradeRequest() takes a request whole, or says what is wrong with it", () => {
  const request = { handler: "/x", settings: { a: "1" }, probation_ms: 86_400_000 };
  assert.deepEqual(parseUpgradeRequest(request), request);
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ handler: 1 }, /"handler"/],
    [{ rollback: true, handler: "/x" }, /"rollback"/],
    [{ probation_ms: -1 }, /"probation_ms"/],
    // A timer of so many milliseconds ends at once.
    [{ probation_ms: 2 ** 31 }, /"probation_ms"/],
  ];
  for (const [value, message] of wrong) refused(parseUpgradeRequest, value, message);
});
