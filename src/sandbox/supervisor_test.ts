import assert from "node:assert/strict";
import { SUBMIT_PENDING, type Transfer } from "../engine/ports.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import { Epoll, EPOLLET, EPOLLIN } from "../sys/epoll.ts";
import { awaitUnlocked, openGeneration } from "../sys/lock.ts";
import { sendSignal, Signal } from "../sys/process.ts";
import { Reactor } from "../sys/reactor.ts";
import { SandboxBackend } from "./backend.ts";
import { map, unmap } from "../sys/mapping.ts";
import { Backoff, BACKOFF_FIRST_MS, BACKOFF_MAX_MS, HEALTHY_MS } from "./backoff.ts";
import { EngineMemoryDouble } from "./engine_memory_double.ts";
import { type Grants, openGrants } from "./grants.ts";
import { makeHandler, volumeSource } from "./handler_double.ts";
import { loadHandler } from "./manifest.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";

const SIZE = 1 << 20;
const { READ, WRITE, FLUSH } = MediaOperation;

const sleep = (milliseconds: number) => new Promise((end) => setTimeout(end, milliseconds));

/** A supervised handler with the ring thread played by the test, on its timer. */
class Rig {
  readonly ended: [number, number][] = [];
  readonly calls: string[] = [];
  readonly log: string[];
  readonly supervisor: Supervisor;
  readonly lock_path: string;
  readonly backend: SandboxBackend;
  readonly memory: EngineMemoryDouble;
  readonly grants: Grants;
  readonly #epoll = new Epoll();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #close: () => Promise<void>;

  static async start(
    source: string,
    more: Partial<SupervisorOptions> = {},
    capabilities: Record<string, unknown> = { blocks: { kind: "memory", size: "volume" } },
    paths: Record<string, string> = {},
  ): Promise<Rig> {
    const made = await makeHandler(source, { capabilities });
    const { manifest, module, folder } = await loadHandler(made.folder);
    const grants = openGrants("test", manifest, {
      size_bytes: SIZE,
      paths,
      configuration: {},
    });
    const reactor = new Reactor((error) => console.error(error));
    const lock_path = await Deno.makeTempFile({ suffix: ".lock" });
    const log: string[] = [];
    const close = async () => {
      grants.close();
      await reactor.close();
      await made[Symbol.asyncDispose]();
      await Deno.remove(lock_path);
    };
    const supervisor = await Supervisor.start({
      name: "test",
      module,
      folder,
      configuration: {},
      grants,
      lock_path,
      reactor,
      backoff: new Backoff({ first_ms: 1, max_ms: 300, probe_first_ms: 1 }),
      log: (level, line) => void log.push(`${level} ${line}`),
      ...more,
    }).catch(async (error) => {
      await close();
      throw error;
    });
    return new Rig(supervisor, grants, lock_path, log, close);
  }

