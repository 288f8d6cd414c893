/** Checks of the commands that a handler claims. */
import { type Check, must, Skipped } from "../check.ts";
import type { CommandClaim } from "../../../../plugin/mod.ts";

/** Bytes of a CDB by the group of its operation code (SPC-4 4.2.5.1). */
const GROUP_LENGTHS = [6, 10, 10, 0, 16, 12, 10, 10];
const DATA_LENGTH = 4096;
/** REPORT SUPPORTED OPERATION CODES of one command: SUPPORT (SPC-4 6.35). */
const SUPPORTED_BY_VENDOR_OR_STANDARD = [3, 5];

function cdbOf({ code, serviceAction, cdbLength }: CommandClaim): Uint8Array {
  const operation = Number.parseInt(code, 16);
  const cdb = new Uint8Array(cdbLength ?? GROUP_LENGTHS[operation >> 5]);
  cdb[0] = operation;
  if (serviceAction === undefined) return cdb;
  const action = Number.parseInt(serviceAction, 16);
  if (operation === 0x7f) new DataView(cdb.buffer).setUint16(8, action);
  else cdb[1] = action & 0x1f;
  return cdb;
}

function reportCdb({ code, serviceAction }: CommandClaim): Uint8Array {
  const cdb = new Uint8Array(12);
  cdb.set([0xa3, 0x0c, serviceAction === undefined ? 1 : 2, Number.parseInt(code, 16)]);
  new DataView(cdb.buffer).setUint16(4, Number.parseInt(serviceAction ?? "0", 16));
  new DataView(cdb.buffer).setUint32(6, 256);
  return cdb;
}

export const claimedCommands: Check = {
  name: "answers the commands that it claims",
  async run({ bench, unit: { session } }) {
    const { commands = [] } = bench.manifest;
    if (commands.length === 0) throw new Skipped("it claims none");
    const { restarts } = await bench.show();
    for (const claim of commands) {
      const { name, direction = "none" } = claim;
      const what = "REPORT SUPPORTED OPERATION CODES";
      const report = await session.execute(what, reportCdb(claim), undefined, 256);
      const supported = SUPPORTED_BY_VENDOR_OR_STANDARD.includes(report[1] & 0x07);
      must(supported, `${name} is not reported as supported`);
      const cdb = cdbOf(claim);
      // The initiator here carries CDBs of 16 bytes.
      if (cdb.length > 16) continue;
      const dataOut = direction === "out" || direction === "both" ? DATA_LENGTH : 0;
      const room = direction === "in" || direction === "both" ? DATA_LENGTH : 0;
      await session.run(name, cdb, new Uint8Array(dataOut), room);
      const { restarts: now } = await bench.show();
      must(now === restarts, `its process ended in ${name}`);
    }
    await session.read(0, 1);
    return `${commands.length} commands`;
  },
};
