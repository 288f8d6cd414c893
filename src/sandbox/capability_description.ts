/** A capability of a handler, as an operator sees it. */
export interface CapabilityDescription {
  readonly name: string;
  /** memory, file, http, ... */
  readonly kind: string;
  /** What it is for, in the manifest's words. */
  readonly description: string;
  /** What it was bound to, or how large it may be. */
  readonly bound: string;
  /** The operator has taken it back. */
  readonly revoked: boolean;
}
