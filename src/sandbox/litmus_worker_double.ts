/** The other thread of litmus_test.ts. */
import { map } from "../sys/mapping.ts";
import { type LitmusStart, run } from "./litmus_double.ts";

self.onmessage = ({ data }: MessageEvent<LitmusStart>) => {
  const words = new Int32Array(map(data.fd, data.length));
  const seen = run(words, 1, data.rounds, data.atomic);
  self.postMessage(seen, [seen.buffer]);
};