  private constructor(
    supervisor: Supervisor,
    grants: Grants,
    lock_path: string,
    log: string[],
    close: () => Promise<void>,
  ) {
    this.supervisor = supervisor;
    this.grants = grants;
    this.lock_path = lock_path;
    this.log = log;
    this.#close = close;
    const { channel_fd, channel_length, eventfd, epoch } = supervisor.channel;
    this.memory = new EngineMemoryDouble(channel_length, 1 << 20, channel_fd);
    const done = (tag: number, result: number) => void this.ended.push([tag, result]);
    this.backend = new SandboxBackend(this.memory, { done }, {
      violation: (reason) => supervisor.fail(reason),
      answered: () => supervisor.answered(this.backend.epoch),
    });
    this.#epoll.add(eventfd, EPOLLIN | EPOLLET, () => {});
    this.backend.up(epoch);
    this.#timer = setInterval(() => this.backend.poll(), 1);
    supervisor.attach({
      down: async (settle_ms = 0) => {
        if (settle_ms > 0) {
          this.backend.settle();
          await this.until(() => this.backend.settled, settle_ms);
        }
        const { completed, unanswered } = this.backend;
        await this.#note("down", () => this.backend.down());
        return { completed, unanswered };
      },
      try: (epoch) =>
        new Promise((resolve) => {
          this.#note(`try ${epoch}`, () => this.backend.try(epoch, 512, resolve));
        }),
      up: (epoch, { size_bytes, probe }) =>
        this.#note(`up ${epoch}`, () => {
          this.backend.up(epoch, size_bytes);
          if (probe && this.backend.inFlight === 0) this.backend.probe(512, () => {});
        }),
      abandon: (why) => {
        const result = why === "open" ? MediaResult.HANDLER_AWAY : MediaResult.HANDLER_BROKEN;
        return this.#note(`abandon ${why}`, () => this.backend.abandon(result));
      },
    });
  }

  async #note(call: string, act: () => void): Promise<void> {
    await sleep(1); // The way to the ring thread and back.
    this.calls.push(call);
    act();
  }

  submit(tag: number, operation: number, length: number, more: Partial<Transfer> = {}): void {
    const iov = this.memory.data_offset + tag * 8;
    this.memory.words[iov / 4] = this.memory.data_offset + 65536;
    this.memory.words[iov / 4 + 1] = length;
    const plain = { offset_bytes: 0, fua: false, unmap: false, replay: true, iov_count: 1 };
    const what = { tag, operation, length_bytes: length, iov_address: iov };
    const transfer = { ...plain, ...what, ...more };
    assert.equal(this.backend.submit(transfer), SUBMIT_PENDING);
    this.backend.kick();
  }

  /** An operation that ends at once. */
  submitNow(tag: number, operation: number, expected: number): void {
    const place = { offset_bytes: 0, length_bytes: 0, iov_address: 0, iov_count: 0 };
    const rest = { fua: false, unmap: false, replay: true };
    assert.equal(this.backend.submit({ tag, operation, ...place, ...rest }), expected);
  }

  /** Changes a byte of the memory that the handler was granted. */
  poke(offset: number, value: number): void {
    const bytes = map(this.grants.memories[0].fd, 4096);
    new Uint8Array(bytes)[offset] = value;
    unmap(bytes);
  }

  /** One operation to its end; its result. */
  async run(operation: number, length: number, more: Partial<Transfer> = {}): Promise<number> {
    const before = this.ended.length;
    this.submit(40, operation, length, more);
    await this.until(() => this.ended.length > before);
    return this.ended[before][1];
  }

  /** The bytes of the one buffer that all operations have. */
  get data(): Uint8Array {
    return this.memory.bytes.subarray(this.memory.data_offset + 65536);
  }

  async until(condition: () => boolean, limit_ms = 5000): Promise<void> {
    const end_ms = performance.now() + limit_ms;
    while (!condition()) {
      if (performance.now() > end_ms) throw new Error(`nothing came: ${this.log.join("\n")}`);
      await sleep(1);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.supervisor.quiesce();
    clearInterval(this.#timer);
    this.backend.close();
    this.#epoll.close();
    await this.supervisor.stop();
    await this.#close();
  }
}

Deno.test("Backoff restarts at once, then doubles to its limit, and forgets after a healthy time", () => {
  const backoff = new Backoff();
  backoff.started(1000);
  const delays = Array.from({ length: 7 }, () => backoff.failed(2000));
  assert.deepEqual(delays, [0, 100, 200, 400, 800, 1600, 3200]);
  assert.equal(BACKOFF_FIRST_MS, 100);
  assert.equal(BACKOFF_MAX_MS, 5000);
  backoff.started(20_000);
  assert.equal(backoff.failed(20_000 + HEALTHY_MS), 0);
});

Deno.test("Backoff opens its breaker after so many failures, tries rarely, and gives up", () => {
  const backoff = new Backoff();
  const states = Array.from({ length: 16 }, () => {
    const delay_s = backoff.failed(0) / 1000;
    return `${backoff.state} ${delay_s}`;
  });
  assert.deepEqual(states.slice(6), [
    "closed 3.2",
    "open 10",
    "open 20",
    "open 40",
    "open 80",
    "open 160",
    "failed 300",
    "failed 300",
    "failed 300",
    "failed 300",
  ]);
  backoff.started(1);
  backoff.progressed();
  assert.equal(backoff.state, "closed", "what it served closes the breaker");
  assert.equal(backoff.failed(1000), 0, "and the next one is started at once");
  for (const [now_ms, delay_ms] of [[1100, 150], [1400, 100], [2000, 0]]) {
    backoff.started(now_ms - 50);
    backoff.progressed();
    assert.equal(backoff.failed(now_ms), delay_ms, "a pause between two starts, and no more");
    assert.equal(backoff.isLooping, true);
  }
  for (let count = 0; count < 20; count++) backoff.failed(0);
  backoff.reset();
  assert.equal(backoff.failed(0), 0);
});

Deno.test("a handler that is killed comes back, and commands in flight end well", async () => {
  await using rig = await Rig.start(
    volumeSource("flush: () => new Promise((end) => setTimeout(end, 50)),"),
  );
  rig.submit(0, FLUSH, 0);
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => rig.ended.length === 1);
  assert.deepEqual(rig.ended, [[0, MediaResult.OK]]);
  assert.deepEqual(rig.calls, ["down", "up 2"]);
  assert.equal(rig.supervisor.restarts, 1);
  assert.equal(rig.supervisor.state, "serving");
  assert.match(rig.log.join("\n"), /started again: it ended: signal 9/);
});

