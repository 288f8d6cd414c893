import assert from "node:assert/strict";
import { OperatorError } from "./error.ts";
import { parseDeviceConfig } from "./kernel_devices.ts";

Deno.test("parseDeviceConfig() reads handler and settings", () => {
  assert.deepEqual(parseDeviceConfig("@memory"), { handler: "memory", settings: {} });
  assert.deepEqual(parseDeviceConfig("@file;path=/a=b;direct=true;note="), {
    handler: "file",
    settings: { path: "/a=b", direct: "true", note: "" },
  });
});

Deno.test("parseDeviceConfig() leaves other forms to others", () => {
  assert.equal(parseDeviceConfig(""), undefined);
  assert.equal(parseDeviceConfig("disk"), undefined);
  assert.equal(parseDeviceConfig("file/@a"), undefined);
});

Deno.test("parseDeviceConfig() refuses what is not key=value", () => {
  for (const config of ["@file;path", "@file;=x", "@file;", "@file;a=1;;b=2"]) {
    assert.throws(() => parseDeviceConfig(config), OperatorError, config);
  }
});

Deno.test("parseDeviceConfig() keeps settings that are named like members of objects", () => {
  const request = parseDeviceConfig("@file;__proto__=x;constructor=y");
  assert.deepEqual(Object.entries(request?.settings ?? {}).sort(), [
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
});
