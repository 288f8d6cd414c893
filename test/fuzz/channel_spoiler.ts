/** One wrong word in a channel. */
import { CHANNEL_SIZE } from "../../src/sandbox/layout.ts";
import {
  type Channel,
  completionWord,
  submissionWord,
  WORD_CLOSING,
  WORD_COMPLETE_TAIL,
  WORD_CONFINED,
  WORD_DAEMON_WAITING,
  WORD_EPOCH,
  WORD_GUEST_STATE,
  WORD_GUEST_WAITING,
  WORD_REPLY_LENGTH,
  WORD_SUBMIT_TAIL,
} from "../../src/sandbox/protocol.ts";
import type { Random } from "./iscsi_fuzz.ts";

const HOT_WORDS = [
  WORD_COMPLETE_TAIL,
  WORD_COMPLETE_TAIL,
  WORD_DAEMON_WAITING,
  WORD_GUEST_WAITING,
  WORD_SUBMIT_TAIL,
  WORD_EPOCH,
  WORD_GUEST_STATE,
  WORD_REPLY_LENGTH,
  WORD_CLOSING,
  WORD_CONFINED,
];

/** A number that is wrong in a way that a check may miss. */
function value(random: Random, present: number): number {
  switch (random.below(6)) {
    case 0:
      return present + 1;
    case 1:
      return present - 1;
    case 2:
      return random.below(600);
    case 3:
      return -1 - random.below(3);
    case 4:
      return 1 << random.below(32);
    default:
      return random.below(2 ** 32) | 0;
  }
}

/** Changes a word of the channel, of its arena or of its header, mostly one that is looked at. */
export function spoil(channel: Channel, bytes: ArrayBuffer, random: Random): void {
  const { words } = channel;
  let word: number;
  const kind = random.below(100);
  if (kind < 40) word = HOT_WORDS[random.below(HOT_WORDS.length)];
  else if (kind < 70) word = completionWord(random.below(512)) + random.below(6);
  else if (kind < 80) word = submissionWord(random.below(512)) + random.below(8);
  else if (kind < 90) word = random.below(CHANNEL_SIZE / 4);
  else {
    const arena = new Int32Array(bytes, CHANNEL_SIZE, 65536);
    const index = random.below(4) * 4096 + random.below(64);
    arena[index] = value(random, arena[index]);
    return;
  }
  Atomics.store(words, word, value(random, words[word]));
}