Deno.test("a handler that hangs is killed at its deadline, and the command is replayed", async () => {
  await using rig = await Rig.start(volumeSource(
    `flush: () => { if (blocks_byte() === 0) { mark(); for (;;); } },`,
    `const one = new Uint8Array(1);
     const blocks_byte = () => { blocks.read(0, one); return one[0]; };
     const mark = () => blocks.write(0, new Uint8Array([1]));`,
  ));
  rig.submit(0, FLUSH, 0);
  // What the ring thread does every 100 ms, in short.
  await rig.until(() => rig.backend.oldest_ms(performance.now()) > 50);
  rig.supervisor.fail("a command passed its deadline");
  rig.supervisor.fail("a command passed its deadline");
  await rig.until(() => rig.ended.length === 1);
  assert.deepEqual(rig.ended, [[0, MediaResult.OK]]);
  assert.equal(rig.supervisor.restarts, 1);
});

Deno.test("a handler that keeps failing is abandoned, and served again when it can", async () => {
  // It fails ten times; then what memory remembers lets it live.
  await using rig = await Rig.start(volumeSource(
    "flush() {},",
    `
    const one = new Uint8Array(1);
    blocks.read(0, one);
    const starts = one[0]++;
    blocks.write(0, one);
    if (starts > 0 && starts < 10) throw new Error("not yet");
  `,
  ));
  rig.submit(0, READ, 512);
  await rig.until(() => rig.ended.length === 1);
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => rig.supervisor.state === "restarting");
  rig.submit(1, FLUSH, 0);
  await rig.until(() => rig.ended.length === 2, 20_000);
  assert.deepEqual(rig.ended[1], [1, MediaResult.HANDLER_AWAY]);
  assert.equal(rig.supervisor.state, "failed");
  await rig.until(() => rig.supervisor.state === "serving", 20_000);
  await rig.until(() => rig.backend.isUp);
  rig.submit(2, FLUSH, 0);
  await rig.until(() => rig.ended.length === 3);
  assert.deepEqual(rig.ended[2], [2, MediaResult.OK]);
  assert.deepEqual(rig.calls, ["down", "abandon open", "up 11"]);
});

/** Fails at each start from the second on, until the memory's second byte says that it may live. */
const FAILING = `
  const bytes = new Uint8Array(2);
  blocks.read(0, bytes);
  const starts = bytes[0]++;
  blocks.write(0, bytes);
  if (starts > 0 && bytes[1] === 0) throw new Error("not yet");
`;

Deno.test("a handler that goes on failing is broken, until the operator has it started again", async () => {
  const slow = {
    backoff: new Backoff({ first_ms: 1, max_ms: 1, probe_first_ms: 1, probe_max_ms: 9 }),
  };
  await using rig = await Rig.start(volumeSource("flush() {},", FAILING), slow);
  await assert.rejects(async () => {
    const restarted = rig.supervisor.restart();
    await rig.until(() => rig.supervisor.state === "restarting");
    await restarted;
  }, /did not open: not yet/);
  await rig.until(() => rig.calls.includes("abandon failed"), 20_000);
  assert.equal(rig.supervisor.state, "failed");
  assert.match(rig.supervisor.problem ?? "", /not yet/);
  rig.submitNow(1, FLUSH, MediaResult.HANDLER_BROKEN);
  await assert.rejects(rig.supervisor.restart(), /not yet/);
  // Whatever was wrong is put right.
  rig.poke(1, 1);
  await rig.supervisor.restart();
  assert.equal(rig.supervisor.state, "serving");
  assert.equal(rig.supervisor.problem, undefined);
  assert.equal(rig.supervisor.next_attempt, undefined);
  assert.equal(await rig.run(FLUSH, 0), MediaResult.OK);
  assert.equal(rig.calls.at(-1)?.startsWith("up"), true);
});

Deno.test("restart() does not wait for the next attempt, which can be seen", async () => {
  const patient = { backoff: new Backoff({ first_ms: 60_000, max_ms: 60_000 }) };
  await using rig = await Rig.start(volumeSource("flush() {},", FAILING), patient);
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => rig.supervisor.next_attempt !== undefined);
  const wait_ms = Number(rig.supervisor.next_attempt) - Date.now();
  assert.ok(wait_ms > 50_000 && wait_ms <= 60_000, `${wait_ms} ms`);
  rig.poke(1, 1);
  rig.submit(1, FLUSH, 0);
  await rig.supervisor.restart();
  await rig.until(() => rig.ended.length === 1);
  assert.deepEqual(rig.ended, [[1, MediaResult.OK]]);
});

