/** lunette create: makes a LUN. */
import { Command, Option } from "commander";
import type { LunDescription } from "../daemon/api.ts";
import { OperatorError } from "../daemon/error.ts";
import { checkName, type FabricKind, fabricKinds, type Isolation } from "../daemon/lun_record.ts";
import type { UnitOptions } from "../daemon/ring_messages.ts";
import { parseSize } from "../daemon/size.ts";
import { unitOptionsProblem } from "../daemon/unit_options.ts";
import { resolve } from "node:path";
import { ACCEPTABLE, parseAccepted } from "./accepted.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { type LimitFlags, limitOptions, parseDuration, withLimits } from "./limits.ts";
import { green, printJson } from "./output.ts";
import { describeAccess } from "./access.ts";

interface CreateOptions extends ConnectOptions, LimitFlags {
  readonly handler: string;
  readonly size?: string;
  readonly set: Readonly<Record<string, string>>;
  readonly fabric?: FabricKind;
  readonly isolation?: Isolation;
  readonly deadline?: string;
  readonly blockSize?: string;
  readonly physicalBlockSize?: string;
  readonly readOnly?: boolean;
  readonly removable?: boolean;
  readonly copyGroup?: string;
  readonly acceptMissing?: string;
}

/** Collects `--set key=value`. */
export function collectSetting(
  text: string,
  settings: Readonly<Record<string, string>>,
): Record<string, string> {
  const at = text.indexOf("=");
  if (at <= 0) throw new OperatorError("usage", `"${text}" is not key=value`);
  const value = text.slice(at + 1);
  // The daemon lives in another directory: what is plainly a relative path becomes absolute.
  const path = /^\.\.?(\/|$)/.test(value) ? resolve(value) : value;
  return { ...settings, [text.slice(0, at)]: path };
}

/** A handler's id stays; what looks like a path becomes absolute, since the daemon lives elsewhere. */
export function handlerReference(text: string): string {
  return text.includes("/") || text === "." ? resolve(text) : text;
}

/** What the options say of the unit. */
function unitOptions(options: CreateOptions): UnitOptions {
  const { physicalBlockSize, readOnly, removable, copyGroup } = options;
  return {
    ...(physicalBlockSize === undefined
      ? {}
      : { physical_block_length_bytes: parseSize(physicalBlockSize) }),
    ...(readOnly === true ? { write_protected: true } : {}),
    ...(removable === true ? { removable: true } : {}),
    ...(copyGroup === undefined ? {} : { copy_group: checkGroup(copyGroup) }),
  };
}

function checkGroup(text: string): string {
  const problem = unitOptionsProblem({ copy_group: text });
  if (problem === undefined) return text;
  throw new OperatorError(
    "usage",
    `"${text}" cannot be the name of a copy group`,
    "Use up to 63 letters, digits, dots, underscores and dashes; begin with a letter or digit.",
  );
}

/** The verb `create`. */
export function createVerb(): Command {
  const command = new Command("create")
    .description("make a LUN")
    .argument("<name>", "name of the LUN")
    .requiredOption(
      "--handler <id|path>",
      "built-in handler, installed package, or the folder of one",
    )
    .option("--size <size>", "size, for example 512M or 10G")
    .option(
      "--set <key=value>",
      "setting of the handler, or path of a file it asks for",
      collectSetting,
      {},
    )
    .addOption(new Option("--fabric <fabric>", "how initiators reach it").choices(fabricKinds))
    .addOption(
      new Option("--isolation <isolation>", "where the handler runs").choices([
        "process",
        "thread",
      ]),
    )
    .option("--deadline <time>", "time the handler has for an operation (30s; 0: no limit)")
    .addOption(
      new Option("--block-size <bytes>", "logical blocks, where the handler lets them be chosen")
        .choices(["512", "4096"]),
    )
    .option(
      "--physical-block-size <bytes>",
      "what initiators align to: 4096 with blocks of 512 is 512e",
    )
    .option("--read-only", "write protected; `lunette protect --off` ends it")
    .option("--removable", "the medium can be ejected and inserted")
    .option("--copy-group <name>", "copies may go between the LUNs of one group (EXTENDED COPY)")
    .option(
      "--accept-missing <layers>",
      "layers of the sandbox, and limits that were asked for, that this machine may lack: " +
        ACCEPTABLE.join(","),
    );
  return withConnection(withLimits(command)).action(
    async (name: string, options: CreateOptions) => {
      const limits = limitOptions(options);
      const accepted = parseAccepted(options.acceptMissing);
      const lun = await connect(options).create({
        name: checkName(name),
        handler: handlerReference(options.handler),
        settings: options.set,
        ...(options.size === undefined ? {} : { size_bytes: parseSize(options.size) }),
        ...(options.fabric === undefined ? {} : { fabric: options.fabric }),
        ...(options.isolation === undefined ? {} : { isolation: options.isolation }),
        ...(options.deadline === undefined ? {} : { deadline_ms: parseDuration(options.deadline) }),
        ...(options.blockSize === undefined
          ? {}
          : { block_length_bytes: Number(options.blockSize) }),
        unit: unitOptions(options),
        ...(Object.keys(limits).length === 0 ? {} : { limits }),
        ...(accepted.layers.length === 0 ? {} : { accept_missing_layers: accepted.layers }),
        ...(accepted.limits.length === 0 ? {} : { accept_missing_limits: accepted.limits }),
      });
      if (options.json === true) return printJson(lun);
      printCreated(lun);
    },
  );
}

function printCreated(lun: LunDescription): void {
  console.log(`${green("created")} ${lun.name}`);
  for (const line of describeAccess(lun)) console.log(`  ${line}`);
}
