/** Family 34: bytes on the line to the daemon's broker that no guest of ours sends. */
import { hostile, LATER, type Phase, plan, sleep, type Variant } from "../attack.ts";
import { stolen } from "../stolen.ts";

const phases: readonly Phase[] = ["io"];
/** 0 to 5 and the memory come first. */
const LINE = 7;
const WRITE = 1;
const READ = 0;
const [HTTP, STATE] = [0, 1];
const [FETCH, STREAM_READ, GET, SET] = [1, 3, 7, 8];

interface Head {
  readonly length?: number;
  readonly id?: number;
  readonly what?: number;
  readonly capability?: number;
  readonly stream?: number;
}

function frame(head: Head, payload = new Uint8Array()): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, head.length ?? payload.length, true);
  view.setUint32(4, head.id ?? 0, true);
  view.setUint16(8, head.what ?? GET, true);
  view.setUint16(10, head.capability ?? STATE, true);
  view.setUint32(12, head.stream ?? 0, true);
  bytes.set(payload, 16);
  return bytes;
}

/** Key of one character, with its length before it. */
const key = new Uint8Array([1, 0, 97]);
const fetchOf = (url: string) =>
  new TextEncoder().encode(JSON.stringify({ url, method: "GET", headers: [], length: 0 }));

function send(bytes: Uint8Array<ArrayBuffer>): void {
  for (let done = 0; done < bytes.length;) {
    const sent = stolen().call(WRITE, LINE, bytes.slice(done), bytes.length - done);
    if (sent <= 0) throw new Error(`the line took nothing: errno ${-sent} got nothing`);
    done += sent;
  }
}

const sends = (name: string, ...frames: Uint8Array<ArrayBuffer>[]): Variant => ({
  name,
  phases,
  timeout_ms: 0,
  // The daemon ends the process, or has not minded: the next command tells.
  run: async () => {
    frames.forEach(send);
    await sleep(50);
    return LATER;
  },
});

const noise = (seed: number) =>
  Uint8Array.from({ length: 4096 }, (_, at) => Math.imul(at + seed, 0x9e3779b1) >>> 11 & 255);

const variants: readonly Variant[] = [
  {
    name: "answers-of-others",
    phases,
    run: () => {
      // What is there to read without a question; the daemon sends nothing unasked.
      const into = new Uint8Array(4096);
      const count = stolen().call(READ, LINE, into, into.length);
      if (count > 0) return `${count} bytes that nobody asked for`;
      throw new Error(`read: errno ${-count}, got nothing`);
    },
  },
  sends("length-of-4-gib", new Uint8Array(16).fill(0xff)),
  sends("length-past-the-limit", frame({ length: 66561 })),
  sends("request-past-the-end", frame({ id: 64 }, key)),
  sends("request-twice", new Uint8Array([...frame({ id: 1 }, key), ...frame({ id: 1 }, key)])),
  sends("other-capability", frame({ capability: 2 }, key)),
  sends("greatest-capability", frame({ capability: 0xffff }, key)),
  sends("unknown-verb", frame({ what: 99 }, key)),
  sends("store-verb-to-servers", frame({ capability: HTTP, what: GET }, key)),
  sends("stream-that-is-not-open", frame({ capability: HTTP, what: STREAM_READ, stream: 5 })),
  sends("stream-past-the-end", frame({ capability: HTTP, what: FETCH, stream: 32 }, fetchOf("x"))),
  sends("answer-instead-of-request", frame({ what: 0 })),
  sends("key-longer-than-frame", frame({}, new Uint8Array([9, 0, 1]))),
  sends("not-text", frame({}, new Uint8Array([1, 0, 0xff]))),
  sends("not-json", frame({ capability: HTTP, what: FETCH }, new Uint8Array([0x7b]))),
  sends("noise", noise(1)),
  sends(
    "request-for-elsewhere",
    frame({ capability: HTTP, what: FETCH, id: 9 }, fetchOf(`http://127.0.0.1:${plan.tcp_port}/`)),
  ),
  {
    name: "flood-without-reading",
    phases,
    timeout_ms: 0,
    run: () => {
      for (let round = 0; round < 8; round++) {
        for (let id = 0; id < 64; id++) send(frame({ id }, key));
      }
      return LATER;
    },
  },
  // The last: what comes after it belongs to it.
  sends("half-a-frame", frame({ id: 60, what: SET, length: 60000 }, new Uint8Array(100))),
];

export const open = await hostile(variants);
