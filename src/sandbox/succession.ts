/**
 * The way from one process of a handler to the next, one at a time: commands wait, the process ends
 * and nothing of it lands any more, the next one is started, until one serves.
 *
 * @module
 */
import { NextProcess, type NextProcessParts } from "./next_process.ts";
import { Pause } from "./pause.ts";

/** How long a process that is to end in order may take to finish what it has. */
const SETTLE_MS = 5_000;

/** See the module. */
export class Succession {
  readonly #parts: NextProcessParts;
  readonly #next: NextProcess;
  /** Before the next process. */
  readonly #pause = new Pause();
  #underWay: Promise<void> | undefined;
  #restarts = 0;

  constructor(parts: NextProcessParts) {
    this.#parts = parts;
    this.#next = new NextProcess(parts);
  }

  /** Resolves when it is over; undefined while none is under way. */
  get underWay(): Promise<void> | undefined {
    return this.#underWay;
  }

  /** Processes that were started since others had failed. */
  get restarts(): number {
    return this.#restarts;
  }

  /** When the next process is started; undefined while none is waited for. */
  get next_attempt(): Date | undefined {
    return this.#pause.until;
  }

  /** The next process is started at once, if one is waited for. */
  hurry(): void {
    this.#pause.hurry();
  }

  /** The process has failed, or has ended; `isItsFault` as in `Supervisor.fail`. */
  fail(reason: string, isItsFault = true): void {
    const { condition, log, replacements } = this.#parts;
    condition.restarting(reason);
    log("warn", `The handler is started again: ${reason}`);
    if (isItsFault) replacements.fallBack(reason);
    this.#exclusively(this.#afterFailure(reason));
  }

  /**
   * Sees to it that a new process is started, with what is different for it: at once where one is
   * waited for; else the one that serves ends in order.
   */
  begin(reason: string): void {
    if (this.#underWay === undefined) return this.#beginInOrder(reason);
    this.#pause.hurry();
    this.#next.hurry();
  }

  #beginInOrder(reason: string): void {
    this.#parts.condition.restarting(reason);
    this.#exclusively(this.#inOrder());
  }

  /** While it runs, ends of the process are its own business. */
  #exclusively(work: Promise<void>): void {
    const { condition, instance, log, replacements } = this.#parts;
    this.#underWay = work
      .catch((error) => log("error", `assertion: ${error}`))
      .finally(() => {
        this.#underWay = undefined;
        if (condition.phase !== "serving") return;
        const { reason } = replacements;
        // An end while `up` was on its way was reported into this very succession.
        if (instance.pid === undefined) this.fail("it ended");
        // And what was to be different came when this process was already starting.
        else if (reason !== undefined) this.#beginInOrder(reason);
      });
  }

  async #afterFailure(reason: string): Promise<void> {
    const { commands, condition, fence } = this.#parts;
    const began_ms = performance.now();
    condition.judge(await commands.hold(), reason);
    await fence.kill();
    await this.#untilOneServes(began_ms);
  }

  async #inOrder(): Promise<void> {
    const { commands, condition, fence, signal } = this.#parts;
    const began_ms = performance.now();
    condition.judge(await commands.hold(SETTLE_MS), "it did not answer, and was ended");
    await fence.end();
    if (signal.aborted) return;
    const gone_ms = performance.now();
    if (await this.#next.start(began_ms)) {
      await this.#goOn();
      return this.#logTimes("A new process serves", began_ms, gone_ms);
    }
    await this.#untilOneServes();
  }

  /** Starts processes until one serves. None runs, and the ring thread is off the channel. */
  async #untilOneServes(began_ms = performance.now()): Promise<void> {
    const { asked, backoff, replacements, signal } = this.#parts;
    const gone_ms = performance.now();
    for (;;) {
      if (signal.aborted) return;
      const delay_ms = backoff.failed(performance.now());
      await this.#giveUp();
      // Whoever asks for the next process does not wait for it.
      const isWanted = asked.awaited !== undefined || replacements.reason !== undefined;
      if (!isWanted) await this.#pause.wait(delay_ms, signal);
      if (signal.aborted) return;
      this.#restarts++;
      if (await this.#next.start()) break;
    }
    if (signal.aborted) return;
    await this.#goOn();
    this.#logTimes("The handler serves again", began_ms, gone_ms);
  }

  /** Has commands end where the handler has failed so often that nothing shall wait for it. */
  async #giveUp(): Promise<void> {
    const { backoff, commands, log } = this.#parts;
    const { state, failures } = backoff;
    if (state === "closed" || state === commands.abandoned) return;
    log(
      "error",
      state === "open"
        ? `The handler has failed ${failures} times: commands end as NOT READY until it serves`
        : "The handler goes on failing: commands end with HARDWARE ERROR until it serves",
    );
    await commands.abandon(state);
  }

  /** A new process is ready. */
  async #goOn(): Promise<void> {
    const { asked, backoff, commands, condition, instance, signal, volume } = this.#parts;
    if (signal.aborted) return;
    condition.serving();
    backoff.started(performance.now());
    await commands.resume(instance.epoch, { ...volume.tell(), probe: condition.isUnproven });
    asked.grant();
  }

  /** Says where the time of a restart went. */
  #logTimes(what: string, began_ms: number, gone_ms: number): void {
    const [now_ms, { started_ms }] = [performance.now(), this.#next];
    const parts = [gone_ms - began_ms, started_ms - gone_ms, now_ms - started_ms].map(Math.round);
    this.#parts.log(
      "info",
      `${what} after ${Math.round(now_ms - began_ms)} ms: ${
        parts[0]
      } ms until the old process was ` +
        `gone, ${parts[1]} ms of waiting, ${parts[2]} ms to start`,
    );
  }
}