Deno.test("restart() of a handler that serves ends it in order, and replays nothing", async () => {
  await using rig = await Rig.start(volumeSource(`
    flush: () => new Promise((end) => setTimeout(end, 100)),
    close: () => context.log.info("closed"),
  `));
  const { pid } = rig.supervisor;
  rig.submit(0, FLUSH, 0, { replay: false });
  const restarted = rig.supervisor.restart();
  await rig.until(() => !rig.backend.isUp);
  rig.submit(1, FLUSH, 0);
  await Promise.all([restarted, rig.supervisor.restart()]);
  await rig.until(() => rig.ended.length === 2);
  assert.deepEqual(rig.ended, [[0, MediaResult.OK], [1, MediaResult.OK]]);
  assert.ok(rig.log.includes("info closed"), "the old process ended in order");
  assert.notEqual(rig.supervisor.pid, pid);
  assert.equal(rig.supervisor.restarts, 0, "nothing had failed");
  assert.deepEqual(rig.calls, ["down", "up 2"], "one restart answers both");
});

/** Opens well, and ends at every command until the memory's second byte says that it may live. */
const DEADLY = volumeSource(
  `read: (offset, into) => { die(); return blocks.read(offset, into); }, flush: () => die(),`,
  `const bytes = new Uint8Array(2);
   const die = () => {
     blocks.read(0, bytes);
     if (bytes[1] !== 0) return;
     context.log.error("out of luck");
     throwLater();
     for (;;);
   };
   const throwLater = () => Deno.kill(Deno.pid, "SIGKILL");`,
);

Deno.test("a handler that ends at its first commands does not serve until it has answered one", async () => {
  await using rig = await Rig.start(DEADLY);
  rig.submit(0, FLUSH, 0);
  await rig.until(() => rig.ended.length === 1, 20_000);
  assert.deepEqual(rig.ended, [[0, MediaResult.INTERNAL]], "it was given up");
  const seen = new Set<string>();
  // Nobody asks any more: it is probed, and fails until the breaker opens.
  await rig.until(() => {
    seen.add(rig.supervisor.state);
    return rig.calls.includes("abandon open");
  }, 30_000);
  assert.ok(seen.has("restarting") && !seen.has("serving"), [...seen].join());
  await rig.until(() => rig.supervisor.state === "failed");
  assert.match(rig.supervisor.problem ?? "", /it ended: signal \d+.*, after it said: out of luck/);
  await assert.rejects(rig.supervisor.restart(), /does not serve: it ended at its first read/);
  rig.poke(1, 1);
  await rig.supervisor.restart();
  assert.equal(rig.supervisor.state, "serving");
  assert.equal(rig.supervisor.problem, undefined);
  assert.equal(await rig.run(FLUSH, 0), MediaResult.OK);
});

Deno.test("a handler that has answered, or that nobody asked anything, serves again at once", async () => {
  await using rig = await Rig.start(volumeSource("flush() {},"));
  for (const epoch of [2, 3]) {
    sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
    await rig.until(() => rig.calls.includes(`up ${epoch}`));
    assert.equal(rig.supervisor.state, "serving");
    assert.equal(await rig.run(FLUSH, 0), MediaResult.OK);
    // Four starts in a second are enough for anybody.
    await sleep(250);
  }
  const waits_ms = rig.log.join("\n").matchAll(/serves again after .* (\d+) ms of waiting/g);
  assert.deepEqual([...waits_ms].map(([, wait_ms]) => Number(wait_ms) < 100), [true, true]);
});

/** Hangs where its memory's second byte says so: 1 when it is opened, 2 when it is read. */
const HANGING = volumeSource(
  `flush() {}, read: (offset, into) => hangs(2) ? new Promise(() => {}) : blocks.read(offset, into),`,
  `const bytes = new Uint8Array(2);
   blocks.read(0, bytes);
   const hangs = (when: number) => bytes[1] === when;
   if (hangs(1)) for (;;);`,
);

