import assert from "node:assert/strict";
import { checkTargetName, initiatorPortName, isInitiatorName, NameError } from "./name.ts";

for (
  const name of [
    "iqn.2026-01.org.example",
    "iqn.2026-01.org.example:disk.one-2:x",
    "eui.02004567A425678D",
    "naa.52004567BA64678D",
    "naa.62004567BA64678D0123456789ABCDEF",
  ]
) {
  Deno.test(`checkTargetName() takes ${name}`, () => {
    assert.equal(checkTargetName(name), name);
  });
}

for (
  const name of [
    "",
    "disk",
    "iqn.2026-13.org.example:x",
    "iqn.26-01.org.example:x",
    "iqn.2026-01.Org.example:x",
    "iqn.2026-01.org.example:a_b",
    "iqn.2026-01.org.example:a/../b",
    "iqn.2026-01.org.example:a\nb",
    "iqn.2026-01.org.example:",
    `iqn.2026-01.org.example:${"a".repeat(200)}`,
    "eui.02004567A425678",
    "naa.5200",
  ]
) {
  Deno.test(`checkTargetName() refuses ${JSON.stringify(name.slice(0, 40))} with advice`, () => {
    assert.throws(() => checkTargetName(name), (error) => {
      assert.ok(error instanceof NameError);
      assert.match(error.message, /such as iqn\./);
      return true;
    });
  });
}

Deno.test("isInitiatorName() takes what initiators use, and nothing that breaks a log or a name", () => {
  assert.equal(isInitiatorName("iqn.1993-08.org.debian:01:6e1c62a0d0a2"), true);
  assert.equal(isInitiatorName("iqn.1991-05.com.microsoft:HOST"), true);
  for (const name of ["", "a b", "a,b", "a\nb", "a\u0085b", "a".repeat(224), "ä".repeat(112)]) {
    assert.equal(isInitiatorName(name), false, JSON.stringify(name));
  }
});

Deno.test("initiatorPortName() is name, i and ISID", () => {
  assert.equal(initiatorPortName("iqn.x", "00023d000001"), "iqn.x,i,0x00023d000001");
});
