import assert from "node:assert/strict";
import {
  checkAccepted,
  checkLayers,
  type Layer,
  LAYERS,
  type LayerState,
  LockdownError,
  missingLayers,
  parseReport,
} from "./layers.ts";

function report(...missing: Layer[]): LayerState[] {
  return LAYERS.map((layer) => ({
    layer,
    applied: !missing.includes(layer),
    detail: missing.includes(layer) ? `no ${layer} here` : "",
  }));
}

function refusal(work: () => void): LockdownError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof LockdownError, String(error));
    return error;
  }
  throw new Error("it was not refused");
}

Deno.test("a handler runs where nothing is missing, or only what was consented to", () => {
  checkLayers(report(), []);
  checkLayers(report("landlock", "uid"), ["uid", "landlock"]);
  assert.deepEqual(missingLayers(report("uid")).map(({ layer }) => layer), ["uid"]);
});

Deno.test("what is missing without consent is refused, by name, with the way to consent", () => {
  const error = refusal(() => checkLayers(report("landlock", "namespaces", "uid"), ["uid"]));
  assert.match(error.message, /landlock \(no landlock here\), namespaces \(no namespaces here\)$/);
  assert.match(error.advice, /--accept-missing landlock,namespaces$/);
  assert.doesNotMatch(error.message, /uid/);
});

Deno.test("a required layer is never done without", () => {
  const all = checkAccepted(["landlock", "namespaces", "uid", "capabilities"]);
  for (const layer of ["process", "descriptors", "no-new-privileges", "seccomp"] as const) {
    const error = refusal(() => checkLayers(report(layer), all));
    assert.match(error.message, new RegExp(layer));
    assert.doesNotMatch(error.advice, /--accept-missing/);
    assert.match(refusal(() => checkAccepted([layer])).message, /No handler runs without/);
  }
});

Deno.test("what is not reported is missing", () => {
  const error = refusal(() => checkLayers(report().filter(({ layer }) => layer !== "uid"), []));
  assert.match(error.message, /uid \(it was not reported\)/);
});

Deno.test("consent to a layer that there is not is refused, with those that there are", () => {
  const error = refusal(() => checkAccepted(["apparmor"]));
  assert.match(error.message, /"apparmor"/);
  assert.match(error.advice, /capabilities, landlock, namespaces, uid/);
});

Deno.test("parseReport() takes a report, and nothing else", () => {
  assert.deepEqual(parseReport(JSON.parse(JSON.stringify(report("uid")))), report("uid"));
  const state = { layer: "uid", applied: true, detail: "" };
  const wrong = [
    ...[undefined, null, {}, "uid", [1], [null], [{ ...state, layer: "x" }]],
    ...[[{ ...state, applied: 1 }], [{ ...state, detail: 5 }], Array(99).fill(state)],
  ];
  for (const value of wrong) assert.throws(() => parseReport(value), TypeError);
  const long = parseReport([{ ...state, detail: "x".repeat(5000) }]);
  assert.ok(long[0].detail.length <= 200);
});
