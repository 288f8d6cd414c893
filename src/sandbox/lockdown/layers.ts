/**
 * The layers between a handler and the machine: which there are, what came of them for one process,
 * and what may be missing.
 *
 * @module
 */

/** Without these no handler is started. */
export const REQUIRED_LAYERS = ["process", "descriptors", "no-new-privileges", "seccomp"] as const;
/** What a machine, or a daemon that is not root, may be unable to give. */
export const OPTIONAL_LAYERS = ["capabilities", "landlock", "namespaces", "uid"] as const;
/** Name of a layer. */
export type Layer = typeof REQUIRED_LAYERS[number] | typeof OPTIONAL_LAYERS[number];
/** Name of a layer that may be missing with the operator's consent. */
export type OptionalLayer = typeof OPTIONAL_LAYERS[number];

/** All layers, from the outside in. */
export const LAYERS: readonly Layer[] = [...REQUIRED_LAYERS, ...OPTIONAL_LAYERS];

/** What came of one layer. */
export interface LayerState {
  readonly layer: Layer;
  readonly applied: boolean;
  /** How much of it, or why it is missing. */
  readonly detail: string;
}

/** What each layer stops; for messages and `lunette show`. */
export const LAYER_PURPOSE: Readonly<Record<Layer, string>> = {
  "process": "a crash or a hang of one handler reaching others",
  "descriptors": "reach into what the daemon has open",
  "no-new-privileges": "gaining privileges by executing a program",
  "seccomp": "system calls other than the few that a handler needs",
  "capabilities": "what only root may do",
  "landlock": "opening files, TCP, signals to other processes",
  "namespaces": "seeing the machine's files, network and processes",
  "uid": "reach into what the daemon's user owns, and into other handlers",
};

/** What gives a layer that is missing. */
export const LAYER_ADVICE: Readonly<Record<Layer, string>> = {
  "process": "Look whether the daemon runs, and at the limits of its service.",
  "descriptors": "Raise the daemon's limit of descriptors (LimitNOFILE=); use Linux 5.11 or later.",
  "no-new-privileges": "Let the daemon call prctl: a filter of system calls lies around it.",
  "seccomp": "Use a kernel with seccomp filters, and let the daemon install them.",
  capabilities: "Start the daemon as root, or as a user without capabilities.",
  landlock: "Use a kernel from 5.13 on that has Landlock among its modules (lsm=landlock,...).",
  namespaces: "Start the daemon as root with CAP_SYS_ADMIN.",
  uid: "Start the daemon as root.",
};

/** A process that is not locked down as it must be; `advice` says what to do. */
export class LockdownError extends Error {
  override readonly name = "LockdownError";
  readonly advice: string;
  constructor(message: string, advice: string) {
    super(message);
    this.advice = advice;
  }
}

/** Whether a text names a layer that an operator may do without. */
export function isOptionalLayer(name: unknown): name is OptionalLayer {
  return (OPTIONAL_LAYERS as readonly unknown[]).includes(name);
}

/**
 * Checks names that an operator gave. Throws LockdownError for what is no layer, and for those that
 * nobody may do without.
 */
export function checkAccepted(names: readonly string[]): OptionalLayer[] {
  return names.map((name) => {
    if (isOptionalLayer(name)) return name;
    const known = (LAYERS as readonly string[]).includes(name);
    throw new LockdownError(
      known ? `No handler runs without the layer ${name}` : `There is no layer "${name}"`,
      `Layers that may be missing: ${OPTIONAL_LAYERS.join(", ")}.`,
    );
  });
}

/** The layers of a report that are missing. */
export function missingLayers(report: readonly LayerState[]): LayerState[] {
  return report.filter(({ applied }) => !applied);
}

/**
 * Throws LockdownError where a layer is missing that is required, or that the operator did not
 * consent to do without.
 */
export function checkLayers(
  report: readonly LayerState[],
  accepted: readonly OptionalLayer[],
): void {
  const refused = LAYERS.flatMap((layer) => {
    const state = report.find((entry) => entry.layer === layer);
    if (state?.applied === true) return [];
    if (isOptionalLayer(layer) && accepted.includes(layer)) return [];
    return [{ layer, detail: state?.detail ?? "it was not reported" }];
  });
  if (refused.length === 0) return;
  const what = refused.map(({ layer, detail }) => `${layer} (${detail})`).join(", ");
  const optional = refused.map(({ layer }) => layer).filter(isOptionalLayer);
  const advice = refused.map(({ layer }) => LAYER_ADVICE[layer]);
  if (optional.length === refused.length) {
    advice.push(
      `Or, if you trust the handler as much, consent: --accept-missing ${optional.join(",")}`,
    );
  } else advice.push("Or run the handler in a virtual machine: nothing can hold it here.");
  throw new LockdownError(`The sandbox is not complete: ${what}`, advice.join(" "));
}

function isLayerState(value: unknown): value is LayerState {
  if (typeof value !== "object" || value === null) return false;
  const { layer, applied, detail } = value as Record<string, unknown>;
  return typeof layer === "string" && (LAYERS as readonly string[]).includes(layer) &&
    typeof applied === "boolean" && typeof detail === "string";
}

const DETAIL_LENGTH_MAX = 200;

/** A report as it came from a guest: checked and cut. Throws TypeError. */
export function parseReport(value: unknown): LayerState[] {
  if (!Array.isArray(value) || value.length > LAYERS.length || !value.every(isLayerState)) {
    throw new TypeError("Cannot read the report of the sandbox's layers");
  }
  return value.map(({ layer, applied, detail }) => ({
    layer,
    applied,
    detail: detail.slice(0, DETAIL_LENGTH_MAX),
  }));
}
