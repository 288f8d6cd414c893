/** START STOP UNIT and PREVENT ALLOW MEDIUM REMOVAL: the medium and who may take it out. */
import { badField, NO_MEDIUM, vectorsOf } from "../vector.ts";

const READY = { cdb: "00 00 00 00 00 00", room: 0 };
const UNFLUSHED = { unflushed: [[3, 2]] } as const;

export const mediumVectors = [
  ...vectorsOf("START STOP UNIT", "SBC-4 5.31", [
    { what: "START", cdb: "1b 00 00 00 01 00", before: UNFLUSHED, durable: false },
    { what: "stop flushes", cdb: "1b 00 00 00 00 00", before: UNFLUSHED, durable: true },
    { what: "stop, NO_FLUSH", cdb: "1b 00 00 00 04 00", before: UNFLUSHED, durable: false },
    { what: "STANDBY", cdb: "1b 00 00 00 30 00", before: UNFLUSHED, durable: true },
    { what: "stop without medium", cdb: "1b 00 00 00 00 00", before: { state: "no-medium" } },
    {
      what: "LOEJ ejects, after a flush",
      cdb: "1b 00 00 00 02 00",
      unit: "removable",
      before: UNFLUSHED,
      durable: true,
      then: [{ ...READY, ...NO_MEDIUM }],
    },
    {
      what: "LOEJ of a medium that is out",
      cdb: "1b 00 00 00 02 00",
      unit: "removable",
      before: { state: "no-medium" },
    },
    {
      what: "LOEJ and START load it",
      cdb: "1b 00 00 00 03 00",
      unit: "removable",
      before: { steps: [{ cdb: "1b 00 00 00 02 00" }] },
      then: [READY],
    },
    {
      what: "LOEJ and START: others are told that the medium may have changed",
      cdb: "1b 00 00 00 03 00",
      unit: "removable",
      before: { steps: [{ cdb: "1b 00 00 00 02 00" }] },
      then: [{ ...READY, by: "b", sense: "06 28 00" }, { ...READY, by: "b" }],
    },
    {
      what: "LOEJ and START where there is none to load",
      cdb: "1b 00 00 00 03 00",
      unit: "removable",
      before: { state: "no-medium" },
      ...NO_MEDIUM,
    },
    {
      what: "LOEJ while removal is prevented",
      cdb: "1b 00 00 00 02 00",
      unit: "removable",
      before: { steps: [{ cdb: "1e 00 00 00 01 00" }] },
      sense: "05 53 02",
      then: [READY],
    },
    {
      what: "LOEJ, allowed again",
      cdb: "1b 00 00 00 02 00",
      unit: "removable",
      before: { steps: [{ cdb: "1e 00 00 00 01 00" }, { cdb: "1e 00 00 00 00 00" }] },
      then: [{ ...READY, ...NO_MEDIUM }],
    },
    {
      what: "LOEJ while another initiator prevents it",
      cdb: "1b 00 00 00 02 00",
      unit: "removable",
      before: { steps: [{ cdb: "1e 00 00 00 01 00", by: "b" }, { cdb: "1e 00 00 00 00 00" }] },
      sense: "05 53 02",
    },
    {
      what: "LOEJ, the flush fails: it stays",
      cdb: "1b 00 00 00 02 00",
      unit: "removable",
      before: { fails: { flush: "medium-error" } },
      sense: "03 0c 00",
      then: [READY],
    },
    {
      what: "LOEJ of a medium that cannot be removed",
      cdb: "1b 00 00 00 02 00",
      ...badField("c9 0004"),
    },
    { what: "reserved power condition", cdb: "1b 00 00 00 50 00", ...badField("cf 0004") },
    { what: "NACA", cdb: "1b 00 00 00 01 04", ...badField("ca 0005") },
  ]),
  ...vectorsOf("PREVENT ALLOW MEDIUM REMOVAL", "SBC-4 5.15", [
    { what: "prevent", cdb: "1e 00 00 00 01 00" },
    { what: "allow", cdb: "1e 00 00 00 00 00" },
    { what: "obsolete values of PREVENT", cdb: "1e 00 00 00 02 00", ...badField("c9 0004") },
    { what: "NACA", cdb: "1e 00 00 00 01 04", ...badField("ca 0005") },
  ]),
];
