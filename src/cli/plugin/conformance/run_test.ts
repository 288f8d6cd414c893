/** Handlers that do what no disk may do: each must be caught. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { newPackage } from "../../../registry/pack/new_package.ts";
import { type CheckResult, CHECKS, runChecks } from "./run.ts";

/** A disk as it should be; faults replace members of it. */
const SOUND = `
  size: blocks.size,
  blockSize: 512,
  volatile: true,
  read: (offset, into) => blocks.read(offset, into),
  write: (offset, from) => blocks.write(offset, from),
  flush: () => {},
  discard: (offset, length) => blocks.discard(offset, length),
  writeZeroes: (offset, length) => blocks.discard(offset, length),
  extents: (offset, length) => blocks.extents(offset, length),
`;
const MANIFEST = {
  id: "acme.faulty",
  version: "1.0.0",
  apiVersion: 1,
  deviceType: "disk",
  description: "A disk with a fault",
  volatile: true,
  capabilities: { blocks: { kind: "memory", size: "volume" } },
};

interface Fault {
  readonly what: string;
  /** Members that stand in the place of those of the sound disk. */
  readonly members: string;
  /** Statements before the volume. */
  readonly before?: string;
  readonly manifest?: Readonly<Record<string, unknown>>;
  /** The check that catches it. */
  readonly caught_by: string;
  readonly says: RegExp;
}