for (const [when, message] of [[1, /did not open within 300 ms/], [2, /within 300 ms/]] as const) {
  Deno.test(`replace() puts back what was, where the new process hangs (${when})`, async () => {
    const calls: string[] = [];
    const settle = () => Promise.resolve(void calls.push("settle"));
    await using rig = await Rig.start(HANGING, { settle });
    rig.submit(0, FLUSH, 0);
    await rig.until(() => rig.ended.length === 1);
    const replaced = rig.supervisor.replace({
      reason: "a test",
      start_timeout_ms: when === 1 ? 300 : 10_000,
      trial_ms: 300,
      apply: () => {
        calls.push("apply");
        rig.poke(1, when);
      },
      commit: () => void calls.push("commit"),
      undo: () => {
        calls.push("undo");
        rig.poke(1, 0);
      },
    });
    await rig.until(() => !rig.backend.isUp);
    rig.submit(1, FLUSH, 0, { replay: false });
    await assert.rejects(replaced, message);
    await rig.until(() => rig.ended.length === 2);
    assert.deepEqual(rig.ended[1], [1, MediaResult.OK], "no command has reached it");
    assert.deepEqual(calls.filter((call) => call !== "settle"), ["apply", "undo"]);
    assert.equal(calls.at(calls.indexOf("undo") - 1), "settle", "nothing of it lands any more");
    assert.equal(rig.supervisor.state, "serving");
  });
}

Deno.test("all of replace() has one time limit, and what was is back behind it", async () => {
  await using rig = await Rig.start(HANGING, { replace_ms: 1500 });
  const began_ms = performance.now();
  const replaced = rig.supervisor.replace({
    reason: "a test",
    start_timeout_ms: 60_000,
    trial_ms: 60_000,
    apply: () => rig.poke(1, 1),
    undo: () => rig.poke(1, 0),
  });
  await assert.rejects(replaced, /did not open within 1\d\d\d ms/);
  await rig.until(() => rig.supervisor.state === "serving");
  assert.ok(performance.now() - began_ms < 5_000);
});

Deno.test("interrupt() ends a restart that hangs, and the supervisor goes on", async () => {
  await using rig = await Rig.start(HANGING);
  rig.supervisor.interrupt();
  assert.equal(await rig.run(FLUSH, 0), MediaResult.OK, "nothing was under way");
  rig.poke(1, 1);
  const { pid } = rig.supervisor;
  const restarted = rig.supervisor.restart();
  const refused = assert.rejects(restarted, /ended at its start/);
  await rig.until(() => ![undefined, pid].includes(rig.supervisor.pid));
  rig.poke(1, 0);
  rig.supervisor.interrupt();
  await refused;
  assert.equal(await rig.run(FLUSH, 0), MediaResult.OK);
});

Deno.test("what takes the place of a process that ends soon does, and only then", async () => {
  await using rig = await Rig.start(volumeSource("flush() {},"));
  const reasons: string[] = [];
  const fallback = (until_ms: number) => {
    rig.supervisor.fallback = {
      until_ms,
      replacement: (reason) => ({
        reason,
        apply: () => void reasons.push(reason),
        undo: () => {},
      }),
    };
  };
  fallback(performance.now() - 1);
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => rig.calls.includes("up 2"));
  assert.deepEqual(reasons, []);
  fallback(performance.now() + 60_000);
  for (const epoch of [3, 4]) {
    sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
    await rig.until(() => rig.calls.includes(`up ${epoch}`));
  }
  assert.deepEqual(reasons, ["it ended: signal 9"], "once");
});

Deno.test("what the daemon did for a process is settled before the next one starts", async () => {
  let settle: (() => void) | undefined;
  const options = { settle: () => new Promise<void>((resolve) => settle = resolve) };
  await using rig = await Rig.start(volumeSource("flush() {},"), options);
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => settle !== undefined);
  await sleep(200);
  assert.equal(rig.supervisor.pid, undefined);
  assert.deepEqual(rig.calls, ["down"]);
  settle?.();
  await rig.until(() => rig.calls.includes("up 2"));
});

/** A control group (version 1) that keeps processes from running, also from dying. */
async function freezer(): Promise<AsyncDisposable & { freeze(pid: number): void; thaw(): void }> {
  const folder = `/sys/fs/cgroup/freezer/lunette-test-${Deno.pid}`;
  await Deno.mkdir(folder);
  const write = (name: string, text: string) => Deno.writeTextFileSync(`${folder}/${name}`, text);
  return {
    freeze(pid) {
      write("cgroup.procs", String(pid));
      write("freezer.state", "FROZEN");
    },
    thaw: () => write("freezer.state", "THAWED"),
    async [Symbol.asyncDispose]() {
      write("freezer.state", "THAWED");
      // It is busy until the last process has gone.
      for (let turn = 0; turn < 100; turn++) {
        const removed = await Deno.remove(folder).then(() => true, () => false);
        if (removed) return;
        await sleep(20);
      }
    },
  };
}

