/** START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL: the medium and who may take it out. */
import { badField, vectorsOf } from "../vector.ts";

const UNFLUSHED = { unflushed: [[3, 2]] } as const;

export const mediumVectors = [
  ...vectorsOf("START STOP UNIT", "SBC-4 5.31", [
    { what: "START", cdb: "1b 00 00 00 01 00", before: UNFLUSHED, durable: false },
    { what: "stop flushes", cdb: "1b 00 00 00 00 00", before: UNFLUSHED, durable: true },
    { what: "stop, NO_FLUSH", cdb: "1b 00 00 00 04 00", before: UNFLUSHED, durable: false },
    { what: "STANDBY", cdb: "1b 00 00 00 30 00", before: UNFLUSHED, durable: true },
    { what: "stop without medium", cdb: "1b 00 00 00 00 00", before: { state: "no-medium" } },
    { what: "LOEJ: nothing can be ejected", cdb: "1b 00 00 00 02 00", ...badField("c9 0004") },
    { what: "reserved power condition", cdb: "1b 00 00 00 50 00", ...badField("cf 0004") },
    { what: "NACA", cdb: "1b 00 00 00 01 04", ...badField("ca 0005") },
  ]),
  ...vectorsOf("PREVENT ALLOW MEDIUM REMOVAL", "SBC-4 5.14", [
    { what: "prevent", cdb: "1e 00 00 00 01 00" },
    { what: "allow", cdb: "1e 00 00 00 00 00" },
    { what: "obsolete", cdb: "1e 00 00 00 02 00", ...badField("c9 0004") },
    { what: "NACA", cdb: "1e 00 00 00 01 04", ...badField("ca 0005") },
  ]),
];
