import { strict as assert } from "node:assert";
import fc from "fast-check";
import { FabricError } from "./error.ts";
import { checkIscsiName, checkLunName, deriveIqn, deriveNaa, parseDeviceName } from "./names.ts";

Deno.test("checkLunName() takes letters, digits, dash, underscore and dot", () => {
  for (const name of ["a", "A-1_b.c", "0", "x".repeat(64)]) assert.equal(checkLunName(name), name);
});

Deno.test("checkLunName() refuses what configfs, commas or a shell would take amiss", () => {
  const bad = ["", ".", "..", "-x", "_x", "a/b", "a b", "a,b", "a:b", "a\n", "a\0", "ä"];
  for (const name of [...bad, "x".repeat(65)]) {
    assert.throws(() => checkLunName(name), (error: FabricError) => error.kind === "invalid");
  }
});

Deno.test("parseDeviceName() takes apart what the kernel puts together", () => {
  assert.deepEqual(parseDeviceName("tcm-user/1000/disk/lunette/disk"), {
    hba: 1000,
    name: "disk",
    subtype: "lunette",
    config: "disk",
  });
  assert.deepEqual(parseDeviceName("tcm-user/0/x/file//var/tmp/a"), {
    hba: 0,
    name: "x",
    subtype: "file",
    config: "/var/tmp/a",
  });
  assert.deepEqual(parseDeviceName("tcm-user/0/x"), {
    hba: 0,
    name: "x",
    subtype: "",
    config: "",
  });
});

Deno.test("parseDeviceName() knows nothing of other UIO devices", () => {
  for (const text of ["", "uio_pci_generic", "tcm-user", "tcm-user//x", "tcm-user/a/x/y"]) {
    assert.equal(parseDeviceName(text), undefined);
  }
});

Deno.test("deriveNaa() is the same each time, of type 3h, and differs by LUN and role", () => {
  const naa = deriveNaa("disk", "target");
  assert.match(naa, /^naa\.3[0-9a-f]{15}$/);
  assert.equal(deriveNaa("disk", "target"), naa);
  assert.notEqual(deriveNaa("disk", "initiator"), naa);
  assert.notEqual(deriveNaa("disk2", "target"), naa);
});

Deno.test("deriveIqn() gives a name that is allowed, and another for each LUN", () => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
  fc.assert(fc.property(name, (text) => {
    checkIscsiName(deriveIqn(text));
  }));
  assert.equal(new Set(["a_b", "a-b", "A-b"].map(deriveIqn)).size, 3);
});

Deno.test("checkIscsiName() refuses capitals, spaces and other forms", () => {
  for (
    const name of ["", "iqn.2025-13.a:b", "iqn.2025-01.a:B", "iqn.2025-01.a:b c", "x", "eui.1"]
  ) {
    assert.throws(() => checkIscsiName(name), FabricError);
  }
  checkIscsiName("eui.02004567A425678D");
});
