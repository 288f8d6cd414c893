import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Exchange } from "../engine/exchange.ts";
import { SUBMIT_PENDING } from "../engine/ports.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import { drainEventfd } from "../sys/descriptor.ts";
import { libc } from "../sys/libc.ts";
import { sendSignal, Signal } from "../sys/process.ts";
import { makeHandler, volumeSource } from "./handler_double.ts";
import { HostDouble } from "./host_double.ts";
import type { InstanceCgroup } from "./limits/instance_cgroup.ts";
import { LAYERS } from "./lockdown/layers.ts";

const SIZE = 16 << 20;
const BLOCK = 4096;
const { READ, WRITE, FLUSH, DISCARD } = MediaOperation;

const builtin = (name: string) => fileURLToPath(new URL(`../../handlers/${name}`, import.meta.url));

async function host(source: string): Promise<HostDouble & AsyncDisposable> {
  const handler = await makeHandler(source);
  try {
    const started = await HostDouble.start({ folder: handler.folder, size_bytes: SIZE });
    return Object.assign(started, {
      [Symbol.asyncDispose]: async () => {
        await started.close();
        await handler[Symbol.asyncDispose]();
      },
    });
  } catch (error) {
    await handler[Symbol.asyncDispose]();
    throw error;
  }
}

/** Writes and reads back `count` blocks, `depth` at a time, each with bytes of its own. */
function exercise(host: HostDouble, count: number, depth: number): void {
  for (const operation of [WRITE, READ]) {
    let next = 0;
    const begin = (tag: number) => {
      if (next === count) return;
      const block = next++;
      const data = host.data(tag, BLOCK);
      data.fill(operation === WRITE ? block % 251 : 0xff);
      blocks[tag] = block;
      assert.equal(host.submit(tag, operation, block * BLOCK, BLOCK), SUBMIT_PENDING);
    };
    const blocks: number[] = [];
    let ended = 0;
    host.onDone = (tag, result) => {
      assert.equal(result, MediaResult.OK);
      ended++;
      if (operation === READ) {
        const data = host.data(tag, BLOCK);
        assert.ok(data.every((byte) => byte === blocks[tag] % 251), `block ${blocks[tag]}`);
      }
      begin(tag);
      host.backend.kick();
    };
    for (let tag = 0; tag < depth; tag++) begin(tag);
    host.run(() => ended === count);
    host.onDone = () => {};
    assert.equal(ended, count);
  }
}

for (const name of ["memory", "example-xor", "example-commands"]) {
  Deno.test(`a guest serves handlers/${name} at depth 32`, async () => {
    const begin = performance.now();
    const one = await HostDouble.start({ folder: builtin(name), size_bytes: SIZE });
    console.log(`    started in ${(performance.now() - begin).toFixed(0)} ms`);
    try {
      exercise(one, 2000, 32);
      assert.deepEqual(one.violations, []);
    } finally {
      await one.close();
    }
    assert.deepEqual(one.exits, [], "an end that was asked for is not reported");
  });
}

Deno.test("a guest serves a handler that returns promises, at depth 16", async () => {
  await using one = await host(volumeSource(
    `
    read: async (offset, into) => { await sleep(offset); blocks.read(offset, into); },
    write: async (offset, from) => { await sleep(offset); blocks.write(offset, from); },
    flush: () => Promise.resolve(),`,
    `const sleep = (n: number) => new Promise<void>((end) => setTimeout(end, (n / 4096) % 4));`,
  ));
  exercise(one, 200, 16);
  assert.equal(one.operate(FLUSH, 0, 0), MediaResult.OK);
});

Deno.test("a guest runs promises at the same time", async () => {
  await using one = await host(volumeSource(`
    read: (_offset, into) => new Promise((end) => setTimeout(() => { into.fill(1); end(); }, 200)),
  `));
  const begin = performance.now();
  for (let tag = 0; tag < 16; tag++) one.submit(tag, READ, 0, BLOCK);
  one.run(() => one.completed === 16);
  const took_ms = performance.now() - begin;
  assert.ok(took_ms < 1600, `16 reads of 200 ms each took ${took_ms} ms`);
});

