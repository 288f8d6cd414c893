/** Family 19: data, completions and answers that change after they were given, again and again. */
import { hostile, LATER, type Phase, plan, type Scene, sleep, type Variant } from "../attack.ts";
import { channelOf, presentRequest } from "../channel.ts";

const phases: readonly Phase[] = ["io"];
const { channel } = plan;
const ROUNDS = 400;

/** Changes something while the host works, past the end of the command. */
function scribble(change: (scene: Scene, round: number) => void): (scene: Scene) => unknown {
  return (scene) => {
    void (async () => {
      for (let round = 0; round < ROUNDS; round++) {
        change(scene, round);
        await (round % 16 === 0 ? sleep(0) : null);
      }
    })();
    return LATER;
  };
}

/** Rewrites the completion that was put in the queue last. */
function lastCompletion(scene: Scene, word: number, value: number): void {
  const { words } = channelOf(scene);
  const tail = (Atomics.load(words, channel.complete_tail) - 1) & (channel.queue_length - 1);
  words[channel.completion + tail * channel.completion_words + word] = value;
}

/** A size that grows with each look. */
let looks = 0;

const variants: readonly Variant[] = [
  { name: "data", phases, run: scribble(({ data }, round) => data!.fill(round)) },
  {
    name: "data-of-write",
    phases,
    on: "write",
    run: scribble(({ data }, round) => data!.fill(round)),
  },
  {
    name: "arena",
    phases,
    run: scribble((scene, round) => channelOf(scene).bytes.fill(round, channel.length)),
  },
  {
    name: "result",
    phases,
    run: scribble((scene, round) => lastCompletion(scene, channel.completion_word.RESULT, round)),
  },
  {
    name: "request",
    phases,
    run: scribble((scene, round) => lastCompletion(scene, channel.completion_word.REQUEST, round)),
  },
  {
    name: "sequence",
    phases,
    run: scribble((scene) =>
      lastCompletion(
        scene,
        channel.completion_word.SEQUENCE,
        presentRequest(channelOf(scene).words).sequence ^ 1,
      )
    ),
  },
  {
    name: "tail",
    phases,
    run: scribble((scene, round) =>
      Atomics.store(channelOf(scene).words, channel.complete_tail, round)
    ),
  },
  {
    name: "submissions",
    phases,
    run: scribble((scene, round) =>
      channelOf(scene).words.fill(
        round,
        channel.submission,
        channel.submission + channel.submission_words * channel.queue_length,
      )
    ),
  },
];

export const open = await hostile(variants, {
  // What is read twice may differ: the host must have read it once.
  wrap: (volume) =>
    new Proxy(volume, {
      get(target, key) {
        if (key === "size") return looks++ < 8 ? target.size : target.size * looks;
        return Reflect.get(target, key);
      },
    }),
});
