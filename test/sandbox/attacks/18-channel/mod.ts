/** Family 18: completions and words of the channel that are not what the protocol says. */
import { hostile, LATER, type Phase, plan, type Scene, sleep, type Variant } from "../attack.ts";
import { channelOf, complete, type Completion, presentRequest } from "../channel.ts";

const phases: readonly Phase[] = ["io"];
const { channel } = plan;

/** Does something with the channel's words; the next command tells what came of it. */
function words(name: string, change: (words: Int32Array, scene: Scene) => void): Variant {
  return {
    name,
    phases,
    run: (scene) => {
      change(channelOf(scene).words, scene);
      return LATER;
    },
  };
}

/** A completion with something wrong, and then the true one. */
const forged = (name: string, wrong: (words: Int32Array) => Partial<Completion>) =>
  words(name, (view) => complete(view, wrong(view)));

let stale: { request: number; sequence: number } | undefined;

const variants: readonly Variant[] = [
  forged("index-too-large", () => ({ request: 60_000 })),
  forged("index-negative", () => ({ request: -1 })),
  forged("index-of-another", (view) => ({ request: presentRequest(view).request ^ 1 })),
  forged("sequence-wrong", (view) => ({ sequence: presentRequest(view).sequence + 1 })),
  forged("epoch-wrong", () => ({ epoch: 0x7fffffff })),
  forged("result-unknown", () => ({ result: 200 })),
  forged("result-negative", () => ({ result: -1 })),
  forged("twice", () => ({})),
  words("remember", (view) => stale = presentRequest(view)),
  forged("stale-reply", () => stale ?? { sequence: 1 }),
  words("tail-far-ahead", (view) => Atomics.add(view, channel.complete_tail, 1_000_000)),
  words("tail-behind", (view) => Atomics.sub(view, channel.complete_tail, 1)),
  words("tail-at-limit", (view) => Atomics.add(view, channel.complete_tail, channel.queue_length)),
  words(
    "submissions-scribbled",
    (view) =>
      view.fill(
        -1,
        channel.submission,
        channel.submission + channel.queue_length * channel.submission_words,
      ),
  ),
  words("submit-tail-moved", (view) => Atomics.add(view, channel.submit_tail, 7)),
  words(
    "completions-scribbled",
    (view) =>
      view.fill(
        0x41414141,
        channel.completion,
        channel.completion + channel.queue_length * channel.completion_words,
      ),
  ),
  words("reply-length", (view) => Atomics.store(view, channel.reply_length, -1)),
  words("state", (view) => Atomics.store(view, channel.guest_state, 77)),
  words("state-starting", (view) => Atomics.store(view, channel.guest_state, 0)),
  words("closing", (view) => Atomics.store(view, channel.closing, 1)),
  words("epoch-changed", (view) => Atomics.add(view, channel.epoch, 1)),
  words("waiting-words", (view) => {
    Atomics.store(view, channel.daemon_waiting, 0x7fffffff);
    Atomics.store(view, channel.guest_waiting, 0);
  }),
  words("header-of-zeros", (view) => view.fill(0, 0, channel.submission)),
  words("all-ones", (view) => view.fill(-1)),
  {
    name: "noise",
    phases,
    timeout_ms: 0,
    run: async (scene) => {
      const view = channelOf(scene).words;
      for (let round = 0; round < 200; round++) {
        for (let count = 0; count < 512; count++) {
          view[Math.random() * view.length | 0] = Math.random() * 2 ** 32;
        }
        await sleep(0);
      }
      return LATER;
    },
  },
];

export const open = await hostile(variants);