Deno.test("a request that comes while a promise is open is served before it settles", async () => {
  await using one = await host(volumeSource(
    `
    flush: () => new Promise((end) => { release = end; }),
    discard: () => release(),
  `,
    "let release: () => void = () => {};",
  ));
  one.submit(0, FLUSH, 0, 0);
  one.backend.kick();
  // Long enough for the guest to sleep in its event loop.
  await new Promise((end) => setTimeout(end, 50));
  one.submit(1, DISCARD, 0, 512);
  one.run(() => one.completed === 2);
  assert.deepEqual([...one.results.subarray(0, 2)], [MediaResult.OK, MediaResult.OK]);
});

Deno.test("a handler is not evaluated before its process is in its control group", async () => {
  let isConfined = false;
  const evaluated: boolean[] = [];
  const cgroup = {
    confine: async () => {
      // A daemon that is busy: longer than a start takes.
      await new Promise((end) => setTimeout(end, 1500));
      isConfined = true;
    },
    exceeded: () => Promise.resolve(undefined),
    usage: () => Promise.resolve({}),
  } as unknown as InstanceCgroup;
  await using handler = await makeHandler('console.log("evaluated");' + volumeSource(""));
  const one = await HostDouble.start({
    folder: handler.folder,
    size_bytes: SIZE,
    cgroup,
    onLine: (line) => void (line === "evaluated" && evaluated.push(isConfined)),
  });
  await new Promise((end) => setTimeout(end, 50));
  await one.close();
  assert.deepEqual(evaluated, [true]);
});

Deno.test("timers of a synchronous handler get their turn", async () => {
  await using one = await host(volumeSource(
    `read: (_offset, into) => { into.fill(ticks); },`,
    `let ticks = 0; setInterval(() => { ticks++; }, 20);`,
  ));
  await new Promise((end) => setTimeout(end, 600));
  assert.equal(one.operate(READ, 0, 512), MediaResult.OK);
  assert.ok(one.data(0, 512)[0] >= 2, `${one.data(0, 512)[0]} ticks in 600 ms`);
});

for (const gap_ms of [0, 30]) {
  Deno.test(`timers of a synchronous handler get their turn under load (${gap_ms} ms between)`, async () => {
    await using one = await host(volumeSource(
      `read: (_offset, into) => { into.fill(ticks); },`,
      `let ticks = 0; setInterval(() => { ticks++; }, 20);`,
    ));
    const end_ms = performance.now() + 1500;
    while (performance.now() < end_ms) {
      assert.equal(one.operate(READ, 0, 512), MediaResult.OK);
      if (gap_ms > 0) await new Promise((end) => setTimeout(end, gap_ms));
    }
    // Every 50 ms, and the machine may be busy.
    assert.ok(one.data(0, 512)[0] >= 8, `${one.data(0, 512)[0]} ticks in 1500 ms`);
  });
}

Deno.test("timers get their turn where many commands wait that take long", async () => {
  await using one = await host(volumeSource(
    `read: (_offset, into) => {
       const end_ms = Date.now() + 20;
       while (Date.now() < end_ms);
       into.fill(ticks);
     },`,
    `let ticks = 0; setInterval(() => { ticks++; }, 20);`,
  ));
  const DEPTH = 32;
  let begun = 0;
  let ended = 0;
  const begin = (tag: number) => {
    begun++;
    assert.equal(one.submit(tag, READ, 0, 512), SUBMIT_PENDING);
  };
  one.onDone = (tag) => {
    ended++;
    if (begun < 3 * DEPTH) begin(tag);
    one.backend.kick();
  };
  for (let tag = 0; tag < DEPTH; tag++) begin(tag);
  one.run(() => ended === 3 * DEPTH);
  // 32 commands take 640 ms: without a turn between them there were two or three.
  assert.ok(one.data(DEPTH - 1, 512)[0] >= 8, `${one.data(DEPTH - 1, 512)[0]} ticks`);
});

Deno.test("a promise that a synchronous method has begun goes on under load", async () => {
  await using one = await host(volumeSource(
    `read: (_offset, into) => { into.fill(steps); if (steps === 0) begin(); },`,
    `let steps = 0;
     const begin = async () => {
       for (; steps < 5; steps++) await new Promise((end) => setTimeout(end, 1));
     };`,
  ));
  const begin_ms = performance.now();
  do {
    assert.equal(one.operate(READ, 0, 512), MediaResult.OK);
    assert.ok(performance.now() - begin_ms < 3000, `${one.data(0, 512)[0]} steps in 3 s`);
  } while (one.data(0, 512)[0] < 5);
});

