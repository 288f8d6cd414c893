import assert from "node:assert/strict";
import { ChapAuthenticator, ChapError, checkChap } from "./chap.ts";
import { parseBinary } from "./text.ts";

const OPTIONS = { user: "user", secret: "secret of user" };

Deno.test("checkChap() refuses what would be unsafe, with advice", () => {
  checkChap(OPTIONS);
  assert.throws(() => checkChap({ user: "user", secret: "short" }), ChapError);
  assert.throws(() => checkChap({ user: "", secret: OPTIONS.secret }), ChapError);
  assert.throws(
    () => checkChap({ ...OPTIONS, mutual: { user: "me", secret: OPTIONS.secret } }),
    /one CHAP secret in both directions/,
  );
});

Deno.test("ChapAuthenticator asks with a new challenge each time", () => {
  const challenges = Array.from({ length: 8 }, () => {
    const step = new ChapAuthenticator(OPTIONS).step(new Map([["CHAP_A", "7,5"]]));
    assert.ok(step.kind === "send");
    assert.deepEqual(step.keys[0], ["CHAP_A", "7"]);
    return step.keys[2][1];
  });
  assert.equal(new Set(challenges).size, 8);
  assert.equal(parseBinary(challenges[0])?.length, 32);
});

for (
  const [what, first, second] of [
    ["no known algorithm", { CHAP_A: "6,99" }, undefined],
    ["no algorithm", { CHAP_R: "0x00" }, undefined],
    ["no response", { CHAP_A: "5" }, { CHAP_N: "user" }],
    ["a response that is no number", { CHAP_A: "5" }, { CHAP_N: "user", CHAP_R: "zz" }],
    ["a response of another length", { CHAP_A: "5" }, { CHAP_N: "user", CHAP_R: "0x00" }],
  ] as [string, Record<string, string>, Record<string, string> | undefined][]
) {
  Deno.test(`ChapAuthenticator fails on ${what}`, () => {
    const chap = new ChapAuthenticator(OPTIONS);
    let step = chap.step(new Map(Object.entries(first)));
    if (second !== undefined) step = chap.step(new Map(Object.entries(second)));
    assert.equal(step.kind, "fail");
  });
}
