/**
 * The channel as a hostile handler sees it: the buffer of the data it gets is the whole channel.
 *
 * @module
 */
import { plan } from "./attack.ts";
import type { Scene } from "./attack.ts";

/** What stands in a completion. */
export interface Completion {
  readonly request: number;
  readonly sequence: number;
  readonly epoch: number;
  readonly result: number;
}

/** Views of the channel of a command's data. Throws where the buffer is not the channel. */
export function channelOf(scene: Scene): { words: Int32Array; bytes: Uint8Array } {
  const buffer = scene.data?.buffer as ArrayBuffer | undefined;
  if (buffer === undefined || buffer.byteLength < plan.channel.length) {
    throw new Error("the channel is not reachable from the data");
  }
  return {
    words: new Int32Array(buffer, 0, plan.channel.length / 4),
    bytes: new Uint8Array(buffer),
  };
}

/** The request that is being served, as the daemon wrote it last. */
export function presentRequest(words: Int32Array): { request: number; sequence: number } {
  const { submit_tail, submission, submission_words, queue_length } = plan.channel;
  const last = (words[submit_tail] - 1) & (queue_length - 1);
  const at = submission + last * submission_words;
  const { SEQUENCE, WHAT } = plan.channel.request;
  return { sequence: words[at + SEQUENCE], request: words[at + WHAT] & 0xffff };
}

/** Puts a completion in the queue behind the last one, and the tail behind it. */
export function complete(words: Int32Array, completion: Partial<Completion>): void {
  const { complete_tail, completion: first, completion_words, queue_length, epoch } = plan.channel;
  const { REQUEST, SEQUENCE, EPOCH, RESULT } = plan.channel.completion_word;
  const tail = Atomics.load(words, complete_tail);
  const at = first + (tail & (queue_length - 1)) * completion_words;
  const present = presentRequest(words);
  words[at + REQUEST] = completion.request ?? present.request;
  words[at + SEQUENCE] = completion.sequence ?? present.sequence;
  words[at + EPOCH] = completion.epoch ?? words[epoch];
  words[at + RESULT] = completion.result ?? 0;
  Atomics.store(words, complete_tail, (tail + 1) | 0);
}
