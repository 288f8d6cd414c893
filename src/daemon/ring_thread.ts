/** Entry of the ring thread: runs the loop, and between two runs of it answers the main thread. */
/// <reference lib="deno.worker" />
import { LATER, RingHost } from "./ring_host.ts";
import type {
  RingEventMessage,
  RingReplyMessage,
  RingRequestMessage,
  RingStart,
} from "./ring_messages.ts";

function post(message: RingEventMessage | RingReplyMessage): void {
  self.postMessage(message);
}

/** Messages that have come and were not taken yet, and who waits for the next. */
const inbox: RingRequestMessage[] = [];
let waiting: ((message: RingRequestMessage) => void) | undefined;

function nextMessage(): Promise<RingRequestMessage> {
  const message = inbox.shift();
  if (message !== undefined) return Promise.resolve(message);
  return new Promise((resolve) => waiting = resolve);
}

async function answer(host: RingHost, message: RingRequestMessage): Promise<void> {
  const { id } = message;
  try {
    const reply = await host.handle(message);
    if (reply !== LATER) post({ kind: "reply", id, reply });
  } catch (error) {
    const advice = typeof error === "object" && error !== null && "advice" in error
      ? String(error.advice)
      : "";
    post({
      kind: "error",
      id,
      message: error instanceof Error ? error.message : `${error}`,
      advice,
    });
  }
}

async function serve(start: RingStart): Promise<void> {
  const host = new RingHost(start, post);
  self.onmessage = ({ data }: MessageEvent<RingRequestMessage>) => {
    if (waiting === undefined) inbox.push(data);
    else {
      waiting(data);
      waiting = undefined;
    }
  };
  post({ kind: "ready" });
  while (!host.closed) {
    // Blocks this thread; messages are taken only when the loop was told that there are some.
    let count = host.run();
    for (; count > 0; count--) await answer(host, await nextMessage());
  }
  self.close();
}

self.onmessage = ({ data }: MessageEvent<RingStart>) => {
  serve(data);
};
