import type { Command } from "commander";
import { ControlClient } from "../daemon/client.ts";
import { defaultPaths } from "../daemon/paths.ts";

/** Options that every verb has that talks to the daemon. */
export interface ConnectOptions {
  readonly socket?: string;
  readonly json?: boolean;
}

/** Adds `--socket` and `--json`. */
export function withConnection(command: Command): Command {
  return command
    .option("--socket <path>", "control socket of the daemon")
    .option("--json", "print JSON");
}

/** A client of the daemon that the options name. */
export function connect(options: ConnectOptions): ControlClient {
  return new ControlClient(options.socket ?? defaultPaths(Deno.env).socket);
}
