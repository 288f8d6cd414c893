/** A thread that writes into a channel while the daemon uses it, for `channel_fuzz.ts`. */
/// <reference lib="deno.worker" />
import { Channel } from "../../src/sandbox/protocol.ts";
import { map, unmap } from "../../src/sys/mapping.ts";
import { spoil } from "./channel_spoiler.ts";
import { Random } from "./iscsi_fuzz.ts";

/** What to do, and for how long. */
export interface ScribbleOrder {
  readonly fd: number;
  readonly length: number;
  readonly seed: number;
  readonly duration_ms: number;
}

self.onmessage = ({ data }: MessageEvent<ScribbleOrder>) => {
  const bytes = map(data.fd, data.length);
  const channel = new Channel(bytes, 0);
  const random = new Random(data.seed);
  const end_ms = performance.now() + data.duration_ms;
  self.postMessage("begun");
  let words = 0;
  while (performance.now() < end_ms) {
    for (let count = 0; count < 50; count++, words++) spoil(channel, bytes, random);
    // Now and then the guest gets far enough to do more harm.
    const pause_ms = performance.now() + random.below(3);
    while (performance.now() < pause_ms);
  }
  unmap(bytes);
  self.postMessage(words);
  self.close();
};
// A message that comes before there is a listener would be lost.
self.postMessage("ready");
