/** The context that a handler gets: names and what was granted under them. */
import type {
  ClockCapability,
  Context,
  FileCapability,
  HttpCapability,
  Logger,
  MemoryCapability,
  RandomCapability,
  StateCapability,
  TcpCapability,
} from "../plugin/mod.ts";

/** What the daemon does for a handler, by name: of guests only. */
export interface Brokered {
  readonly https: ReadonlyMap<string, HttpCapability>;
  readonly tcps: ReadonlyMap<string, TcpCapability>;
  readonly states: ReadonlyMap<string, StateCapability>;
}

const nothing: Brokered = { https: new Map(), tcps: new Map(), states: new Map() };

function find<T>(things: ReadonlyMap<string, T>, kind: string, name: string): T {
  const thing = things.get(name);
  if (thing === undefined) {
    throw new Error(
      `Cannot use ${kind} "${name}": the manifest asks for no such capability, or the operator ` +
        "has taken it back",
    );
  }
  return thing;
}

/** Greatest length that crypto.getRandomValues fills at once. */
const RANDOM_LENGTH_MAX = 65536;

function makeClock(): ClockCapability {
  const now = Date.now;
  const monotonic = performance.now.bind(performance);
  return Object.freeze({ now: () => now(), monotonic: () => monotonic() });
}

function makeRandom(): RandomCapability {
  const fillPart = crypto.getRandomValues.bind(crypto);
  return Object.freeze({
    fill(into: Uint8Array): void {
      for (let done = 0; done < into.length; done += RANDOM_LENGTH_MAX) {
        fillPart(into.subarray(done, done + RANDOM_LENGTH_MAX) as Uint8Array<ArrayBuffer>);
      }
    },
  });
}

/** Makes a context. The objects are frozen: a handler may hand them on, and not change them. */
export function makeContext(
  name: string,
  log: Logger,
  memories: ReadonlyMap<string, MemoryCapability>,
  files: ReadonlyMap<string, FileCapability>,
  { https, tcps, states }: Brokered = nothing,
): Context {
  return Object.freeze({
    name,
    log,
    memory: (key: string) => find(memories, "memory", key),
    file: (key: string) => find(files, "file", key),
    http: (key: string) => find(https, "http", key),
    tcp: (key: string) => find(tcps, "tcp", key),
    state: (key: string) => find(states, "state", key),
    clock: makeClock(),
    random: makeRandom(),
  });
}
