/**
 * What a family of attacks is, and what its run gets and gives.
 *
 * @module
 */
import type { CreateRequest } from "../../src/daemon/api.ts";
import type { Ally } from "./ally.ts";
import type { Canary } from "./canary.ts";
import type { Daemon } from "./daemon.ts";
import type { Attempt } from "./judge.ts";
import type { Bait, Stage } from "./stage.ts";
import type { Times } from "./times.ts";
import type { User } from "./user.ts";
import type { Victim } from "./victim.ts";
import type { LoadReport } from "./victim_load.ts";

/** What a run of a family has at hand. */
export interface Arena {
  readonly stage: Stage;
  readonly user: User;
  readonly cache: string;
  readonly canary: Canary;
  readonly ally: Ally;
  readonly quick: boolean;
  /** For this family and user alone. */
  readonly folder: string;
  readonly bait: Bait;
  readonly times: Times;
}

/** With a daemon that runs and a victim under load. */
export interface Scene extends Arena {
  readonly daemon: Daemon;
  readonly victim: Victim;
}

/** What a family's own look at things found. */
export interface Findings {
  readonly attempts: readonly Attempt[];
  /** What must not be, besides attempts that were not contained. */
  readonly problems: readonly string[];
}

/** A family of attacks. */
export interface Family {
  readonly number: number;
  readonly title: string;
  /** Folders in attacks/, each tried on a unit of its own. */
  readonly attackers?: readonly string[];
  /** Needs the guest that leaks. */
  readonly leak?: boolean;
  /** Tried in all phases and as every user, also with --quick. */
  readonly thorough?: boolean;
  /** It spoils the data of its own unit: that they come back wrong proves nothing. */
  readonly spoils?: boolean;
  readonly request?: Partial<CreateRequest>;
  /** `--set` of its units, where only the run knows what. */
  readonly settings?: (arena: Arena) => Readonly<Record<string, string>>;
  /** What must be free for a run without danger. */
  readonly memory_bytes?: number;
  /** Looks from outside, while the attacker's process with this id is served. */
  readonly look?: (scene: Scene, pid: number) => string[] | Promise<string[]>;
  /** Instead of attackers. */
  readonly run?: (scene: Scene) => Promise<Findings>;
  /** Instead of all else: it starts daemons itself. */
  readonly alone?: (arena: Arena) => Promise<Findings>;
}

export type Outcome = "passed" | "failed" | "skipped";

/** How a family went for one user. */
export interface FamilyResult {
  readonly number: number;
  readonly title: string;
  readonly user: string;
  readonly outcome: Outcome;
  /** Why it was skipped. */
  readonly reason?: string;
  readonly attempts: readonly Attempt[];
  readonly problems: readonly string[];
  readonly elapsed_ms: number;
  /** Where the time went, in milliseconds. */
  readonly times_ms?: Readonly<Record<string, number>>;
  /** The victim's times, before the attack and during it. */
  readonly usual?: LoadReport;
  readonly during?: LoadReport;
}
