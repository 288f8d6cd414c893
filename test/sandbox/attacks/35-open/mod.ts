/** Family 35: what open() returns, throws, or does instead of either. The setting says which. */
import type { Configuration, Context, Volume } from "lunette/plugin";

const ESCAPES = "\x1b[2J\x1b]0;owned\x07\u202e\u2028\r\n" +
  "2026-01-01T00:00:00.000Z error victim: forged\n<0>forged";

function disk(context: Context): Volume {
  const blocks = context.memory("blocks");
  return {
    size: blocks.size,
    blockSize: 512,
    volatile: true,
    read: (offset, into) => blocks.read(offset, into),
    write: (offset, from) => blocks.write(offset, from),
  };
}

const withSize = (size: unknown) => (context: Context) => ({ ...disk(context), size });

/** Whoever turns something into JSON gets this: the daemon is told the same. */
const answering = (text: string) => (context: Context) => {
  JSON.stringify = () => text;
  return disk(context);
};

/** Counts the processes that have opened it: the memory stays. */
function counted(context: Context): number {
  const blocks = context.memory("blocks");
  const byte = new Uint8Array(1);
  blocks.read(blocks.size - 1, byte);
  byte[0]++;
  blocks.write(blocks.size - 1, byte);
  return byte[0];
}

/** Every property is a function, "then" as well. */
const everything: unknown = new Proxy(() => everything, { get: () => everything });
const throwing = (text: string) => () => {
  throw new Error(text);
};
const never = () => new Promise<never>(() => {});

const tricks: Readonly<Record<string, (context: Context) => unknown>> = {
  "none": disk,
  "size-changes": (context) => {
    const { size } = disk(context);
    let reads = 0;
    const other = 2 ** 60 + 1;
    return Object.defineProperty(disk(context), "size", { get: () => reads++ < 1 ? size : other });
  },
  "size-text": withSize("1048576"),
  "size-negative": withSize(-512),
  "size-not-a-number": withSize(NaN),
  "size-past-the-limit": withSize(2 ** 54),
  "size-bigint": withSize(1048576n),
  "block-size": (context) => ({ ...disk(context), blockSize: { valueOf: () => 512 } }),
  "no-volume": () => 1,
  "revoked-proxy": () => {
    const { proxy, revoke } = Proxy.revocable({ then: undefined }, {});
    revoke();
    return proxy;
  },
  "method-is-none": (context) => ({ ...disk(context), flush: "flush" }),
  "getter-throws": (context) =>
    Object.defineProperty(disk(context), "volatile", { get: throwing(ESCAPES) }),
  "throws-escapes": throwing(ESCAPES),
  "throws-much": throwing("x".repeat(1 << 24)),
  "throws-null": () => {
    throw null;
  },
  "throws-hostile": () => {
    const hostile = { toString: throwing("no text"), [Symbol.toPrimitive]: throwing("no text") };
    throw hostile;
  },
  "throws-lying-error": () => {
    throw Object.defineProperties(new Error("x"), {
      message: { get: throwing("no message") },
      stack: { value: { slice: () => everything } },
    });
  },
  "reply-no-json": answering("{"),
  "reply-deep": answering("[".repeat(30_000)),
  "reply-long": answering(`"${"x".repeat(1 << 20)}"`),
  "reply-other-type": answering("null"),
  "reply-prototype": answering('{"__proto__":{"size":512},"layers":[]}'),
  "reply-forged-layers": (context) => {
    const { stringify } = JSON;
    JSON.stringify = (value: { layers?: { detail: string }[] }) => {
      for (const layer of value?.layers ?? []) layer.detail = ESCAPES;
      return stringify(value);
    };
    return disk(context);
  },
  "ends-worker": () => {
    postMessage("end");
    return never();
  },
  "exits": () => Deno.exit(0),
  "never": never,
  "microtasks": async () => {
    for (;;) await null;
  },
  "then-everywhere": () => everything,
  "other-size-later": (context) => counted(context) > 1 ? withSize(512)(context) : disk(context),
  "never-later": (context) => counted(context) > 1 ? never() : disk(context),
};

export function open(context: Context, { trick }: Configuration): Volume | Promise<Volume> {
  return tricks[String(trick)](context) as Volume;
}
