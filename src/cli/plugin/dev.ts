/** lunette plugin dev: serves a handler while it is worked on. */
import { Command } from "commander";
import type { Log } from "../../daemon/log.ts";
import { operatorError } from "../../daemon/error.ts";
import { parseSize } from "../../daemon/size.ts";
import { escapeLine } from "../../sandbox/escape.ts";
import { describeAccess } from "../access.ts";
import { collectSetting } from "../create.ts";
import { bold, dim, green, printable, red } from "../output.ts";
import { parsePortal, untilSignal } from "../serve.ts";
import { DEV_LUN, DevServer, type Reloaded } from "./dev_server.ts";
import { FolderWatch } from "./folder_watch.ts";
import { NoDeno, TypeChecker } from "./type_check.ts";

interface DevOptions {
  readonly size?: string;
  readonly listen: string;
  readonly set: Readonly<Record<string, string>>;
  readonly check: boolean;
}

/** The verb `plugin dev`. */
export function devVerb(): Command {
  return new Command("dev")
    .description("serve a handler in the sandbox, and load it again whenever a file changes")
    .argument("<folder>", "folder of the handler")
    .option("--listen <address:port>", "where to listen", "127.0.0.1:3260")
    .option("--size <size>", "size of the LUN (default: 256M where the handler takes one)")
    .option("--set <key=value>", "setting of the handler", collectSetting, {})
    .option("--no-check", "do not check types")
    .action(dev);
}

function say(text: string): void {
  console.log(`${dim(new Date().toTimeString().slice(0, 8))} ${text}`);
}

/** The handler's own lines, and what goes wrong around it. */
const log: Log = (level, subject, message) => {
  if (subject !== DEV_LUN && (level === "debug" || level === "info")) return;
  const text = escapeLine(message.replaceAll("\n", "\\n"));
  say(`${level === "error" ? red(level) : dim(level)} ${text}`);
};

function sayError(what: string, error: unknown): void {
  const { message, advice } = operatorError(error);
  say(red(what));
  for (const line of `${message}\n${advice}`.trimEnd().split("\n")) {
    console.log(`  ${printable(line)}`);
  }
}

const OUTCOMES: Readonly<Record<Reloaded, string>> = {
  same: "",
  replaced: "loaded again: the LUN, its content and its sessions stayed",
  "made anew": "loaded again: what it asks for has changed, so the LUN was made anew",
};

/** It is said once. */
let said_no_deno = false;

/** Checks the types of what is served, and of its tests. */
async function checkTypes(checker: TypeChecker): Promise<void> {
  try {
    const wrong = await checker.check(["."]);
    if (wrong === undefined || wrong === "") return;
    say(red("types do not check; it is served all the same"));
    for (const line of wrong.split("\n")) console.log(`  ${escapeLine(line)}`);
  } catch (error) {
    if (!(error instanceof NoDeno)) throw error;
    if (!said_no_deno) say(dim("types are not checked: there is no deno on the PATH"));
    said_no_deno = true;
  }
}

function report(server: DevServer, folder: string, listen: string): void {
  const { lun, served: { manifest } } = server;
  console.log(`${bold(printable(manifest.id))} ${printable(manifest.version)} is served\n`);
  const { port } = parsePortal(listen);
  if (server.fellBack && port !== 0) console.log(dim(`port ${port} is taken, so another is used`));
  console.log("Attach it:");
  for (const line of describeAccess(lun)) console.log(`  ${line}`);
  console.log(dim(`\nWatches ${printable(folder)}. Ctrl-C ends it.\n`));
}

async function dev(folder: string, options: DevOptions): Promise<void> {
  const server = await DevServer.start({
    folder,
    listen: parsePortal(options.listen),
    ...(options.size === undefined ? {} : { size_bytes: parseSize(options.size) }),
    settings: options.set,
    log,
  });
  const checker = new TypeChecker(folder);
  const check = () => options.check ? void checkTypes(checker) : undefined;
  const watch = new FolderWatch(folder, async () => {
    check();
    try {
      const outcome = await server.reload();
      if (outcome !== "same") say(green(OUTCOMES[outcome]));
    } catch (error) {
      sayError("not loaded: what was served before goes on", error);
    }
  });
  try {
    report(server, folder, options.listen);
    check();
    await untilSignal();
  } finally {
    watch.close();
    checker.stop();
    await server.close();
  }
}
