/** What the sandbox needs of the daemon's broker, and what a guest is told of it. */

/** Kinds of capabilities that the daemon carries out. */
export type BrokeredKind = "http" | "tcp" | "state";

/** The line to the broker, in a guest's configuration. */
export interface BrokerGrant {
  /** Number of the descriptor in the guest. */
  readonly fd: number;
  /** Capabilities; their index is what requests name. */
  readonly capabilities: readonly BrokeredCapability[];
}

/** One capability that the daemon carries out. */
export interface BrokeredCapability {
  readonly name: string;
  readonly kind: BrokeredKind;
}

/** A broker, as the instance sees it: one line for each process, one after the other. */
export interface BrokerPort {
  readonly capabilities: readonly BrokeredCapability[];
  /**
   * Begins a line and returns the guest's end of it, which is the caller's to close. Nothing of a line
   * before is left: call `settle` first.
   */
  open(): number;
  /**
   * Ends what the process that has had the line began: when it resolves nothing of it lands any more.
   */
  settle(): Promise<void>;
}
