import assert from "node:assert/strict";
import { join } from "node:path";
import { OperatorError } from "./error.ts";
import {
  UNIT_STATE_LENGTH_MAX,
  UnitStateFiles,
  UnitStateMemory,
  type UnitStates,
} from "./unit_state.ts";

async function withFolder(work: (state: string) => Promise<void>): Promise<void> {
  const state = await Deno.makeTempDir({ prefix: "lunette-units-" });
  try {
    await work(state);
  } finally {
    await Deno.remove(state, { recursive: true });
  }
}

async function keepsParts(states: UnitStates): Promise<void> {
  assert.deepEqual(await states.load("disk"), {});
  await states.save("disk", "mode-pages", { "8": "0a" });
  await states.save("disk", "reservations", [1, 2]);
  await states.save("other", "mode-pages", {});
  assert.deepEqual(await states.load("disk"), {
    "mode-pages": { "8": "0a" },
    reservations: [1, 2],
  });
  await states.save("disk", "reservations", null);
  assert.deepEqual(await states.load("disk"), { "mode-pages": { "8": "0a" } });
  await states.remove("disk");
  await states.remove("disk");
  assert.deepEqual(await states.load("disk"), {});
  assert.deepEqual(await states.load("other"), { "mode-pages": {} });
}

Deno.test("UnitStateFiles keeps parts apart, forgets null and removes a unit", () =>
  withFolder(async (state) => {
    await keepsParts(new UnitStateFiles(state));
    const mode = (await Deno.stat(join(state, "units", "other.json"))).mode ?? 0;
    assert.equal(mode & 0o777, 0o600);
  }));

Deno.test("UnitStateMemory does the same", () => keepsParts(new UnitStateMemory()));

Deno.test("UnitStateFiles loses no part when several are saved at once", () =>
  withFolder(async (state) => {
    const states = new UnitStateFiles(state);
    const parts = Array.from({ length: 20 }, (_, index) => `part-${index}`);
    await Promise.all(parts.map((part, index) => states.save("disk", part, index)));
    const kept = await new UnitStateFiles(state).load("disk");
    assert.deepEqual(kept, Object.fromEntries(parts.map((part, index) => [part, index])));
    // What was asked for before a removal does not come back after it.
    const late = states.save("disk", "late", 1);
    await states.remove("disk");
    await late;
    assert.deepEqual(await states.load("disk"), {});
  }));

Deno.test("UnitStateFiles serves no unit whose state it cannot read, and does not overwrite it", () =>
  withFolder(async (state) => {
    const states = new UnitStateFiles(state);
    await states.save("disk", "mode-pages", 1);
    const path = join(state, "units", "disk.json");
    const wrong = [
      "",
      "{",
      "[]",
      "null",
      '{"../x": 1}',
      JSON.stringify(Object.fromEntries(Array.from({ length: 33 }, (_, at) => [`p${at}`, 0]))),
      `{"a": "${"x".repeat(UNIT_STATE_LENGTH_MAX)}"}`,
    ];
    for (const text of wrong) {
      await Deno.writeTextFile(path, text);
      const refused = (error: unknown) => {
        assert(error instanceof OperatorError);
        assert.match(error.message, /units\/disk\.json/);
        return true;
      };
      await assert.rejects(states.load("disk"), refused);
      await assert.rejects(states.save("disk", "mode-pages", 2), refused);
      assert.equal(await Deno.readTextFile(path), text);
    }
    await assert.rejects(states.load("../disk"), OperatorError);
    await assert.rejects(states.save("fine", "../part", 1), /assertion/);
    await assert.rejects(
      states.save("fine", "part", "x".repeat(UNIT_STATE_LENGTH_MAX)),
      /too long/,
    );
    assert.deepEqual(await states.load("fine"), {});
  }));