Deno.test("what a handler throws becomes a result, and what has no code is logged", async () => {
  await using one = await host(volumeSource(`
    read: (offset) => {
      const codes = ["medium-error", "no-space", "write-protected", "not-ready", "no-medium", "internal"] as const;
      const code = codes[offset / 512];
      if (code === undefined) throw new TypeError("a bug of mine");
      throw new HandlerError(code, "as asked");
    },
    flush: () => Promise.reject(new HandlerError("no-space", "later")),
    // A bundle carries a class of its own.
    discard: () => { throw Object.assign(new Error("mine"), { name: "HandlerError", code: "not-ready" }); },
    writeZeroes: () => { throw null; },
  `));
  const results = [0, 1, 2, 3, 4, 5, 6].map((n) => one.operate(READ, n * 512, 512));
  assert.deepEqual(results, [1, 2, 3, 4, 5, 6, 6]);
  assert.equal(one.operate(FLUSH, 0, 0), MediaResult.NO_SPACE);
  assert.equal(one.operate(DISCARD, 0, 512), MediaResult.NOT_READY);
  assert.equal(one.operate(MediaOperation.WRITE_ZEROES, 0, 512), MediaResult.INTERNAL);
  await new Promise((end) => setTimeout(end, 100));
  assert.ok(
    one.log.some((line) => line.startsWith("error TypeError: a bug of mine")),
    one.log.join(),
  );
});

const command = (length: number, data_in_length: number) => ({
  kind: "command" as const,
  cdb: new Uint8Array([0xc1, 2, 3, 4, 5, 6]),
  dataOut: new Uint8Array(length).fill(5),
  data_in_length,
  replay: false,
});
const range = { kind: "extents", offset_bytes: 4096, length_bytes: 8192 } as const;

for (const [how, wrap] of [["values", ""], ["promises", "async "]]) {
  Deno.test(`a guest runs exchanges of a handler that returns ${how}`, async () => {
    const settle = wrap === "" ? "" : "await new Promise((end) => setTimeout(end, 1));";
    await using one = await host(volumeSource(
      `
      get size() { return size; },
      resize: ${wrap}(asked) => { ${settle} size = asked; },
      extents: ${wrap}(offset, length) => { ${settle} return [
        { offset: 0, length: offset + 512, mapped: true },
        { offset: offset + 512, length: 4 * length, mapped: false },
      ]; },
      space: ${wrap}() => { ${settle} return { used: 4096, available: 8192 }; },
      command: ${wrap}(cdb, dataOut, dataIn) => {
        ${settle}
        if (dataIn.some((byte) => byte !== 0)) throw new Error("data-in is not zeroed");
        dataIn.set(dataOut.subarray(0, dataIn.length));
        return {
          status: 2,
          sense: cdb.slice(0, 3),
          dataInLength: Math.min(dataIn.length, dataOut.length),
        };
      },`,
      "let size = blocks.size;",
    ));
    assert.deepEqual(one.exchange(range).extents, [
      { offset_bytes: 4096, length_bytes: 512, mapped: true },
      { offset_bytes: 4608, length_bytes: 7680, mapped: false },
    ]);
    assert.deepEqual(one.exchange({ kind: "space" }).space, {
      used_bytes: 4096,
      available_bytes: 8192,
    });
    assert.equal(one.exchange({ kind: "resize", size_bytes: 65536 }).result, MediaResult.OK);
    for (const [out, room] of [[0, 0], [1, 0], [0, 512], [70_000, 512], [512, 70_000], [7, 9]]) {
      const outcome = one.exchange(command(out, room)).command;
      assert.equal(outcome?.status, 2);
      assert.deepEqual([...outcome.sense], [0xc1, 2, 3]);
      assert.equal(outcome.dataIn.length, Math.min(out, room));
      assert.ok(outcome.dataIn.every((byte) => byte === 5));
    }
    assert.deepEqual(one.violations, []);
  });
}

