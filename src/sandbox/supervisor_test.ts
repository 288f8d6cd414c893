import assert from "node:assert/strict";
import { SUBMIT_PENDING } from "../engine/ports.ts";
import { MediaOperation, MediaResult } from "../scsi/media.ts";
import { Epoll, EPOLLET, EPOLLIN } from "../sys/epoll.ts";
import { awaitUnlocked } from "../sys/lock.ts";
import { sendSignal, Signal } from "../sys/process.ts";
import { Reactor } from "../sys/reactor.ts";
import { SandboxBackend } from "./backend.ts";
import { Backoff, BACKOFF_FIRST_MS, BACKOFF_MAX_MS, HEALTHY_MS } from "./backoff.ts";
import { EngineMemoryDouble } from "./engine_memory_double.ts";
import { openGrants } from "./grants.ts";
import { makeHandler, volumeSource } from "./handler_double.ts";
import { loadHandler } from "./manifest.ts";
import { Supervisor } from "./supervisor.ts";

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
  readonly #epoll = new Epoll();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #close: () => Promise<void>;

  static async start(source: string): Promise<Rig> {
    const made = await makeHandler(source);
    const { manifest, module, folder } = await loadHandler(made.folder);
    const grants = openGrants("test", manifest, {
      size_bytes: SIZE,
      paths: {},
      configuration: {},
    });
    const reactor = new Reactor((error) => console.error(error));
    const lock_path = await Deno.makeTempFile({ suffix: ".lock" });
    const log: string[] = [];
    const supervisor = await Supervisor.start({
      name: "test",
      module,
      folder,
      configuration: {},
      grants,
      lock_path,
      reactor,
      backoff: new Backoff(1, 300),
      log: (level, line) => void log.push(`${level} ${line}`),
    });
    const close = async () => {
      grants.close();
      await reactor.close();
      await made[Symbol.asyncDispose]();
      await Deno.remove(lock_path);
    };
    return new Rig(supervisor, lock_path, log, close);
  }

  private constructor(
    supervisor: Supervisor,
    lock_path: string,
    log: string[],
    close: () => Promise<void>,
  ) {
    this.supervisor = supervisor;
    this.lock_path = lock_path;
    this.log = log;
    this.#close = close;
    const { channel_fd, channel_length, eventfd, epoch } = supervisor.channel;
    this.memory = new EngineMemoryDouble(channel_length, 1 << 20, channel_fd);
    const done = (tag: number, result: number) => void this.ended.push([tag, result]);
    this.backend = new SandboxBackend(this.memory, { done }, {
      violation: (reason) => supervisor.fail(reason),
    });
    this.#epoll.add(eventfd, EPOLLIN | EPOLLET, () => {});
    this.backend.up(epoch);
    this.#timer = setInterval(() => this.backend.poll(), 1);
    supervisor.attach({
      down: async () => {
        const { completed } = this.backend;
        await this.#note("down", () => this.backend.down());
        return completed;
      },
      up: (epoch) => this.#note(`up ${epoch}`, () => this.backend.up(epoch)),
      abandon: () => this.#note("abandon", () => this.backend.abandon(MediaResult.INTERNAL)),
    });
  }

  async #note(call: string, act: () => void): Promise<void> {
    await sleep(1); // The way to the ring thread and back.
    this.calls.push(call);
    act();
  }

  submit(tag: number, operation: number, length: number): void {
    const iov = this.memory.data_offset + tag * 8;
    this.memory.words[iov / 4] = this.memory.data_offset + 65536;
    this.memory.words[iov / 4 + 1] = length;
    const more = { offset_bytes: 0, fua: false, unmap: false, replay: true, iov_count: 1 };
    const transfer = { tag, operation, length_bytes: length, iov_address: iov, ...more };
    assert.equal(this.backend.submit(transfer), SUBMIT_PENDING);
    this.backend.kick();
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
  const delays = Array.from({ length: 9 }, () => backoff.failed(2000));
  assert.deepEqual(delays, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.equal(BACKOFF_FIRST_MS, 100);
  assert.equal(BACKOFF_MAX_MS, 5000);
  backoff.started(10_000);
  assert.equal(backoff.failed(10_000 + HEALTHY_MS - 1), BACKOFF_MAX_MS);
  backoff.started(20_000);
  assert.equal(backoff.failed(20_000 + HEALTHY_MS), 0);
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
  assert.deepEqual(rig.ended[1], [1, MediaResult.INTERNAL]);
  assert.equal(rig.supervisor.state, "abandoned");
  await rig.until(() => rig.supervisor.state === "serving", 20_000);
  await rig.until(() => rig.backend.isUp);
  rig.submit(2, FLUSH, 0);
  await rig.until(() => rig.ended.length === 3);
  assert.deepEqual(rig.ended[2], [2, MediaResult.OK]);
  assert.deepEqual(rig.calls, ["down", "abandon", "up 11"]);
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