Deno.test("a process that SIGKILL does not end is waited for, and no command is", async (test) => {
  const reason = Deno.uid() !== 0
    ? "not root"
    : await Deno.stat("/sys/fs/cgroup/freezer").then(() => undefined, () => "no cgroup v1 freezer");
  if (reason !== undefined) console.log(`    skipped: ${reason}`);
  await test.step({
    name: "frozen",
    ignore: reason !== undefined,
    fn: async () => {
      await using group = await freezer();
      await using rig = await Rig.start(volumeSource("flush() {},"), { reap_ms: 100 });
      rig.data.fill(1, 0, 512);
      assert.equal(await rig.run(WRITE, 512), MediaResult.OK);
      const pid = rig.supervisor.pid as number;
      // As if it hung in the kernel, with a write that may still land.
      group.freeze(pid);
      rig.data.fill(2, 0, 512);
      rig.submit(0, WRITE, 512);
      rig.supervisor.fail("a command passed its deadline");
      await rig.until(() => rig.calls.includes("abandon open"));
      assert.equal(rig.supervisor.state, "failed");
      assert.match(rig.supervisor.problem ?? "", new RegExp(`process ${pid} was killed`));
      assert.deepEqual(rig.ended.at(-1), [0, MediaResult.HANDLER_AWAY]);
      // What it may overtake is not taken.
      rig.submitNow(1, WRITE, MediaResult.HANDLER_AWAY);
      await sleep(200);
      assert.equal(rig.supervisor.pid, pid, "no other process beside it");
      assert.equal(await openGeneration(rig.lock_path, "test", 0), undefined, "it has its lock");
      group.thaw();
      await rig.until(() => rig.calls.includes("up 2"));
      rig.data.fill(3, 0, 512);
      assert.equal(await rig.run(WRITE, 512), MediaResult.OK);
      rig.data.fill(0, 0, 512);
      assert.equal(await rig.run(READ, 512), MediaResult.OK);
      assert.equal(rig.data[0], 3);
    },
  });
});

Deno.test("quiesce() ends a pause before the next attempt, and whoever waits for it", async () => {
  const patient = { backoff: new Backoff({ first_ms: 60_000, max_ms: 60_000 }) };
  await using rig = await Rig.start(volumeSource("flush() {},", FAILING), patient);
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => rig.supervisor.next_attempt !== undefined);
  await rig.supervisor.quiesce();
  await assert.rejects(rig.supervisor.restart(), /not served/);
});

Deno.test("a handler that opens another volume than before does not serve", async () => {
  await using rig = await Rig.start(volumeSource(
    "size: starts === 0 ? blocks.size : 512,",
    `
    const one = new Uint8Array(1);
    blocks.read(0, one);
    const starts = one[0]++;
    blocks.write(0, one);
  `,
  ));
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => rig.log.some((line) => line.includes("another volume")));
  assert.equal(rig.supervisor.state, "restarting");
});

Deno.test("a guest that writes garbage into its channel is replaced", async () => {
  await using rig = await Rig.start(volumeSource("flush() {},"));
  // The test writes in the guest's place: a completion that nobody asked for.
  const words = new Int32Array(rig.memory.buffer, rig.memory.channel_offset);
  Atomics.store(words, 192 / 4, 3);
  await rig.until(() => rig.calls.includes("up 2"));
  rig.submit(0, WRITE, 512);
  await rig.until(() => rig.ended.length === 1);
  assert.deepEqual(rig.ended, [[0, MediaResult.OK]]);
});

Deno.test("guests hold their lock as long as they live", async () => {
  const rig = await Rig.start(volumeSource("flush() {},"));
  try {
    assert.equal(await awaitUnlocked(rig.lock_path, 20), false);
    const waiting = awaitUnlocked(rig.lock_path, 5000);
    await rig.supervisor.quiesce();
    sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
    assert.equal(await waiting, true);
  } finally {
    await rig[Symbol.asyncDispose]();
  }
});

const sizeOf = (fd: number) => Deno.statSync(`/proc/self/fd/${fd}`).size;
const never = () => Promise.reject(new Error("not to be asked"));

Deno.test("a command that may not be repeated is lost with its process, and no other is", async () => {
  const hang = "command: () => new Promise(() => {}), flush: () => {},";
  await using rig = await Rig.start(volumeSource(hang));
  rig.submit(0, MediaOperation.COMMAND, 640, { replay: false });
  await sleep(50); // Long enough for the guest to take it.
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => rig.calls.includes("down"));
  rig.submit(1, FLUSH, 0);
  await rig.until(() => rig.ended.length === 2);
  assert.deepEqual(rig.ended, [[0, MediaResult.LOST], [1, MediaResult.OK]]);
});

