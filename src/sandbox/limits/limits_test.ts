import assert from "node:assert/strict";
import { Resource } from "../../sys/rlimit.ts";
import { DEFAULT_LIMITS, limitOptionsProblem, withDefaults } from "./limits.ts";
import { fileBytesOf, guestLimitsOf, rlimitsOf } from "./rlimits.ts";

Deno.test("the defaults are limits, and what an operator says replaces one", () => {
  assert.equal(limitOptionsProblem(DEFAULT_LIMITS), undefined);
  assert.equal(limitOptionsProblem({}), undefined);
  assert.equal(withDefaults({ queue_depth: 4 }).queue_depth, 4);
  assert.equal(withDefaults({ queue_depth: 4 }).memory_bytes, DEFAULT_LIMITS.memory_bytes);
});

for (
  const [value, problem] of [
    [null, /"limits" is not an object/],
    [[], /"limits" is not an object/],
    [{ memory: 1 }, /unknown member "memory"/],
    [{ toString: 1 }, /unknown member "toString"/],
    [{ memory_bytes: 1024 }, /memory_bytes.*32 MiB/],
    [{ memory_bytes: "256M" }, /memory_bytes/],
    [{ memory_bytes: 0 }, /memory_bytes/],
    [{ cpu_weight: 0 }, /cpu_weight.*1 to 10000/],
    [{ cpu_weight: 1.5 }, /cpu_weight/],
    [{ cpu_quota_percent: -1 }, /cpu_quota_percent/],
    [{ nice: -5 }, /nice.*0 to 19/],
    [{ queue_depth: 0 }, /queue_depth.*1 to 256/],
    [{ queue_depth: 257 }, /queue_depth/],
    [{ threads: NaN }, /threads/],
  ] as const
) {
  Deno.test(`limits are refused: ${JSON.stringify(value)}`, () => {
    assert.match(limitOptionsProblem(value) ?? "", problem);
  });
}

Deno.test("no quota is a quota of 0 percent", () => {
  assert.equal(limitOptionsProblem({ cpu_quota_percent: 0 }), undefined);
});

Deno.test("threads are limited by rlimit only where the user is the instance's own", () => {
  const has = (own_user: boolean) =>
    rlimitsOf({ limits: DEFAULT_LIMITS, granted: 0, own_user })
      .some(({ resource }) => resource === Resource.NPROC);
  assert.ok(has(true));
  assert.ok(!has(false));
});

Deno.test("granted descriptors come on top of the others", () => {
  const limits = rlimitsOf({ limits: DEFAULT_LIMITS, granted: 3, own_user: false });
  const descriptors = limits.find(({ resource }) => resource === Resource.NOFILE);
  assert.equal(descriptors?.value, DEFAULT_LIMITS.descriptors + 3);
});

Deno.test("files end at the greatest descriptor that was granted", () => {
  const sized = (size_bytes: number) => ({ size_bytes });
  assert.equal(fileBytesOf({ memories: [], files: [] }), 0);
  assert.equal(fileBytesOf({ memories: [sized(8192)], files: [sized(4096)] }), 8192);
  const limits = guestLimitsOf(DEFAULT_LIMITS, { memories: [], files: [sized(512)] });
  assert.deepEqual(limits, { memory_bytes: DEFAULT_LIMITS.memory_bytes, file_bytes: 512 });
});
