/** Names of LUNs and what is derived from them: device strings, WWNs and iSCSI names. */
import { createHash } from "node:crypto";
import { FabricError } from "./error.ts";

/** First part of the configuration string of our devices: what tells them from other handlers'. */
export const SUBTYPE = "lunette";

/** Bytes in the longest name of a LUN. */
export const NAME_LENGTH_MAX = 64;

/** Naming authority of our iSCSI targets (RFC 7143 4.2.7.5). */
export const IQN_PREFIX = "iqn.2025-01.io.lunette";

/** Bytes in the longest iSCSI name (RFC 7143 4.2.7.1). */
const ISCSI_NAME_LENGTH_MAX = 223;

/** Returns the name if a LUN may be called so, else throws a {@linkcode FabricError}. */
export function checkLunName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name) && name.length <= NAME_LENGTH_MAX) return name;
  throw new FabricError(
    "invalid",
    `Cannot use ${JSON.stringify(name.slice(0, 80))} as the name of a LUN: ` +
      `1 to ${NAME_LENGTH_MAX} letters, digits, "-", "_" and ".", the first a letter or digit`,
  );
}

/** What a UIO device's name says (target_core_user.c: tcmu_update_uio_info). */
export interface DeviceName {
  /** Number of the HBA directory `core/user_<N>`. */
  readonly hba: number;
  /** Name of the backstore. */
  readonly name: string;
  /** Handler that the device is meant for; "" where there is none. */
  readonly subtype: string;
  /** What follows the subtype. */
  readonly config: string;
}

/** Takes `tcm-user/<N>/<NAME>/<subtype>/<config>` apart; undefined for other UIO devices. */
export function parseDeviceName(text: string): DeviceName | undefined {
  const match = /^tcm-user\/(\d{1,10})\/([^/]+)(?:\/(.*))?$/s.exec(text);
  if (match === null) return undefined;
  const [, hba, name, rest = ""] = match;
  return { hba: Number(hba), name, ...splitConfig(rest) };
}

/** Takes `<subtype>/<config>` apart. */
export function splitConfig(text: string): { subtype: string; config: string } {
  const slash = text.indexOf("/");
  if (slash < 0) return { subtype: text, config: "" };
  return { subtype: text.slice(0, slash), config: text.slice(slash + 1) };
}

function digest(text: string): string {
  return createHash("sha256").update(`lunette\0${text}`).digest("hex");
}

/** The unit serial number of a LUN that was given none: 32 hexadecimal digits, always the same. */
export function defaultSerial(name: string): string {
  return digest(`serial\0${name}`).slice(0, 32);
}

/**
 * World wide name of a LUN's loopback target port or of its nexus: NAA 3h, locally assigned
 * (SPC-6 7.7.6.6.4), the rest from a digest, so that it is the same after each start.
 */
export function deriveNaa(name: string, role: "target" | "initiator"): string {
  return `naa.3${digest(`${role}\0${name}`).slice(0, 15)}`;
}

/**
 * iSCSI name of a LUN's target. Capital letters and "_" have no place in one (RFC 3722); a name
 * that holds them is spelled otherwise and told apart by a digest.
 */
export function deriveIqn(name: string): string {
  const spelled = name.toLowerCase().replaceAll("_", "-");
  const suffix = spelled === name ? "" : `.${digest(`iqn\0${name}`).slice(0, 8)}`;
  return `${IQN_PREFIX}:${spelled}${suffix}`;
}

/** Returns the iSCSI name if it is one (iqn., eui. or naa. form), else throws. */
export function checkIscsiName(name: string): string {
  const iqn = /^iqn\.\d{4}-(0[1-9]|1[0-2])\.[a-z0-9.-]+(:[a-z0-9.:-]+)?$/;
  const other = /^(eui\.[0-9A-Fa-f]{16}|naa\.([0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}))$/;
  const fits = name.length <= ISCSI_NAME_LENGTH_MAX;
  if (fits && (iqn.test(name) || other.test(name))) return name;
  throw new FabricError(
    "invalid",
    `Cannot use ${JSON.stringify(name.slice(0, 240))} as an iSCSI name: it must look like ` +
      `${IQN_PREFIX}:name (small letters, digits, "-", "." and ":")`,
  );
}
