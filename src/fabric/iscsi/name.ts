/**
 * iSCSI names (RFC 7143 4.2.7, RFC 3722): what may name a target, what an initiator may call itself,
 * and the SCSI names derived from them.
 *
 * @module
 */
import { NAME_LENGTH_MAX } from "./limits.ts";

// RFC 3722: after stringprep the ASCII characters left are these. Others (RFC 3722 also lets through
// what stringprep does of Unicode) are refused for our own targets, which need no more.
const IQN = /^iqn\.(\d{4})-(0[1-9]|1[0-2])\.[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[a-z0-9.:-]+)?$/;
const EUI = /^eui\.[0-9A-Fa-f]{16}$/;
const NAA = /^naa\.(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32})$/;

/** A target cannot be made or found under a name. */
export class NameError extends Error {
  override readonly name = "NameError";
}

/** Returns a target name that is well formed, or throws a {@linkcode NameError} that says what is. */
export function checkTargetName(name: string): string {
  const fits = name.length <= NAME_LENGTH_MAX &&
    (IQN.test(name) || EUI.test(name) || NAA.test(name));
  if (fits) return name;
  throw new NameError(
    `Cannot use ${JSON.stringify(name.slice(0, 240))} as an iSCSI name: write it as ` +
      `iqn.<year>-<month>.<reversed domain>:<name> in lower case letters, digits, ".", "-" and ":", ` +
      `up to ${NAME_LENGTH_MAX} characters, such as iqn.2026-01.org.example:disk1 (RFC 7143 4.2.7)`,
  );
}

/**
 * Whether an initiator may call itself so. Lenient, as initiators exist that break the rules for
 * iqn names: bounded, printable, without white space, and not case-folded here.
 */
export function isInitiatorName(name: string): boolean {
  return new TextEncoder().encode(name).length <= NAME_LENGTH_MAX && /^[^\s,\p{Cc}]+$/u.test(name);
}

/** The ISID as hexadecimal digits. */
export function formatIsid(isid: Uint8Array): string {
  return Array.from(isid.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** SCSI initiator port name (RFC 7143 3.1, SAM-6 4.8.4): `name,i,0x` and the ISID. */
export function initiatorPortName(name: string, isid: string): string {
  return `${name},i,0x${isid}`;
}
