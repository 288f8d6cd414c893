/**
 * Entry of a launcher process: restricts itself and executes the guest in its own place, so that all
 * threads of the guest are restricted from their first instruction on. It has one argument, a
 * LaunchPlan, and the guest's descriptors.
 *
 * @module
 */
import { execute, type Program } from "../../sys/execute.ts";
import { openSystemCalls, type SystemCalls } from "../../sys/system_call.ts";
import { GUEST_DESCRIPTOR } from "../guest_configuration.ts";
import {
  CHANNEL_GUEST_STATE_OFFSET,
  CHANNEL_REPLY_LENGTH_OFFSET,
  CHANNEL_REPLY_OFFSET,
  STATE_FAILED,
} from "../layout.ts";
import { applyLayers, type LockdownPlan } from "./apply.ts";
import { checkLayers, LockdownError, type OptionalLayer } from "./layers.ts";

/** What a launcher is told, as JSON. */
export interface LaunchPlan {
  readonly lockdown: LockdownPlan;
  /** Layers that may be missing. */
  readonly accept_missing_layers: readonly OptionalLayer[];
  /** The guest; the report of the layers is added to its arguments. */
  readonly guest: Program;
  /** Greatest number of a descriptor that the guest inherits. */
  readonly last_fd: number;
}

/** Exit code EX_SOFTWARE of sysexits.h. */
const EX_SOFTWARE = 70;

/** The daemon shows no more of it. */
const REPLY_LENGTH_MAX = 4096;

/** Tells the daemon why there is no guest, by the channel: what has it mapped sees what is written. */
function reply({ call }: SystemCalls, text: string): void {
  const { CHANNEL, EVENT } = GUEST_DESCRIPTOR;
  const write = (bytes: Uint8Array<ArrayBuffer>, offset: number) =>
    call("pwrite64", CHANNEL, bytes, bytes.length, offset);
  const word = (value: number) => new Uint8Array(new Int32Array([value]).buffer);
  const bytes = new TextEncoder().encode(text.slice(0, REPLY_LENGTH_MAX));
  write(bytes, CHANNEL_REPLY_OFFSET);
  write(word(bytes.length), CHANNEL_REPLY_LENGTH_OFFSET);
  write(word(STATE_FAILED), CHANNEL_GUEST_STATE_OFFSET);
  call("write", EVENT, new Uint8Array(new BigUint64Array([1n]).buffer), 8);
}

/** Runs the stage. Returns only by exiting. */
export function launchStage(argument: string): never {
  const calls = openSystemCalls();
  try {
    const { lockdown, accept_missing_layers, guest, last_fd } = JSON.parse(argument) as LaunchPlan;
    const report = applyLayers(calls, lockdown);
    checkLayers(report, accept_missing_layers);
    execute(calls, { ...guest, arguments: [...guest.arguments, JSON.stringify(report)] }, last_fd);
  } catch (error) {
    const text = error instanceof LockdownError
      ? `${error.message}. ${error.advice}`
      : `Cannot lock down: ${error instanceof Error ? error.message : error}`;
    reply(calls, text);
    Deno.exit(EX_SOFTWARE);
  }
}

if (import.meta.main) launchStage(Deno.args[0]);
