/**
 * Which layer stopped an attempt, by what the attempt was told.
 *
 * @module
 */

/** Texts and the layers they come from; the first that matches counts. */
const LAYERS: readonly (readonly [RegExp, string])[] = [
  [/signal 31\b|SIGSYS/, "seccomp kill"],
  [/deadline/, "deadline"],
  [/completion|signals for|protocol|submitted/, "protocol check"],
  [/without effect/, "copied, then checked"],
  [/it sent the broker/, "broker's protocol"],
  [/CapabilityError|"(denied|invalid|no-space|too-large)"/, "broker"],
  [/asks for no such capability/, "not granted"],
  [/no answer within/, "no answer"],
  [
    /Requires [\w- ]+ access|NotCapable|permission (denied|prompt)|permissions? .*escalat|Can't escalate/i,
    "Deno permission",
  ],
  [
    /--no-npm|npm specifiers|Could not find constraint|npm: ?specifier|npm package|--no-remote|remote specifier/i,
    "no npm, no remote",
  ],
  [
    /not prefixed with|is not a dependency|Import .* not (a dependency|found)|Module not found|Cannot find module|Loading unprepared module|Relative import path/i,
    "import map",
  ],
  [/SyntaxError: Unexpected character|Unknown module type|not a valid module/, "no native code"],
  [/EACCES|os error 13\b/, "Landlock"],
  [/EPERM|os error 1\b|Operation not permitted/, "seccomp errno"],
  [/ENOSYS|os error 38\b/, "seccomp errno"],
  [/ENOENT|os error 2\b|NotFound|EBADF|os error 9\b/, "seccomp errno"],
  [/ENOTTY|Not a typewriter|Inappropriate ioctl|TTY initialization failed/, "no terminal"],
  [/Binding to signal|too many attached databases/, "the runtime"],
  [
    /Array buffer allocation|Invalid array length|Unable to grow|could not allocate memory|out of memory|ENOMEM|os error 12\b/i,
    "memory limit",
  ],
  [/EAGAIN|os error 11\b|EMFILE|os error 24\b/, "count limit"],
  [
    /Cannot access|out of bounds|offset is too large|detached|Cannot convert|Invalid typed array length/,
    "bounds check",
  ],
  [
    /is not there|is not defined|is not a function|is not a constructor|not implemented|not supported|Unsupported|is not available|only available/i,
    "not there",
  ],
  [/signal \d+|exit code|it ended|replaced|caught|trap|Maximum call stack/, "own process"],
  // An event without a reason; the runner's listeners tell of connections.
  [/no connection \(error event\)/, "no connection"],
  // A resolver that has neither a server nor a socket.
  [/query[A-Z]+ UNKNOWN/, "no connection"],
  [/got nothing/, "nothing to get"],
];

/** Seen otherwise than by what an attempt was told: by scenarios, and by the end of things. */
const OTHER_LAYERS: readonly string[] = [
  "refused to start",
  "death signal",
  "supervision",
  "backoff",
  "checks at creation",
  "escaped",
  "time limit",
  "read in its own place",
  "given back",
  "checks of packages",
  "harmless",
];

/** All there are. */
export const LAYER_NAMES: ReadonlySet<string> = new Set([
  ...LAYERS.map(([, name]) => name),
  ...OTHER_LAYERS,
]);

/** The layer's name; undefined where the text tells of none: then nothing is proven. */
export function layerOf(text: string): string | undefined {
  return LAYERS.find(([pattern]) => pattern.test(text))?.[1];
}
