import assert from "node:assert/strict";
import { join } from "node:path";
import { OperatorError } from "./error.ts";
import { checkName, type LunRecord, RecordStore, saveRecord } from "./lun_record.ts";

const record: LunRecord = {
  name: "disk",
  handler: "file",
  isolation: "process",
  fabric: "embedded-iscsi",
  size_bytes: 2 ** 53,
  settings: { path: "/a/b" },
  serial: "0123",
  deadline_ms: 30_000,
  lun: 3,
  content_lost: false,
  unit: { removable: true, physical_block_length_bytes: 4096, copy_group: "a" },
  limits: { memory_bytes: 64 << 20, queue_depth: 4 },
};

async function withStore(work: (store: RecordStore, folder: string) => Promise<void>) {
  const state = await Deno.makeTempDir({ prefix: "lunette-records-" });
  try {
    await work(new RecordStore(state), join(state, "luns"));
  } finally {
    await Deno.remove(state, { recursive: true });
  }
}

Deno.test("checkName() takes what configfs, iSCSI and paths can carry", () => {
  for (const name of ["a", "disk-1", "A.b_c", "9", "x".repeat(63)]) {
    assert.equal(checkName(name), name);
  }
  const wrong = ["", ".", "..", "-a", "a/b", "a b", "ä", "a\0", "a\n", "x".repeat(64), "_a"];
  for (const name of wrong) assert.throws(() => checkName(name), OperatorError, name);
});

Deno.test("RecordStore gives back what was saved, of 8 PiB too, in order of names", async () => {
  await withStore(async (store, folder) => {
    assert.deepEqual(await store.load(), { records: [], complaints: [] });
    await store.save(record);
    await store.save({ ...record, name: "another", size_bytes: 0 });
    await store.save({ ...record, content_lost: true });
    const { records, complaints } = await store.load();
    assert.deepEqual(complaints, []);
    assert.deepEqual(records, [
      { ...record, name: "another", size_bytes: 0 },
      { ...record, content_lost: true },
    ]);
    assert.equal((await Deno.stat(join(folder, "disk.json"))).mode! & 0o777, 0o600);
    await store.remove("disk");
    await store.remove("disk");
    assert.deepEqual((await store.load()).records.map(({ name }) => name), ["another"]);
  });
});

Deno.test("RecordStore reads records that were written before units had options", async () => {
  await withStore(async (store, folder) => {
    const { unit: _, limits: _limits, ...old } = record;
    await store.save(record);
    await Deno.writeTextFile(join(folder, "disk.json"), JSON.stringify(old));
    const { records, complaints } = await store.load();
    assert.deepEqual(complaints, []);
    assert.deepEqual(records, [{ ...old, unit: {} }]);
  });
});

Deno.test("of records that are saved at the same time the last one stays, whole", async () => {
  await withStore(async (store) => {
    const lun = { record };
    for (let round = 0; round < 20; round++) {
      const settings = { path: "x".repeat(2000) };
      // Each starts from what the one before has made of it, though nothing is on the disk yet.
      await Promise.all([
        saveRecord(store, lun, { ...lun.record, settings }),
        saveRecord(store, lun, {
          ...lun.record,
          unit: { removable: true, ejected: round % 2 > 0 },
        }),
        saveRecord(store, lun, { ...lun.record, settings: {} }),
      ]);
      const { records, complaints } = await store.load();
      assert.deepEqual(complaints, []);
      assert.deepEqual(records, [lun.record]);
      assert.deepEqual(records[0].unit, { removable: true, ejected: round % 2 > 0 });
    }
  });
});

Deno.test("saveRecord() leaves a record as it was where it cannot be kept", async () => {
  await withStore(async (store, folder) => {
    const lun = { record };
    await saveRecord(store, lun, record);
    await Deno.mkdir(join(folder, "disk.json.new"));
    await assert.rejects(saveRecord(store, lun, { ...record, size_bytes: 512 }));
    assert.deepEqual(lun.record, record);
  });
});

Deno.test("RecordStore takes no name that leaves its folder", async () => {
  await withStore(async (store) => {
    await assert.rejects(store.remove("../x"), OperatorError);
    await assert.rejects(store.save({ ...record, name: "../x" }), OperatorError);
  });
});

Deno.test("RecordStore passes over drafts, and complains about what it cannot read", async () => {
  await withStore(async (store, folder) => {
    await store.save(record);
    const text = (value: unknown) => JSON.stringify(value);
    const wrong: Record<string, string> = {
      empty: "",
      half: text(record).slice(0, 40),
      list: "[]",
      nothing: "null",
      // A copy: two of one LUN must not be served.
      copy: text(record),
      place: text({ ...record, name: "place", fabric: "external" }),
      negative: text({ ...record, name: "negative", size_bytes: -512 }),
      much: text({ ...record, name: "much", size_bytes: 2 ** 53 + 2 }),
      half_block: text({ ...record, name: "half_block", lun: 0.5 }),
      settings: text({ ...record, name: "settings", settings: { a: 1 } }),
      array: text({ ...record, name: "array", settings: [] }),
      lost: text({ ...record, name: "lost", content_lost: undefined }),
      unit: text({ ...record, name: "unit", unit: [] }),
      member: text({ ...record, name: "member", unit: { colour: "red" } }),
      flag: text({ ...record, name: "flag", unit: { removable: 1 } }),
      ejected: text({ ...record, name: "ejected", unit: { ejected: true } }),
      physical: text({ ...record, name: "physical", unit: { physical_block_length_bytes: 513 } }),
      group: text({ ...record, name: "group", unit: { copy_group: "../a" } }),
      limit: text({ ...record, name: "limit", limits: { memory_bytes: 1 } }),
      resizing: text({ ...record, name: "resizing", resizing_to_bytes: 2 ** 54 }),
    };
    for (const [name, content] of Object.entries(wrong)) {
      await Deno.writeTextFile(join(folder, `${name}.json`), content);
    }
    // What a crash leaves behind of a save.
    await Deno.writeTextFile(join(folder, "disk.json.new"), "{");
    const { records, complaints } = await store.load();
    assert.deepEqual(records, [record]);
    assert.equal(complaints.length, Object.keys(wrong).length);
    for (const name of Object.keys(wrong)) {
      assert(complaints.some((complaint) => complaint.includes(`/${name}.json: `)), name);
    }
  });
});
