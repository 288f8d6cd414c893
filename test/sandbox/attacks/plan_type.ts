/** What the runner tells an attacker: where the secrets lie that it shall try to reach. */

/** When an attack is tried: as the module is evaluated, in `open`, or while a command is served. */
export type Phase = "import" | "open" | "io";

/** Written into the staged handler's folder as `plan.ts`. */
export interface Plan {
  /** `phase/variant` of attempts that ended a process before: they are left out. */
  readonly skip: readonly string[];
  /** Each variant is tried once in each of these groups: in the first phase in which it can be. */
  readonly phases: readonly (readonly Phase[])[];
  /** Leaves out what takes long. */
  readonly quick: boolean;
  /** The handler's own folder. */
  readonly folder: string;
  /** A file that the daemon's user may read. */
  readonly secret_path: string;
  /** What is in it: whoever has this text has read it. */
  readonly secret: string;
  /** Folder that everybody may write to: whatever is found there was written. */
  readonly drop_folder: string;
  /** A module outside of the handler's folder. */
  readonly outside_module: string;
  /** Listeners of the runner on 127.0.0.1: whoever connects has got out. */
  readonly tcp_port: number;
  readonly udp_port: number;
  readonly unix_path: string;
  /** An HTTP server of the runner on 127.0.0.1 that a handler may be allowed to reach. */
  readonly ally_port: number;
  readonly daemon_pid: number;
  /** The process of another unit's handler. */
  readonly victim_pid: number;
  readonly runner_pid: number;
  /** DENO_DIR of the daemon. */
  readonly cache_folder: string;
  /** Hexadecimal: 16 bytes that stand in every block of another unit. */
  readonly marker: string;
  /** Folder of the guest's own modules. */
  readonly guest_folder: string;
  /** Offsets in the channel, in 32-bit words, and numbers of its protocol. */
  readonly channel: ChannelPlan;
}

/** The channel's layout, so that an attacker need not import it. */
export interface ChannelPlan {
  readonly length: number;
  readonly submit_tail: number;
  readonly guest_waiting: number;
  readonly complete_tail: number;
  readonly daemon_waiting: number;
  readonly guest_state: number;
  readonly reply_length: number;
  readonly closing: number;
  readonly epoch: number;
  readonly submission: number;
  readonly submission_words: number;
  readonly completion: number;
  readonly completion_words: number;
  readonly queue_length: number;
  /** Words inside a submission. */
  readonly request: { readonly SEQUENCE: number; readonly WHAT: number };
  /** Words inside a completion. */
  readonly completion_word: {
    readonly REQUEST: number;
    readonly SEQUENCE: number;
    readonly EPOCH: number;
    readonly RESULT: number;
  };
}
