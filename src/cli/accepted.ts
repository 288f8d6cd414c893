/** What an operator does without: layers of the sandbox, and limits that this machine cannot keep. */
import { OperatorError } from "../daemon/error.ts";
import { isLimitLayer, LIMIT_LAYERS, type LimitLayer } from "../daemon/kept_limits.ts";
import {
  checkAccepted,
  LockdownError,
  OPTIONAL_LAYERS,
  type OptionalLayer,
} from "../sandbox/lockdown/layers.ts";

/** `--accept-missing`, by kind. */
export interface Accepted {
  readonly layers: readonly OptionalLayer[];
  readonly limits: readonly LimitLayer[];
}

/** All names that `--accept-missing` takes. */
export const ACCEPTABLE: readonly string[] = [...OPTIONAL_LAYERS, ...LIMIT_LAYERS];

/** Names separated by commas, if any. Throws an {@linkcode OperatorError}. */
export function parseAccepted(text: string | undefined): Accepted {
  if (text === undefined) return { layers: [], limits: [] };
  const names = text.split(",").map((name) => name.trim());
  try {
    return {
      layers: checkAccepted(names.filter((name) => !isLimitLayer(name))),
      limits: names.filter(isLimitLayer),
    };
  } catch (error) {
    if (!(error instanceof LockdownError)) throw error;
    const advice = `What may be missing: ${ACCEPTABLE.join(", ")}.`;
    throw new OperatorError("usage", error.message, advice, { cause: error });
  }
}
