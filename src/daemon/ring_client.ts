/** The ring thread as the main thread sees it: requests, replies, events. */
import { closeDescriptor, makeEventfd, signalEventfd } from "../sys/descriptor.ts";
import type { FilePool } from "../backend/file_pool.ts";
import { OperatorError } from "./error.ts";
import type {
  RingEventMessage,
  RingReplyMessage,
  RingRequestMessage,
  RingStart,
  RingVerb,
  RingVerbs,
} from "./ring_messages.ts";

interface Waiting {
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

/**
 * Starts the ring thread and talks to it. Each request is posted, and an eventfd in the thread's
 * poll set makes it look: while it blocks in epoll it takes no messages.
 */
export class RingClient {
  readonly #worker: Worker;
  readonly #eventfd = makeEventfd();
  readonly #waiting = new Map<number, Waiting>();
  readonly #event: (event: RingEventMessage) => void;
  #nextId = 1;
  #dead: Error | undefined;

  private constructor(event: (event: RingEventMessage) => void) {
    this.#event = event;
    const url = new URL("./ring_thread.ts", import.meta.url);
    this.#worker = new Worker(url, { type: "module", name: "ring" });
  }

  /** Starts the thread; ready when this resolves. */
  static async start(
    module: WebAssembly.Module,
    pool: FilePool,
    event: (event: RingEventMessage) => void,
  ): Promise<RingClient> {
    const client = new RingClient(event);
    await new Promise<void>((resolve, reject) => {
      client.#worker.onmessage = ({ data }: MessageEvent<RingReplyMessage | RingEventMessage>) => {
        if (data.kind === "ready") resolve();
        else client.#receive(data);
      };
      client.#worker.onerror = (event) => {
        event.preventDefault();
        client.#dead = new OperatorError("failed", `The ring thread has ended: ${event.message}`);
        reject(client.#dead);
        client.#fail(client.#dead);
      };
      const start: RingStart = {
        eventfd: client.#eventfd,
        module,
        fileJobs: pool.jobs.buffer,
        fileEventfd: pool.eventfd,
      };
      client.#worker.postMessage(start);
    });
    return client;
  }

  #receive(message: RingReplyMessage | RingEventMessage): void {
    if (message.kind !== "reply" && message.kind !== "error") return this.#event(message);
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === "reply") waiting?.resolve(message.reply);
    else waiting?.reject(new OperatorError("failed", message.message, message.advice));
  }

  #fail(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    this.#event({ kind: "failed", name: "", reason: error.message });
  }

  /** Sends a request and waits for its reply. */
  call<V extends RingVerb>(
    verb: V,
    request: RingVerbs[V]["request"],
  ): Promise<RingVerbs[V]["reply"]> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    const message: RingRequestMessage = { id, verb, request };
    this.#worker.postMessage(message);
    signalEventfd(this.#eventfd);
    return reply as Promise<RingVerbs[V]["reply"]>;
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    if (this.#dead === undefined) await this.call("close", null);
    // Nobody reads the eventfd any more; its number may be another descriptor's soon.
    this.#dead ??= new OperatorError("failed", "The ring thread has ended");
    this.#worker.terminate();
    closeDescriptor(this.#eventfd);
  }
}