Deno.test("start() refuses claims that the handler has no command() for", async () => {
  const claims = [{ code: 0xc1, name: "X", cdb_length: 6, direction: "none", replay: false }];
  const options = { claims } as unknown as Partial<SupervisorOptions>;
  await assert.rejects(Rig.start(volumeSource("flush() {},"), options), /claims commands/);
  await using rig = await Rig.start(volumeSource("command: () => ({}),"), options);
  assert.deepEqual(rig.supervisor.volume.claims, claims);
});

Deno.test("resize() replaces the process, with commands in flight, and keeps the content", async () => {
  await using rig = await Rig.start(volumeSource(`
    flush: () => new Promise((end) => setTimeout(end, 100)),
    close: () => context.log.info("closed"),
  `));
  rig.data.fill(7, 0, 4096);
  assert.equal(await rig.run(WRITE, 4096, { offset_bytes: SIZE - 4096 }), MediaResult.OK);
  const { fd } = rig.grants.memories[0];
  rig.submit(0, FLUSH, 0, { replay: false });
  const resized = rig.supervisor.resize(4 * SIZE, never);
  await rig.until(() => !rig.backend.isUp);
  // It waits for the new process, which has room for it.
  rig.submit(1, WRITE, 4096, { offset_bytes: 4 * SIZE - 4096 });
  await resized;
  await rig.until(() => rig.ended.length === 3);
  assert.deepEqual(rig.ended.slice(1), [[0, MediaResult.OK], [1, MediaResult.OK]]);
  assert.ok(rig.log.includes("info closed"), "the old process ended in order");
  assert.deepEqual(rig.calls, ["down", "up 2"]);
  assert.equal(rig.supervisor.volume.size_bytes, 4 * SIZE);
  assert.equal(sizeOf(fd), 4 * SIZE);
  rig.data.fill(0, 0, 8192);
  assert.equal(
    await rig.run(READ, 8192, { offset_bytes: SIZE - 4096 }),
    MediaResult.OK,
  );
  assert.ok(rig.data.subarray(0, 4096).every((byte) => byte === 7));
  assert.ok(rig.data.subarray(4096, 8192).every((byte) => byte === 0));
  // A crash comes back with the new size.
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => rig.calls.includes("up 3"));
  assert.equal(await rig.run(READ, 512, { offset_bytes: 4 * SIZE - 512 }), MediaResult.OK);
  // And smaller: what lies past the end never reaches the handler.
  await rig.supervisor.resize(SIZE / 2, never);
  assert.equal(sizeOf(fd), SIZE / 2);
  assert.equal(rig.supervisor.volume.size_bytes, SIZE / 2);
  assert.equal(await rig.run(READ, 512, { offset_bytes: SIZE / 2 - 512 }), MediaResult.OK);
  const past = { tag: 40, operation: READ, offset_bytes: SIZE / 2, length_bytes: 512 };
  const rest = { fua: false, unmap: false, replay: true, iov_address: 0, iov_count: 0 };
  assert.equal(rig.backend.submit({ ...past, ...rest }), MediaResult.INTERNAL);
  // Grown again, the memory is zeros where it was cut.
  await rig.supervisor.resize(SIZE, never);
  rig.data.fill(1, 0, 4096);
  assert.equal(await rig.run(READ, 4096, { offset_bytes: SIZE - 4096 }), MediaResult.OK);
  assert.ok(rig.data.subarray(0, 4096).every((byte) => byte === 0));
});

const stubborn = {
  "opens another size than was asked for": "size: 1 << 20,",
  "does not open with the new size": "size: blocks.size > 1 << 20 ? 1000 : blocks.size,",
  "opens as another volume": "volatile: blocks.size > 1 << 20,",
};
for (const [what, members] of Object.entries(stubborn)) {
  Deno.test(`resize() puts everything back where the handler ${what}`, async () => {
    await using rig = await Rig.start(volumeSource(`flush() {}, ${members}`));
    rig.data.fill(9, 0, 512);
    assert.equal(await rig.run(WRITE, 512), MediaResult.OK);
    const resized = rig.supervisor.resize(2 * SIZE, never);
    await rig.until(() => rig.calls.includes("down"));
    rig.submit(0, FLUSH, 0);
    await assert.rejects(resized, { name: "GuestError" });
    await rig.until(() => rig.ended.length === 2);
    assert.deepEqual(rig.ended[1], [0, MediaResult.OK]);
    assert.equal(rig.supervisor.state, "serving");
    assert.equal(rig.supervisor.problem, undefined);
    assert.equal(rig.supervisor.volume.size_bytes, SIZE);
    assert.equal(rig.grants.memories[0].size_bytes, SIZE);
    assert.equal(sizeOf(rig.grants.memories[0].fd), SIZE);
    rig.data.fill(0, 0, 512);
    assert.equal(await rig.run(READ, 512), MediaResult.OK);
    assert.equal(rig.data[0], 9);
  });
}