async function check(fault: Fault, name: string): Promise<CheckResult> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-faulty-" });
  try {
    const code = `export function open(context) {
      const blocks = context.memory("blocks");
      ${fault.before ?? ""}
      return { ${SOUND} ${fault.members} };
    }`;
    await Deno.writeTextFile(join(folder, "mod.js"), code);
    const manifest = { ...MANIFEST, module: "mod.js", ...fault.manifest };
    await Deno.writeTextFile(join(folder, "handler.json"), JSON.stringify(manifest));
    const checks = CHECKS.filter((one) => one.name === name);
    assert.equal(checks.length, 1, `there is no check "${name}"`);
    const settings = {};
    const options = { folder, settings, size_bytes: 4 << 20, seed: 1, quick: true, checks };
    return (await runChecks(options)).results[0];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const OVER_KILL = "keeps each acknowledged write over SIGKILL";
const IN_ANY_ORDER = "keeps its content under any order of operations";

const FAULTS: readonly Fault[] = [
  {
    what: "keeps writes in its own heap",
    before: "const heap = new Uint8Array(blocks.size);",
    members: `read: (offset, into) => into.set(heap.subarray(offset, offset + into.length)),
      write: (offset, from) => heap.set(from, offset),`,
    caught_by: OVER_KILL,
    says: /killed after the write was acknowledged: LBA \d+, byte 0 is 00h/,
  },
  {
    what: "acknowledges writes before it has done them",
    before: "const late = new Map();",
    members: `read(offset, into) {
        blocks.read(offset, into);
        for (const [at, from] of late) for (let i = 0; i < from.length; i++) {
          if (at + i >= offset && at + i < offset + into.length) into[at + i - offset] = from[i];
        }
      },
      write(offset, from) {
        const copy = from.slice();
        late.set(offset, copy);
        setTimeout(() => (blocks.write(offset, copy), late.delete(offset)), 2000);
      },`,
    caught_by: OVER_KILL,
    says: /killed after the write was acknowledged: LBA/,
  },
  {
    what: "ignores offsets",
    members: `read: (_, into) => blocks.read(0, into), write: (_, from) => blocks.write(0, from),`,
    caught_by: "keeps each block in its own place",
    says: /a block by itself: LBA 0, byte 0/,
  },
  {
    what: "takes part of the offset alone",
    members: `read: (offset, into) => blocks.read(offset % (1 << 20), into),
      write: (offset, from) => blocks.write(offset % (1 << 20), from),`,
    caught_by: "keeps each block in its own place",
    says: /a block by itself/,
  },
  {
    what: "returns less than it was asked for",
    members: `read(offset, into) {
        const half = into.length > 512 ? into.length / 2 : into.length;
        blocks.read(offset, into.subarray(0, half));
      },`,
    caught_by: "first and last blocks, odd beginnings and ends",
    says: /blocks were written at \d+: LBA/,
  },
  {
    what: "returns less than it was asked for, now and then",
    before: "let count = 0;",
    members: `read(offset, into) {
        blocks.read(offset, ++count % 7 === 0 ? into.subarray(0, into.length - 512) : into);
      },`,
    caught_by: IN_ANY_ORDER,
    says: /LBA \d+, byte 0 .* \(the last ones: /,
  },
  {
    what: "does nothing when it discards",
    members: "discard: () => {},",
    caught_by: "what is discarded reads as zeros",
    says: /UNMAP of 64 blocks at 0: LBA 0, byte 0 is [0-9a-f]{2}h and should be 00h/,
  },
  {
    what: "discards whole pages",
    members: `discard(offset, length) {
        const from = Math.floor(offset / 4096) * 4096;
        blocks.discard(from, Math.ceil((offset + length) / 4096) * 4096 - from);
      },`,
    caught_by: "what is discarded reads as zeros",
    says: /UNMAP of 1 blocks at 3: LBA 0/,
  },
  {
    what: "writes no zeros",
    members: "writeZeroes: () => {},",
    caught_by: "writes zeros",
    says: /WRITE SAME of zeros.* should be 00h/,
  },
  {
    what: "lies about its extents",
    members: `extents: (offset, length) => [{ offset, length, mapped: false }],`,
    caught_by: "tells truly which blocks hold data",
    says: /holds data, and is said to have no storage/,
  },
  {
    what: "loses its last block",
    members: `write(offset, from) {
        const end = Math.min(offset + from.length, blocks.size - 512);
        if (end > offset) blocks.write(offset, from.subarray(0, end - offset));
      },`,
    caught_by: "first and last blocks, odd beginnings and ends",
    says: /LBA 8191/,
  },
  {
    what: "shares a buffer between operations",
    before: "const shared = new Uint8Array(1 << 20);",
    members: `async write(offset, from) {
        shared.set(from);
        await new Promise((resolve) => setTimeout(resolve, 1));
        blocks.write(offset, shared.subarray(0, from.length));
      },`,
    caught_by: "serves several at a time",
    says: /LBA \d+/,
  },
  {
    what: "keeps all that was written",
    before: "const kept = [];",
    members:
      `write(offset, from) { kept.push(from.slice().fill(7)); blocks.write(offset, from); },`,
    caught_by: "keeps no memory and no descriptors",
    says: /MiB more with each 1000 operations/,
  },
  {
    what: "ends in a command that it claims",
    manifest: { commands: [{ code: "c1", name: "VENDOR END", direction: "in" }] },
    members: `command() { for (;;); },`,
    caught_by: "answers the commands that it claims",
    says: /its process ended in VENDOR END/,
  },
  {
    what: "forgets when it grows",
    members: `resize: undefined, get size() { return blocks.size; },
      read(offset, into) { offset < 2048 && blocks.size > 4 << 20 ? into.fill(1) :
        blocks.size > 4 << 20 ? into.fill(0) : blocks.read(offset, into); },`,
    caught_by: "changes its size",
    says: /it has grown: LBA/,
  },
  {
    what: "does not open",
    before: `throw new Error("no such luck");`,
    members: "",
    caught_by: "starts in time",
    says: /no such luck/,
  },
];

for (const fault of FAULTS) {
  Deno.test(`a handler that ${fault.what} is caught`, async () => {
    const { outcome, detail } = await check(fault, fault.caught_by);
    assert.equal(outcome, "failed", detail);
    assert.match(detail, fault.says);
    // It is the fault that is caught: the same check passes without it.
    const sound = { ...fault, members: "", before: "", manifest: {} };
    const { outcome: without, detail: told } = await check(sound, fault.caught_by);
    assert.notEqual(without, "failed", told);
  });
}

Deno.test("a handler that cannot write passes what applies to it", async () => {
  const members = "write: undefined, discard: undefined, writeZeroes: undefined,";
  const fault = { what: "", members, caught_by: "", says: /./ };
  for (
    const [name, outcome] of [
      ["reads the same twice", "passed"],
      ["refuses what lies beyond the end", "passed"],
      ["is not written while it is write protected", "passed"],
      ["closes, and opens again", "passed"],
      [IN_ANY_ORDER, "skipped"],
      [OVER_KILL, "skipped"],
      ["what is discarded reads as zeros", "skipped"],
    ]
  ) {
    const result = await check(fault, name);
    assert.equal(result.outcome, outcome, `${name}: ${result.detail}`);
  }
});

Deno.test("the template passes all checks, and the same seed tries the same", async () => {
  const parent = await Deno.makeTempDir({ prefix: "lunette-sound-" });
  try {
    const folder = join(parent, "disk");
    await newPackage(folder, "acme.disk");
    const seen: string[] = [];
    const { id, results } = await runChecks({
      ...{ folder, settings: {}, size_bytes: 4 << 20, seed: 7, quick: true },
      onCheck: (name) => void seen.push(name),
    });
    assert.equal(id, "acme.disk");
    assert.deepEqual(seen, CHECKS.map(({ name }) => name));
    const failed = results.filter(({ outcome }) => outcome === "failed");
    assert.deepEqual(failed, []);
    const skipped = results.filter(({ outcome }) => outcome === "skipped");
    for (const { name, detail } of skipped) console.log(`skipped: ${name}: ${detail}`);
    assert.ok(skipped.length <= 2, "it claims no command, and libiscsi may not be installed");
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});
