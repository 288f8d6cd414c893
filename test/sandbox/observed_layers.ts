/**
 * Which layers have been seen to stop the attempts of each family, the most frequent first, as root
 * and as an ordinary user: for SECURITY.md. A run says where it has seen another one.
 *
 * @module
 */

/** By number of the family; names are those of layers.ts. */
export const observedLayers: Readonly<Record<number, readonly string[]>> = {
  1: ["Deno permission", "not there", "import map"],
  2: ["Deno permission", "nothing to get"],
  3: ["Deno permission", "not there", "no connection", "seccomp errno", "own process"],
  4: ["Deno permission", "import map", "no npm, no remote", "no native code", "nothing to get"],
  5: ["own process", "Deno permission", "seccomp kill", "not there", "import map"],
  6: ["Deno permission", "not there"],
  7: ["Deno permission", "nothing to get", "no terminal"],
  8: [
    "Deno permission",
    "not there",
    "nothing to get",
    "seccomp kill",
    "seccomp errno",
    "the runtime",
  ],
  9: ["own process", "seccomp kill", "copied, then checked", "not there"],
  10: ["deadline", "copied, then checked"],
  11: ["nothing to get", "the runtime"],
  12: ["memory limit", "own process", "seccomp kill", "deadline"],
  13: ["own process"],
  14: ["nothing to get", "not there"],
  15: ["nothing to get", "seccomp kill", "Deno permission", "not there", "import map"],
  16: ["seccomp kill", "seccomp errno", "Landlock"],
  17: ["nothing to get", "seccomp errno"],
  18: ["copied, then checked", "protocol check", "own process"],
  19: ["copied, then checked", "protocol check"],
  20: ["bounds check", "copied, then checked", "protocol check", "own process"],
  21: ["nothing to get"],
  22: ["nothing to get", "deadline"],
  23: ["seccomp kill", "supervision", "backoff"],
  24: ["death signal"],
  25: ["seccomp errno", "nothing to get", "not there", "Deno permission", "no terminal"],
  26: ["Deno permission", "seccomp kill", "not there", "nothing to get"],
  27: ["Deno permission", "nothing to get", "Landlock"],
  28: ["checks of packages"],
  29: ["checks of packages", "harmless"],
  30: ["checks of packages"],
  31: ["checks of packages"],
  32: ["refused to start"],
  33: ["broker", "not granted", "nothing to get", "no answer"],
  34: ["broker's protocol", "copied, then checked", "deadline", "nothing to get"],
  35: ["checks at creation", "escaped", "time limit", "harmless", "supervision"],
  36: ["checks at creation", "harmless", "read in its own place", "escaped"],
  37: ["seccomp kill", "seccomp errno", "nothing to get"],
  38: ["given back"],
  39: ["nothing to get", "deadline"],
};