const wrongAnswers: Record<string, [Exchange, string]> = {
  "extents with a gap": [
    range,
    "extents: (offset) => [{ offset: offset + 512, length: 512, mapped: true }],",
  ],
  "no extents": [range, "extents: () => [],"],
  "extents that are none": [range, "extents: () => 5 as any,"],
  "no extents(), which was asked for": [range, ""],
  "endless space": [{ kind: "space" }, "space: () => ({ used: Infinity, available: 0 }),"],
  "a promise of negative space": [
    { kind: "space" },
    "space: () => Promise.resolve({ used: 0, available: -1 }),",
  ],
  "a resize that does nothing": [{ kind: "resize", size_bytes: 512 }, "resize: () => {},"],
  "a status of 256": [command(0, 0), "command: () => ({ status: 256 }),"],
  "too long sense": [command(0, 0), "command: () => ({ sense: new Uint8Array(253) }),"],
  "more data-in than there is room": [command(0, 8), "command: () => ({ dataInLength: 9 }),"],
  "no result": [command(0, 0), "command: () => undefined as any,"],
  "an error": [command(0, 0), `command: () => { throw new Error("no"); },`],
};
for (const [what, [exchange, members]] of Object.entries(wrongAnswers)) {
  Deno.test(`a guest answers INTERNAL for a handler that gives ${what}, and serves on`, async () => {
    await using one = await host(volumeSource(members));
    assert.equal(one.exchange(exchange).result, MediaResult.INTERNAL);
    assert.equal(one.operate(READ, 0, 512), MediaResult.OK);
    assert.deepEqual(one.violations, []);
    const told = () => one.log.some((line) => line.startsWith("error "));
    // The log is a pipe of its own, read beside the answers.
    for (const end_ms = performance.now() + 10_000; !told() && performance.now() < end_ms;) {
      await new Promise((end) => setTimeout(end, 5));
    }
    assert.ok(told(), "its author is told");
  });
}

Deno.test("a byte that a handler names as failed is reported, where it lies in the request", async () => {
  await using one = await host(volumeSource(`
    read: (offset) => { throw new HandlerError("medium-error", "bad", { offset: offset + 700 }); },
    write: async (offset) => { throw new HandlerError("medium-error", "bad", { offset: offset + 1 }); },
    flush: () => { throw new HandlerError("medium-error", "bad", { offset: 5 }); },
  `));
  assert.equal(one.operate(READ, 4096, 1024), MediaResult.MEDIUM_ERROR);
  assert.equal(one.failed_offset_bytes, 4796);
  assert.equal(one.operate(READ, 4096, 512), MediaResult.MEDIUM_ERROR);
  assert.equal(one.failed_offset_bytes, -1, "not in the request");
  assert.equal(one.operate(WRITE, 4096, 512), MediaResult.MEDIUM_ERROR);
  assert.equal(one.failed_offset_bytes, 4097);
  assert.equal(one.operate(FLUSH, 0, 0), MediaResult.MEDIUM_ERROR);
  assert.equal(one.failed_offset_bytes, -1);
});

Deno.test("a method that is missing is RESULT_INTERNAL, and a missing flush is nothing to do", async () => {
  await using one = await host(volumeSource(""));
  assert.equal(one.operate(FLUSH, 0, 0), MediaResult.OK);
  assert.equal(one.operate(DISCARD, 0, 512), MediaResult.INTERNAL);
});

Deno.test("options carry fua, and a signal that is made when it is asked for", async () => {
  await using one = await host(volumeSource(`
    write: (offset, from, { fua, signal }) => {
      blocks.write(offset, new Uint8Array([Number(fua), Number(signal.aborted), Number(signal instanceof AbortSignal)]));
    },
  `));
  one.submit(0, WRITE, 0, 512, true);
  one.run(() => one.completed === 1);
  one.operate(READ, 0, 512);
  assert.deepEqual([...one.data(0, 3)], [1, 0, 1]);
  one.operate(WRITE, 0, 512);
  one.operate(READ, 0, 512);
  assert.deepEqual([...one.data(0, 3)], [0, 0, 1]);
});

Deno.test("the handler has no authority but its context", async () => {
  await using one = await host(volumeSource(
    `read: (_offset, into) => { into.set(new TextEncoder().encode(found)); },`,
    `
    const tries: Record<string, () => unknown> = {
      dlopen: () => Deno.dlopen("libc.so.6", {}),
      pointer: () => Deno.UnsafePointer.create(4096n),
      read: () => Deno.readTextFileSync("/etc/passwd"),
      own: () => Deno.readTextFileSync(new URL(import.meta.url)),
      write: () => Deno.writeTextFileSync("/tmp/lunette-should-not-be", ""),
      env: () => Deno.env.get("HOME"),
      run: () => new Deno.Command("true").outputSync(),
      net: () => Deno.listen({ port: 0 }),
      host: () => Deno.hostname(),
    };
    let found = "got:";
    for (const [name, attempt] of Object.entries(tries)) {
      try { attempt(); found += " " + name; } catch { /* as it should be */ }
    }`,
  ));
  one.data(0, 512).fill(0);
  one.operate(READ, 0, 512);
  const text = new TextDecoder().decode(one.data(0, 512)).replaceAll("\0", "");
  assert.equal(text, "got:");
});

