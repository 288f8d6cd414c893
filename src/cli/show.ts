/** lunette show: everything about one LUN, and who answers its commands. */
import { Command } from "commander";
import type { CommandDescription, LunDescription } from "../daemon/api.ts";
import { checkName } from "../daemon/lun_record.ts";
import { formatSize } from "../daemon/size.ts";
import { timeoutProblem } from "../fabric/tcmu/attributes.ts";
import { describeAccess } from "./access.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { describeLimits } from "./limits.ts";
import { printable, printFields, printJson, printTable } from "./output.ts";

interface ShowOptions extends ConnectOptions {
  readonly commands?: boolean;
}

/** The verb `show`. */
export function showVerb(): Command {
  const command = new Command("show")
    .description("show everything about a LUN")
    .argument("<name>", "name of the LUN")
    .option("--commands", "list its commands, and who answers each one");
  return withConnection(command).action(async (name: string, options: ShowOptions) => {
    const client = connect(options);
    if (options.commands === true) {
      const commands = await client.commands(checkName(name));
      return options.json === true ? printJson(commands) : printCommands(commands);
    }
    const lun = await client.show(checkName(name));
    if (options.json === true) return printJson(lun);
    printFields(fieldsOf(lun));
  });
}

function fieldsOf(lun: LunDescription): [string, string][] {
  const where = lun.isolation === "process" ? `process ${lun.handler_pid ?? "-"}` : "ring thread";
  return [
    ["name", lun.name],
    ["state", lun.problem === undefined ? lun.state : `${lun.state}: ${lun.problem}`],
    ...(lun.advice === undefined ? [] : [["advice", lun.advice] as [string, string]]),
    ...(lun.next_attempt === undefined
      ? []
      : [["next attempt", describeAttempt(lun.next_attempt)] as [string, string]]),
    ["handler", lun.handler],
    ...describeVersion(lun),
    ...packageFields(lun),
    ["isolation", `${lun.isolation} (${where}), started again ${lun.restarts} times`],
    ["size", `${formatSize(lun.size_bytes)} (${lun.size_bytes} bytes)`],
    ["blocks", blocksOf(lun)],
    ["access mode", accessMode(lun)],
    ["medium", lun.removable ? `removable, ${lun.medium}` : `fixed, ${lun.medium}`],
    ["content", lun.volatile ? "volatile: gone when the daemon ends" : "kept"],
    ["copy group", lun.copy_group ?? "none: copies stay within this LUN"],
    ["serial", lun.serial],
    ...Object.entries(lun.identifiers).map(([kind, value]): [string, string] => [
      "identifier",
      `${kind} ${printable(value)}`,
    ]),
    ["deadline", lun.deadline_ms === 0 ? "none" : `${lun.deadline_ms / 1000} s`],
    ...describeLimits(lun),
    ["fabric", lun.fabric],
    ["reservations", lun.fabric === "embedded-iscsi" ? "embedded target core" : "LIO"],
    ...(lun.uio === undefined ? [] : [["ring", lun.uio] as [string, string]]),
    ...describeTimeouts(lun),
    ...describeAccess(lun).map((line): [string, string] => ["access", line]),
    ...lun.capabilities.map(({ name, kind, bound, revoked }): [string, string] => [
      "capability",
      printable(`${name} (${kind}): ${bound}${revoked ? ", taken back" : ""}`),
    ]),
    ...Object.entries(lun.settings).map(([key, value]): [string, string] => [
      "setting",
      `${key}=${value}`,
    ]),
  ];
}

/** Which package the handler is, and whose. */
function packageFields({ package: one }: LunDescription): [string, string][] {
  if (one === undefined) return [];
  return [
    ["package", `${one.id} ${one.version}`],
    ["digest", one.digest],
    ["publisher", `${one.publisher}, key ${one.fingerprint}`],
    ...(one.revoked === undefined ? [] : [["revoked", one.revoked] as [string, string]]),
  ];
}

/** Which version serves, which one did, and what became of the last upgrade. */
function describeVersion(lun: LunDescription): [string, string][] {
  const { version, previous, probation, taken_back } = lun;
  if (version === undefined) return [];
  const watched = probation === true
    ? ", watched: where its process ends, the one before serves"
    : "";
  return [
    ["version", `${version}${watched}`],
    ...(previous === undefined ? [] : [
      ["version before", `${previous.version} (${previous.handler})`] as [string, string],
    ]),
    ...(taken_back === undefined ? [] : [["last upgrade", taken_back] as [string, string]]),
  ];
}

/** In how many seconds, and what shortens them. */
function describeAttempt(next_attempt: string): string {
  const left_s = Math.max(0, Math.ceil((Date.parse(next_attempt) - Date.now()) / 1000));
  return `in ${left_s} s; "lunette restart" does not wait`;
}

/** How long the kernel waits, and what it means where that is short. */
function describeTimeouts({ kernel_timeouts, deadline_ms }: LunDescription): [string, string][] {
  if (kernel_timeouts === undefined) return [];
  const { command_timeout_s, queue_full_timeout_s } = kernel_timeouts;
  const command = command_timeout_s === 0 ? "for ever" : `${command_timeout_s} s`;
  const room = queue_full_timeout_s < 0 ? "as long" : `${queue_full_timeout_s} s`;
  const problem = timeoutProblem(kernel_timeouts, deadline_ms);
  return [
    ["kernel waits", `${command} for a command, ${room} for room in the ring`],
    ...(problem === undefined ? [] : [["kernel waits", problem] as [string, string]]),
  ];
}

function blocksOf({ block_length_bytes, physical_block_length_bytes }: LunDescription): string {
  const logical = `${block_length_bytes} bytes`;
  if (physical_block_length_bytes === block_length_bytes) return logical;
  return `${logical}, physical blocks of ${physical_block_length_bytes}`;
}

function accessMode({ writable, write_protected }: LunDescription): string {
  if (!writable) return "read-only: the handler cannot write";
  return write_protected ? "read-only: write protected" : "read-write";
}

/** Operation codes and the like as the standards write them. */
function hexadecimal(value: number | undefined): string {
  return value === undefined ? "" : `${value.toString(16).toUpperCase().padStart(2, "0")}h`;
}

function printCommands(commands: readonly CommandDescription[]): void {
  printTable(
    ["CODE", "ACTION", "NAME", "ANSWERED BY", "CLAUSE"],
    commands.map(({ code, service_action, name, answered_by, clause }) => [
      hexadecimal(code),
      hexadecimal(service_action),
      printable(name),
      answered_by,
      clause,
    ]),
  );
}
