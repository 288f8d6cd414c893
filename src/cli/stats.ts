/** lunette stats: counters of the LUNs. */
import { Command } from "commander";
import type { LunStatistics } from "../daemon/api.ts";
import { formatSize } from "../daemon/size.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { printJson, printTable } from "./output.ts";

/** The verb `stats`. */
export function statsVerb(): Command {
  const command = new Command("stats").description(
    "print counters since each LUN was attached, and what handlers use",
  );
  return withConnection(command).action(async (options: ConnectOptions) => {
    const statistics = await connect(options).statistics();
    if (options.json === true) return printJson(statistics);
    printTable(
      [
        "NAME",
        "COMMANDS",
        "READS",
        "READ",
        "WRITES",
        "WRITTEN",
        "FLUSHES",
        "CHECKS",
        "REPLAYS",
        "IN FLIGHT",
      ],
      Object.entries(statistics).map(([name, counters]) => [
        name,
        `${counters.commands}`,
        `${counters.reads}`,
        formatSize(counters.read_bytes),
        `${counters.writes}`,
        formatSize(counters.written_bytes),
        `${counters.flushes}`,
        `${counters.check_conditions}`,
        `${counters.replays}`,
        `${counters.in_flight}`,
      ]),
    );
    printUsage(statistics);
  });
}

/** What handler processes use now; nothing where there are none. */
function printUsage(statistics: Readonly<Record<string, LunStatistics>>): void {
  const processes = Object.entries(statistics).filter(([, { restarts }]) => restarts !== undefined);
  if (processes.length === 0) return;
  const size = (bytes: number | undefined) => bytes === undefined ? "-" : formatSize(bytes);
  console.log("");
  printTable(
    [
      "HANDLER OF",
      "MEMORY",
      "PRIVATE",
      "CONTROL GROUP",
      "CPU",
      "THREADS",
      "DESCRIPTORS",
      "RESTARTS",
    ],
    processes.map(([name, { usage = {}, restarts }]) => [
      name,
      size(usage.memory_bytes),
      size(usage.private_bytes),
      size(usage.cgroup_memory_bytes),
      usage.cpu_ms === undefined ? "-" : `${(usage.cpu_ms / 1000).toFixed(2)} s`,
      `${usage.threads ?? "-"}`,
      `${usage.descriptors ?? "-"}`,
      `${restarts}`,
    ]),
  );
}