Deno.test("the report of the layers is the daemon's, whatever the guest says", async () => {
  const lie = `{ layer: "uid", applied: true, detail: "a lie" }`;
  await using one = await host(`
    const { stringify } = JSON;
    JSON.stringify = (value) =>
      stringify({ ...value, layers: [${lie}] }).replaceAll('"applied":false', '"applied":true');
    ${volumeSource("")}
  `);
  const { layers } = one.instance;
  assert.deepEqual(layers.map(({ layer }) => layer).sort(), [...LAYERS].sort());
  const uid = layers.find(({ layer }) => layer === "uid");
  assert.equal(uid?.applied, Deno.uid() === 0);
  assert.notEqual(uid?.detail, "a lie");
});

Deno.test("what the guest prints is logged, escaped", async () => {
  await using one = await host(volumeSource(
    "",
    `context.log.warn("careful\\u001b[2J"); console.log("plain"); context.log.debug("two\\nlines");`,
  ));
  assert.equal(one.operate(FLUSH, 0, 0), MediaResult.OK);
  await new Promise((end) => setTimeout(end, 100));
  assert.deepEqual(one.log.toSorted(), [
    "debug two\\nlines",
    "info plain",
    "warn careful\\x1b[2J",
  ]);
});

const bad: Record<string, [string, RegExp]> = {
  "throws": [`export function open() { throw new Error("no luck"); }`, /did not open: no luck/],
  "rejects": [
    `export const open = () => Promise.reject(new Error("later"));`,
    /did not open: later/,
  ],
  "does not parse": ["export function open( {", /did not open: .*\n?/],
  "exports no open": ["export const x = 1;", /does not export open\(\)/],
  "gives a wrong size": [volumeSource("size: 1000,"), /multiple of blockSize/],
  "gives wrong blocks": [volumeSource("blockSize: 513,"), /512 or 4096/],
  "asks for a capability it has not": [
    `export function open(context: any) { context.file("path"); }`,
    /manifest asks for no such capability/,
  ],
  "exits": [`Deno.exit(3);`, /ended at its start|did not open/],
  "imports npm": [`import "npm:left-pad"; export function open() {}`, /did not open/],
};
for (const [name, [source, message]] of Object.entries(bad)) {
  Deno.test(`start() says why when a handler ${name}`, async () => {
    await using handler = await makeHandler(source);
    await assert.rejects(HostDouble.start({ folder: handler.folder, size_bytes: SIZE }), message);
  });
}

/** Kills the guest and has the next one serve. */
async function replace(one: HostDouble): Promise<void> {
  const ends = one.exits.length;
  sendSignal(one.instance.pid as number, Signal.SIGKILL);
  while (one.exits.length === ends) await new Promise((end) => setTimeout(end, 1));
  one.backend.down();
  await one.instance.respawn();
  one.backend.up(one.instance.epoch);
}

Deno.test("the next process finds nothing of the one before in what they share", async () => {
  // Its flush looks at all the shared memory that a handler can get at, and fails for data.
  await using one = await host(volumeSource(
    `read: (offset, into) => { seen = into.buffer; into.fill(1); },
     write: (offset, from) => { seen = from.buffer; },
     flush: () => {
       const bytes = new Uint8Array(seen).subarray(1 << 20, 8 << 20);
       if (bytes.some((byte) => byte === 0xd7)) throw new HandlerError("medium-error");
     },`,
    "let seen = new ArrayBuffer(0);",
  ));
  one.data(0, 131072).fill(0xd7);
  for (let tag = 0; tag < 64; tag++) one.data(tag, 131072).fill(0xd7);
  for (let tag = 0; tag < 64; tag++) {
    assert.equal(one.submit(tag, WRITE, 0, 131072), SUBMIT_PENDING);
  }
  one.run(() => one.backend.inFlight === 0);
  assert.equal(one.operate(FLUSH, 0, 0), MediaResult.MEDIUM_ERROR, "the test sees what is left");
  await replace(one);
  assert.equal(one.operate(READ, 0, 512), MediaResult.OK);
  assert.equal(one.operate(FLUSH, 0, 0), MediaResult.OK);
});

