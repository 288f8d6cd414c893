/**
 * The families of attacks, in the order in which they run.
 *
 * @module
 */
import type { Arena, Family } from "./family.ts";
import { crashLoop } from "./scenarios/crash_loop.ts";
import { daemonKilled } from "./scenarios/daemon_killed.ts";
import { failingLockdown } from "./scenarios/failing_lockdown.ts";
import { lookAtDescriptors, lookAtThreads } from "./scenarios/looks.ts";
import { hostileFolder } from "./scenarios/hostile_folder.ts";
import { hostileOpen } from "./scenarios/hostile_open.ts";
import { leftovers } from "./scenarios/leftovers.ts";
import { badPackages, rolledBack, takenForOthers, wantsMore } from "./scenarios/packages.ts";
import { leaveResidue } from "./scenarios/residue.ts";

/** Floods give up at 1.5 GiB each; the machine keeps as much again. */
const FLOOD_BYTES = 4 * 2 ** 30;

/** A Worker reserves some 0.6 GiB that it does not use, and the limit counts it. */
const ROOM_FOR_WORKERS = { limits: { memory_bytes: 4 * 2 ** 30 } };

/** The one server, and the one address, that a handler may reach. */
function allowAlly({ ally }: Arena): Record<string, string> {
  return { web: `http://127.0.0.1:${ally.port}`, peer: `127.0.0.1:${ally.port}` };
}

/** One attacker in a folder of the family's name. */
function plain(
  number: number,
  title: string,
  attacker: string,
  more: Partial<Family> = {},
): Family {
  return { number, title, attackers: [attacker], ...more };
}

/** See the module. */
export const families: readonly Family[] = [
  plain(1, "native code", "01-native-code"),
  plain(2, "files", "02-files"),
  plain(3, "network", "03-network"),
  plain(4, "imports", "04-imports"),
  plain(5, "nested Workers", "05-workers", { request: ROOM_FOR_WORKERS }),
  plain(6, "processes, signals", "06-processes"),
  plain(7, "permission prompts", "07-prompts"),
  plain(8, "platform", "08-platform"),
  plain(9, "crashes", "09-crash"),
  plain(10, "endless loops", "10-loops", { request: ROOM_FOR_WORKERS }),
  plain(11, "ignoring the end", "11-signals"),
  plain(12, "memory floods", "12-memory", {
    memory_bytes: FLOOD_BYTES,
    request: { deadline_ms: 12_000 },
  }),
  plain(13, "Worker bombs", "13-worker-bomb", {
    memory_bytes: FLOOD_BYTES,
    request: { deadline_ms: 12_000 },
  }),
  plain(14, "floods of output", "14-floods", { request: { deadline_ms: 5_000 } }),
  plain(15, "prototypes, symbols", "15-primordials", { thorough: true }),
  plain(16, "stolen FFI", "16-stolen-ffi", { leak: true, request: { deadline_ms: 5_000 } }),
  plain(17, "truncated memfds", "17-truncate", { leak: true, spoils: true }),
  plain(18, "channel corruption", "18-channel", { spoils: true }),
  plain(19, "changes after checks", "19-late-changes", { spoils: true }),
  plain(20, "overflows", "20-overflow", { spoils: true }),
  plain(21, "residue", "21-residue", { run: leaveResidue, request: { deadline_ms: 8_000 } }),
  plain(22, "late or no answers", "22-late"),
  plain(23, "crashes in writes", "23-crash-in-write", { run: crashLoop }),
  { number: 24, title: "daemon killed", alone: daemonKilled },
  plain(25, "descriptors", "25-descriptors", { leak: true, look: lookAtDescriptors }),
  plain(26, "code caches", "26-code-cache"),
  plain(27, "every thread", "27-threads", {
    leak: true,
    look: lookAtThreads,
    thorough: true,
    request: ROOM_FOR_WORKERS,
  }),
  { number: 28, title: "signatures", run: badPackages },
  { number: 29, title: "rollback, freeze", run: rolledBack },
  { number: 30, title: "added permissions", run: wantsMore },
  { number: 31, title: "lookalike names", run: takenForOthers },
  { number: 32, title: "failing lockdown", alone: failingLockdown },
  plain(33, "broker", "33-broker", { settings: allowAlly, request: { deadline_ms: 8_000 } }),
  plain(34, "broker's frames", "34-frames", {
    leak: true,
    settings: ({ ally }) => ({ web: `http://127.0.0.1:${ally.port}` }),
  }),
  { number: 35, title: "lies at open", run: hostileOpen },
  { number: 36, title: "hostile folders", run: hostileFolder },
  plain(37, "neighbours", "37-neighbours", { leak: true }),
  { number: 38, title: "leftovers", run: leftovers },
  plain(39, "log", "39-log"),
];
