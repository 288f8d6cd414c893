/**
 * What a package asks for, in words that a person understands: the same ones where it is installed and
 * on the marketplace's site.
 *
 * @module
 */
import type {
  CapabilityRequest,
  FileRequest,
  HttpRequest,
  MemoryRequest,
  TcpRequest,
} from "../plugin/mod.ts";
import { METHODS_DEFAULT, STATE_BYTES_DEFAULT } from "../sandbox/capability_defaults.ts";
import { formatSize } from "../sandbox/format_size.ts";
import { plainOrigin } from "../sandbox/origin.ts";

/**
 * How far a capability reaches, gravest first: other machines; files and block devices of this one;
 * what lunette keeps for the handler alone.
 */
export const REACHES = ["network", "files", "own"] as const;
export type Reach = typeof REACHES[number];

/** One capability, told to a person. */
export interface CapabilityWords {
  /** Its name in the manifest. */
  readonly name: string;
  readonly reach: Reach;
  /** What it lets the handler do: a clause that begins with a verb, without a full stop. */
  readonly sentence: string;
  /** Limits and conditions, each a clause; may be empty. */
  readonly details: readonly string[];
  /** What the publisher says that it is for: a stranger's words, made plain. May be empty. */
  readonly purpose: string;
}

/** Everything a package asks for, told to a person. */
export interface RequestWords {
  /** Gravest first, then by name. */
  readonly asks: readonly CapabilityWords[];
  /** What it cannot do, as it does not ask for it: whole sentences. */
  readonly cannot: readonly string[];
}

/** Longest text of a stranger that is shown in one line, in characters. */
const TEXT_LENGTH_MAX = 300;

/**
 * Text of a stranger for one line: without control characters, without characters that reorder or
 * hide others (Unicode's Bidi_Control, zero width ones, line separators), at most 300 characters.
 */
export function plainText(text: string, length_max = TEXT_LENGTH_MAX): string {
  const plain = text
    // Lone surrogates have no meaning, and no encoding.
    .toWellFormed()
    .replace(/\p{Cf}/gu, "")
    .replace(/\s+/gu, " ")
    .replace(/[\p{Cc}\p{Co}]/gu, "")
    .trim();
  const characters = Array.from(plain);
  if (characters.length <= length_max) return plain;
  return characters.slice(0, length_max - 1).join("") + "…";
}

/** "a", "a and b", "a, b and c". */
function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

type Words = Pick<CapabilityWords, "reach" | "sentence" | "details">;

function memoryWords({ size, when }: MemoryRequest): Words {
  const amount = size === "volume"
    ? "as much memory as the volume is large"
    : size === "protection"
    ? "8 bytes of memory for each block of the volume"
    : `up to ${formatSize(size)} of memory`;
  const details = when === undefined ? [] : [`only where you set "${plainText(when)}"`];
  return { reach: "own", sentence: `keep ${amount}`, details };
}

function fileWords(name: string, request: FileRequest): Words {
  const verb = request.access === "read-write" ? "read and change" : "read";
  const details = [`you name it: --set ${name}=PATH`];
  if (request.create === true) details.push("it is made where there is none");
  return {
    reach: "files",
    sentence: `${verb} one file or block device of your choice`,
    details,
  };
}

function httpWords(name: string, request: HttpRequest): Words {
  const origins = (request.origins ?? []).map((origin) => plainText(plainOrigin(origin)));
  const changing = (request.methods ?? METHODS_DEFAULT)
    .map((method) => plainText(method))
    .filter((method) => !METHODS_DEFAULT.includes(method));
  const verb = changing.length === 0 ? "fetch from" : "fetch from, and send to,";
  const servers = origins.length === 0 ? "web servers of your choice" : listed(origins);
  const details = [`you allow each one: --set ${name}=ORIGIN`];
  if (changing.length > 0) details.push(`it sends with ${listed(changing)}`);
  if (origins.some((origin) => origin.includes("//*."))) {
    details.push('"*" stands for any name below');
  }
  return { reach: "network", sentence: `${verb} ${servers}`, details };
}

function tcpWords(name: string, _request: TcpRequest): Words {
  return {
    reach: "network",
    sentence: "exchange any data with one network address of your choice",
    details: [`you name it: --set ${name}=HOST:PORT`],
  };
}

function wordsOf(name: string, request: CapabilityRequest): Words {
  switch (request.kind) {
    case "memory":
      return memoryWords(request);
    case "file":
      return fileWords(name, request);
    case "http":
      return httpWords(name, request);
    case "tcp":
      return tcpWords(name, request);
    case "state": {
      const size = formatSize(request.maxBytes ?? STATE_BYTES_DEFAULT);
      return { reach: "own", sentence: `keep up to ${size} of notes of its own`, details: [] };
    }
    case "clock":
      return { reach: "own", sentence: "read the time", details: [] };
    case "random":
      return { reach: "own", sentence: "draw random numbers", details: [] };
  }
}

/** One capability. It must have been checked (`checkCapability`); its texts may be anything. */
export function capabilityWords(name: string, request: CapabilityRequest): CapabilityWords {
  const plain_name = plainText(name);
  return {
    name: plain_name,
    ...wordsOf(plain_name, request),
    purpose: plainText(request.description ?? ""),
  };
}

/** All that a package asks for. Its capabilities must have been checked (`checkCapability`). */
export function requestWords(
  capabilities: Readonly<Record<string, CapabilityRequest>>,
): RequestWords {
  const asks = Object.entries(capabilities)
    .map(([name, request]) => capabilityWords(name, request))
    .sort((a, b) =>
      REACHES.indexOf(a.reach) - REACHES.indexOf(b.reach) || (a.name < b.name ? -1 : 1)
    );
  const reaches = new Set(asks.map(({ reach }) => reach));
  const cannot: string[] = [];
  if (!reaches.has("network")) cannot.push("It cannot reach the network.");
  if (!reaches.has("files")) cannot.push("It cannot reach your files and block devices.");
  cannot.push("It cannot start programs, or see other LUNs.");
  return { asks, cannot };
}
