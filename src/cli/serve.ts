/** lunette serve: the daemon. */
import { Command } from "commander";
import type { CreateRequest } from "../daemon/api.ts";
import { type Configuration, readConfiguration } from "../daemon/configuration.ts";
import { serveControl } from "../daemon/control.ts";
import { Daemon } from "../daemon/daemon.ts";
import { OperatorError, operatorError } from "../daemon/error.ts";
import { becomeIoFlusher } from "../daemon/io_flusher.ts";
import { makeLog } from "../daemon/log.ts";
import { defaultPaths } from "../daemon/paths.ts";
import { parseCreateRequest } from "../daemon/requests.ts";
import { VERSION } from "../version.ts";

interface ServeOptions {
  readonly config?: string;
  readonly listen?: string;
  readonly netlinkReplies?: boolean;
  readonly verbose?: boolean;
}

/** "address:port", with "[...]" around an IPv6 address. */
export function parsePortal(text: string): { address: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65535) {
    throw new OperatorError(
      "usage",
      `"${text}" is not address:port`,
      'For example "127.0.0.1:3260".',
    );
  }
  return { address: match[1] ?? match[2], port };
}

/** The verb `serve`. */
export function serveVerb(): Command {
  return new Command("serve")
    .description("run the daemon in the foreground")
    .option("-c, --config <file>", "configuration file (JSON): LUNs to make, where to listen")
    .option(
      "--listen <address:port>",
      "where the embedded iSCSI target listens (default 127.0.0.1:3260)",
    )
    .option(
      "--netlink-replies",
      "the kernel waits for this daemon: only where it is the only TCMU daemon",
    )
    .option("-v, --verbose", "log what handlers say at level debug")
    .action(serve);
}

async function serve(options: ServeOptions): Promise<void> {
  const configuration: Configuration = options.config === undefined
    ? { luns: [] }
    : await readConfiguration(options.config);
  becomeIoFlusher();
  const log = makeLog(options.verbose === true ? "debug" : "info");
  const paths = defaultPaths(Deno.env);
  const listen = options.listen ?? configuration.listen;
  warnIfOpen(listen, configuration, log);
  const daemon = await Daemon.start({
    paths,
    log,
    netlinkReplies: options.netlinkReplies ?? configuration.netlinkReplies ?? false,
    plugin_revocation: configuration.plugin_revocation,
    embedded: {
      // Who names a port wants that port.
      ...(listen === undefined ? {} : { ...parsePortal(listen), fallback: false }),
      ...(configuration.chap === undefined ? {} : { chap: configuration.chap }),
    },
  });
  const control = await serveControl(daemon, paths.socket);
  // A handler that never opens keeps neither other LUNs nor the end of the daemon waiting.
  const ended = Promise.race([untilSignal(), daemon.broken]);
  const begun = begin(daemon, configuration.luns, paths.socket, log).then(() => ended);
  const broken = await Promise.race([ended, begun]);
  if (broken !== undefined) {
    throw new OperatorError("failed", broken, "Start the daemon again: it takes up its LUNs.");
  }
  log("info", "", "stops: commands in flight end first");
  await control.close();
  await daemon.stop();
}

/** Says so where everybody on the network could use the LUNs. */
function warnIfOpen(
  listen: string | undefined,
  configuration: Configuration,
  log: ReturnType<typeof makeLog>,
): void {
  if (listen === undefined || configuration.chap !== undefined) return;
  const { address } = parsePortal(listen);
  if (/^127\.|^::1$|^localhost$/.test(address)) return;
  log("warn", "", `${listen} is open to everybody who reaches it: set "chap" in the configuration`);
}

/** Serves what is recorded and what is configured, and says so. */
async function begin(
  daemon: Daemon,
  wanted: readonly unknown[],
  socket: string,
  log: ReturnType<typeof makeLog>,
): Promise<void> {
  await daemon.restore();
  await makeMissing(daemon, wanted, log);
  const status = daemon.status();
  log("info", "", `lunette ${VERSION} serves ${status.luns} LUNs; control socket ${socket}`);
  if (status.iscsi !== undefined) log("info", "", `embedded iSCSI target at ${status.iscsi}`);
}

/** Makes the LUNs of the configuration that are not there. */
async function makeMissing(
  daemon: Daemon,
  wanted: readonly unknown[],
  log: ReturnType<typeof makeLog>,
): Promise<void> {
  const present = new Set(daemon.list().map((lun) => lun.name));
  for (const item of wanted) {
    const request: CreateRequest = parseCreateRequest(item);
    if (present.has(request.name)) continue;
    try {
      await daemon.create(request);
      log("info", request.name, "was made, as the configuration wants it");
    } catch (error) {
      const { message, advice } = operatorError(error);
      log("error", request.name, `cannot be made: ${message} ${advice}`.trimEnd());
    }
  }
}

/** Waits for SIGTERM or SIGINT. */
export function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      Deno.removeSignalListener("SIGTERM", stop);
      Deno.removeSignalListener("SIGINT", stop);
      resolve();
    };
    Deno.addSignalListener("SIGTERM", stop);
    Deno.addSignalListener("SIGINT", stop);
  });
}