Deno.test("resize() refuses sizes that cannot be, and while the handler does not serve", async () => {
  await using rig = await Rig.start(volumeSource("flush() {},"));
  for (const size of [0, -512, 1000, NaN, 2 ** 54]) {
    await assert.rejects(rig.supervisor.resize(size, never), { name: "GrantError" });
  }
  await rig.supervisor.resize(SIZE, never);
  assert.deepEqual(rig.calls, [], "the same size is nothing to do");
  const first = rig.supervisor.resize(2 * SIZE, never);
  await assert.rejects(rig.supervisor.resize(4 * SIZE, never), /being resized/);
  await first;
  await rig.supervisor.quiesce();
  await assert.rejects(rig.supervisor.resize(SIZE, never), /does not serve/);
});

Deno.test("resize() has the handler do it where it can, and a restart keeps the new size", async () => {
  // Its size is kept in its memory's last bytes, as one in a file would be.
  await using rig = await Rig.start(volumeSource(
    "get size() { return size(); }, resize: (bytes) => { set(bytes); }, flush() {},",
    `const at = blocks.size - 8;
     const word = new Float64Array(1);
     const bytes = new Uint8Array(word.buffer);
     const size = () => { blocks.read(at, bytes); return word[0] === 0 ? 65536 : word[0]; };
     const set = (value: number) => { word[0] = value; blocks.write(at, bytes); };`,
  ));
  const ask = async () => {
    new DataView(rig.data.buffer, rig.data.byteOffset).setFloat64(0, 131072, true);
    return await rig.run(MediaOperation.RESIZE, 8) === MediaResult.OK;
  };
  await rig.supervisor.resize(131072, ask);
  assert.equal(rig.supervisor.volume.size_bytes, 131072);
  assert.deepEqual(rig.calls, [], "the process stays");
  sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
  await rig.until(() => rig.calls.includes("up 2"));
  // It dies in the middle, after it was done: the next one opens with the new size.
  await rig.supervisor.resize(262144, async () => {
    new DataView(rig.data.buffer, rig.data.byteOffset).setFloat64(0, 262144, true);
    const done = await rig.run(MediaOperation.RESIZE, 8) === MediaResult.OK;
    sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
    await rig.until(() => rig.calls.includes("up 3"));
    return done;
  });
  assert.equal(rig.supervisor.volume.size_bytes, 262144);
  await assert.rejects(
    rig.supervisor.resize(512, () => Promise.resolve(false)),
    { name: "GuestError" },
  );
  assert.equal(rig.supervisor.volume.size_bytes, 262144);
});

Deno.test("resize() grows and cuts a file, and has a restart serve the size", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/disk.img`;
  const source = `
    import type { Context, Volume } from "lunette/plugin";
    export function open(context: Context): Volume {
      const file = context.file("path");
      return {
        size: file.size,
        blockSize: 512,
        read: (offset, into) => file.read(offset, into),
        write: (offset, from) => file.write(offset, from),
      };
    }`;
  const capabilities = { path: { kind: "file", access: "read-write", create: true } };
  {
    await using rig = await Rig.start(source, {}, capabilities, { path });
    rig.data.fill(3, 0, 512);
    assert.equal(await rig.run(WRITE, 512), MediaResult.OK);
    await rig.supervisor.resize(2 * SIZE, never);
    assert.equal(Deno.statSync(path).size, 2 * SIZE);
    const last = { offset_bytes: 2 * SIZE - 512 };
    assert.equal(await rig.run(WRITE, 512, last), MediaResult.OK);
    sendSignal(rig.supervisor.pid as number, Signal.SIGKILL);
    await rig.until(() => rig.calls.includes("up 3"));
    assert.equal(await rig.run(READ, 512, last), MediaResult.OK);
    assert.equal(rig.data[511], 3);
    await rig.supervisor.resize(SIZE / 4, never);
    assert.equal(Deno.statSync(path).size, SIZE / 4);
    assert.equal(await rig.run(READ, 512), MediaResult.OK);
    assert.equal(rig.data[0], 3);
  }
  await Deno.remove(folder, { recursive: true });
});
