import assert from "node:assert/strict";
import { checkUserRange, USER_RANGE_DEFAULT, UserIds } from "./user_ids.ts";

Deno.test("no two processes that live have one user, and one that has ended gives its own back", () => {
  const alive = new Set([101, 102, 103]);
  const users = new UserIds({ first: 1000, count: 3 }, (pid) => alive.has(pid));
  const taken = [101, 102, 103].map((pid) => {
    const uid = users.take();
    users.hold(uid, pid);
    return uid;
  });
  assert.deepEqual(taken.toSorted(), [1000, 1001, 1002]);
  assert.throws(() => users.take(), /All 3 users/);
  alive.delete(102);
  assert.equal(users.take(), taken[1]);
});

Deno.test("ranges lie between root and 2^31", () => {
  checkUserRange(USER_RANGE_DEFAULT);
  checkUserRange({ first: 65534, count: 1 });
  const wrong = [[0, 1], [1, 0], [1.5, 1], [2 ** 31 - 1, 2], [-5, 3], [NaN, 1]];
  for (const [first, count] of wrong) {
    assert.throws(() => checkUserRange({ first, count }), RangeError);
  }
});