Deno.test("a process that has spoiled its eventfd spoils it for itself alone", async () => {
  await using one = await host(volumeSource("flush: () => {},"));
  // What a guest could do with its descriptor: no edges from here on, and writers block.
  const { eventfd } = one.instance;
  const full = new Uint8Array(new BigUint64Array([0xffff_ffff_ffff_fffen]).buffer);
  drainEventfd(eventfd);
  assert.equal(libc.write(eventfd, full, 8n), 8n);
  libc.fcntl(eventfd, 4, 0n);
  await replace(one);
  exercise(one, 64, 8);
  // Asleep in between, so that it takes a signal to wake up.
  for (let count = 0; count < 20; count++) {
    await new Promise((end) => setTimeout(end, 5));
    assert.equal(one.operate(FLUSH, 0, 0), MediaResult.OK);
  }
});

Deno.test("a guest killed under load is replaced, and nothing is lost or wrong", async () => {
  const one = await HostDouble.start({ folder: builtin("memory"), size_bytes: SIZE });
  try {
    const BLOCKS = SIZE / BLOCK;
    const expected = new Uint8Array(BLOCKS);
    let stamp = 0;
    for (let round = 0; round < 4; round++) {
      // Writes in flight, of which the guest has done some, when it is killed.
      const stamps = Array.from({ length: 32 }, () => ++stamp % 255 + 1);
      for (let tag = 0; tag < 32; tag++) {
        one.data(tag, BLOCK).fill(stamps[tag]);
        one.submit(tag, WRITE, ((round * 7 + tag) % BLOCKS) * BLOCK, BLOCK);
        expected[(round * 7 + tag) % BLOCKS] = stamps[tag];
      }
      one.backend.kick();
      const before = one.completed;
      if (round % 2 === 1) one.backend.poll();
      sendSignal(one.instance.pid as number, Signal.SIGKILL);
      while (one.exits.length <= round) await new Promise((end) => setTimeout(end, 1));
      one.backend.down();
      await one.instance.respawn();
      one.backend.up(one.instance.epoch);
      one.run(() => one.backend.inFlight === 0);
      assert.ok(one.completed <= before + 32);
    }
    assert.deepEqual(one.exits, Array(4).fill({ code: null, signal: 9 }));
    assert.equal(one.instance.epoch, 5);
    for (let block = 0; block < 60; block++) {
      assert.equal(one.operate(READ, block * BLOCK, BLOCK), MediaResult.OK);
      assert.ok(one.data(0, BLOCK).every((byte) => byte === expected[block]), `block ${block}`);
    }
    assert.deepEqual(one.violations, []);
  } finally {
    await one.close();
  }
});

Deno.test("close() lets the handler close its volume, and aborts what is open", async () => {
  const one = await host(volumeSource(`
    flush: ({ signal }) => new Promise(() => { signal.onabort = () => context.log.info("aborted"); }),
    close: () => { context.log.info("closed"); },
  `));
  one.submit(0, FLUSH, 0, 0);
  one.backend.kick();
  await new Promise((end) => setTimeout(end, 50));
  await one[Symbol.asyncDispose]();
  assert.deepEqual(one.log, ["info aborted", "info closed"]);
});

Deno.test("start() refuses a handler that imports a module outside of its folder", async () => {
  await using other = await makeHandler(volumeSource(""));
  const outside = pathToFileURL(`${other.folder}/mod.ts`).href;
  for (
    const form of [
      `export * from "${outside}";`,
      `export const { open } = await import("${outside}");`,
    ]
  ) {
    await using handler = await makeHandler(form);
    await assert.rejects(
      HostDouble.start({ folder: handler.folder, size_bytes: SIZE }),
      /did not open: Requires read access/,
    );
  }
  await using inside = await makeHandler(`export * from "./other.ts";`);
  await Deno.writeTextFile(`${inside.folder}/other.ts`, volumeSource(""));
  await (await HostDouble.start({ folder: inside.folder, size_bytes: SIZE })).close();
});

