/** lunette limit: changes the limits of a LUN's handler while it is served. */
import { Command } from "commander";
import type { LimitRequest } from "../daemon/api.ts";
import { OperatorError } from "../daemon/error.ts";
import { LIMIT_LAYERS } from "../daemon/kept_limits.ts";
import { checkName } from "../daemon/lun_record.ts";
import type { ResourceLimits } from "../sandbox/limits/limits.ts";
import { type ChangeOptions, printChanged } from "./changed.ts";
import { connect, withConnection } from "./connect.ts";
import { LIMIT_NAMES, type LimitFlags, limitOptions, parseDuration, withLimits } from "./limits.ts";
import { parseAccepted } from "./accepted.ts";

interface Options extends ChangeOptions, LimitFlags {
  readonly deadline?: string;
  readonly acceptMissing?: string;
}

/** What gives a limit its default back. */
const DEFAULT = "default";

/** What the options say, those with "default" apart. */
function requestOf(options: Options): LimitRequest {
  const names = Object.keys(LIMIT_NAMES) as (keyof LimitFlags)[];
  const given = names.filter((name) => options[name] !== undefined && options[name] !== DEFAULT);
  const limits = limitOptions(Object.fromEntries(given.map((name) => [name, options[name]])));
  const reset: (keyof ResourceLimits)[] = names.filter((name) => options[name] === DEFAULT)
    .map((name) => LIMIT_NAMES[name]);
  const { deadline, acceptMissing } = options;
  const missing = parseAccepted(acceptMissing).limits;
  const nothing = given.length + reset.length === 0 && deadline === undefined;
  if (nothing) {
    throw new OperatorError("usage", "No limit was given", 'See "lunette limit --help".');
  }
  return {
    limits,
    reset,
    ...(deadline === undefined ? {} : { deadline_ms: parseDuration(deadline) }),
    ...(missing.length === 0 ? {} : { accept_missing_limits: missing }),
  };
}

/** The verb `limit`. */
export function limitVerb(): Command {
  const command = new Command("limit")
    .description("change the limits of a LUN's handler while it is in use")
    .argument("<name>", "name of the LUN")
    .option("--deadline <time>", "time the handler has for an operation (30s; 0: no limit)")
    .option(
      "--accept-missing <limits>",
      `limits that nothing need keep on this machine: ${LIMIT_LAYERS.join(",")}`,
    );
  return withConnection(withLimits(command))
    .addHelpText(
      "after",
      `\nWhat is not named stays as it is; "${DEFAULT}" gives a limit its default back. A process that can\n` +
        "go on has its new limits at once. Where it cannot (less memory than before, or more where the\n" +
        "daemon lacks CAP_SYS_RESOURCE), it finishes what it has and is started again; commands wait\n" +
        "meanwhile, and none is lost.",
    )
    .action(async (name: string, options: Options) => {
      const changed = await connect(options).limit(checkName(name), requestOf(options));
      printChanged("limited", options, changed);
    });
}
