/** INQUIRY: standard data. */
import { badField, vectorsOf } from "../vector.ts";

/** "LUNETTE " and "disk0", padded. */
const VENDOR = "4c 55 4e 45 54 54 45 20";
const PRODUCT = "64 69 73 6b 30 20 20 20 20 20 20 20 20 20 20 20";

export const inquiryVectors = vectorsOf("INQUIRY", "SPC-4 6.6.2", [
  { what: "standard data, cut at 5", cdb: "12 00 00 0005 00", dataIn: "00 00 06 12 5b" },
  {
    what: "standard data: who it is",
    cdb: "12 00 00 0024 00",
    dataIn: `00 00 06 12 5b [flags:3] ${VENDOR} ${PRODUCT} 30303031`,
  },
  {
    what: "standard data, all",
    cdb: "12 00 00 0060 00",
    dataIn: `00 00 06 12 5b 08 00 02 ${VENDOR} ${PRODUCT} 30303031 00*20 00 00 [versions:16] 00*22`,
    only: ["server"],
  },
  { what: "removable", cdb: "12 00 00 0005 00", unit: "removable", dataIn: "00 80 06 12 5b" },
  {
    what: "TPGS: implicit and explicit; 3PC",
    cdb: "12 00 00 0006 00",
    unit: "ported",
    dataIn: "00 00 06 12 5b 38",
  },
  {
    what: "answers without medium and keeps a unit attention",
    cdb: "12 00 00 0005 00",
    before: { state: "no-medium", attention: 0x062900 },
    dataIn: "00 00 06 12 5b",
    then: [{ cdb: "00 00 00 00 00 00", room: 0, sense: "06 29 00" }],
  },
  {
    what: "answers while sanitizing",
    cdb: "12 00 00 0005 00",
    before: { state: "sanitizing" },
    dataIn: "00 00 06 12 5b",
  },
  {
    what: "answers on a port that is unavailable",
    cdb: "12 00 00 0005 00",
    unit: "ported",
    before: { accessState: 3 },
    dataIn: "20 00 06 12 5b",
  },
  { what: "allocation length 0", cdb: "12 00 00 0000 00" },
  { what: "page code without EVPD", cdb: "12 00 01 00ff 00", ...badField("c0 0002") },
  { what: "CMDDT", cdb: "12 02 00 00ff 00", ...badField("c9 0001") },
  { what: "NACA", cdb: "12 00 00 0060 04", ...badField("ca 0005") },
]);