Deno.test("a handler that imports the guest's own modules finds nothing to use in them", async () => {
  await using one = await host(volumeSource(
    `read: async (_offset, into) => {
      const contract = import.meta.resolve("lunette/plugin");
      const found = [];
      for (const name of ["guest.js", "gate.js", "shared.js"]) {
        const module = await import(new URL(name, contract).href);
        found.push(name, ...Object.keys(module).filter((one) => !one.startsWith("$plugin_")));
        try {
          module.$sandbox_lockdown_latch?.takeLatch();
        } catch (error) {
          found.push(error.message);
        }
      }
      into.set(new TextEncoder().encode(found.join()));
    },`,
  ));
  one.data(0, 512).fill(0);
  assert.equal(one.operate(READ, 0, 512), MediaResult.OK, one.log.join("\n"));
  const found = new TextDecoder().decode(one.data(0, 512)).replaceAll("\0", "");
  assert.equal(
    found,
    "guest.js,gate.js,shared.js,$sandbox_lockdown_latch,assertion: the gate has nothing to close",
  );
});

/** What bundles of npm packages import. */
const NODE_MODULES = [
  ...["assert", "buffer", "child_process", "cluster", "crypto", "dns", "events", "fs", "http"],
  ...["http2", "https", "module", "net", "os", "process", "stream", "tls", "tty", "url", "util"],
  ...["vm", "worker_threads", "zlib"],
];

Deno.test("a handler that imports Node's modules serves, and reaches nothing with them", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const imports = NODE_MODULES.map((name) => `import * as ${name} from "node:${name}";`).join("\n");
  await using handler = await makeHandler(`${imports}
    ${
    volumeSource(`
      read: async (_offset, into) => {
        const tries = {
          open: () => fs.readFileSync("/etc/passwd"),
          list: () => fs.readdirSync("/"),
          write: () => fs.writeFileSync("/tmp/x", "x"),
          spawn: () => { const { error } = child_process.spawnSync("/bin/true"); if (error) throw error; },
          fork: () => cluster.default.fork(),
          load: () => module.createRequire("file:///")("/etc/passwd"),
          environment: () => process.default.env.HOME ?? (() => { throw new Error("none"); })(),
          kill: () => process.default.kill(process.default.ppid, 0),
          connect: () => new Promise((resolve, reject) => {
            const socket = net.connect(${port}, "127.0.0.1");
            socket.once("connect", resolve);
            socket.once("error", reject);
          }),
        };
        const got = [];
        for (const [name, attempt] of Object.entries(tries)) {
          try {
            await attempt();
            got.push(name);
          } catch { /* as it should be */ }
        }
        const kept = [${NODE_MODULES.join(", ")}].length;
        const hash = crypto.createHash("sha256").update("x").digest("hex").slice(0, 4);
        into.set(new TextEncoder().encode(kept + " " + hash + " got:" + got.join()));
      },`)
  }`);
  const one = await HostDouble.start({ folder: handler.folder, size_bytes: SIZE });
  try {
    one.data(0, 512).fill(0);
    assert.equal(one.operate(READ, 0, 512), MediaResult.OK, one.log.join("\n"));
    const text = new TextDecoder().decode(one.data(0, 512)).replaceAll("\0", "");
    assert.equal(text, `${NODE_MODULES.length} 2d71 got:`);
    assert.deepEqual(one.exits, []);
  } finally {
    await one.close();
    listener.close();
  }
});

Deno.test("a guest dies with its daemon, also by SIGKILL", async () => {
  const script = `
    import { HostDouble } from ${JSON.stringify(new URL("./host_double.ts", import.meta.url).href)};
    const host = await HostDouble.start({ folder: ${
    JSON.stringify(builtin("memory"))
  }, size_bytes: 4096 });
    console.log(host.instance.pid);
    await new Promise(() => setInterval(() => {}, 1000));
  `;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, script);
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const daemon = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--config", config, path],
    stdout: "piped",
  }).spawn();
  const reader = daemon.stdout.getReader();
  const pid = Number(new TextDecoder().decode((await reader.read()).value));
  assert.ok(pid > 1, "the guest runs");
  const alive = () => {
    try {
      return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
    } catch {
      return false;
    }
  };
  assert.ok(alive());
  daemon.kill("SIGKILL");
  await daemon.status;
  await reader.cancel();
  const end_ms = performance.now() + 5000;
  while (alive() && performance.now() < end_ms) await new Promise((end) => setTimeout(end, 5));
  assert.ok(!alive(), "the guest is gone");
  await Deno.remove(path);
});
