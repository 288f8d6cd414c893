/** lunette stats: counters of the LUNs. */
import { Command } from "commander";
import { formatSize } from "../daemon/size.ts";
import { connect, type ConnectOptions, withConnection } from "./connect.ts";
import { printJson, printTable } from "./output.ts";

/** The verb `stats`. */
export function statsVerb(): Command {
  const command = new Command("stats").description("print counters since each LUN was attached");
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
  });
}
