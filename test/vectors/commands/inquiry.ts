/** INQUIRY: standard data and vital product data. */
import { badField, vectorsOf } from "../vector.ts";

/** "LUNETTE ", "disk0" and the serial number, padded. */
const VENDOR = "4c 55 4e 45 54 54 45 20";
const PRODUCT = "64 69 73 6b 30 20 20 20 20 20 20 20 20 20 20 20";
const SERIAL = "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66";

const standard = vectorsOf("INQUIRY", "SPC-4 6.6.2", [
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
    dataIn: "00 00 06 12 5b",
  },
  { what: "allocation length 0", cdb: "12 00 00 0000 00" },
  { what: "page code without EVPD", cdb: "12 00 01 00ff 00", ...badField("c0 0002") },
  { what: "CMDDT", cdb: "12 02 00 00ff 00", ...badField("c9 0001") },
  { what: "NACA", cdb: "12 00 00 0060 04", ...badField("ca 0005") },
]);

const pages = vectorsOf("INQUIRY", "SPC-4 7.8", [
  { what: "no such page", cdb: "12 01 c7 00ff 00", ...badField("c0 0002") },
  {
    what: "no such page (descriptor format sense)",
    cdb: "12 01 81 00ff 00",
    before: { descriptorSense: true },
    ...badField("c0 0002"),
  },
  { what: "VPD 80h", cdb: "12 01 80 00ff 00", dataIn: `00 80 0010 ${SERIAL}` },
  {
    what: "VPD 80h, cut inside the serial number",
    cdb: "12 01 80 0006 00",
    dataIn: "00 80 0010 3031",
  },
]);

const blockPages = vectorsOf("INQUIRY", "SBC-4 6.6", [
  { what: "VPD B1h: non-rotating", cdb: "12 01 b1 0006 00", dataIn: "00 b1 003c 0001" },
]);

export const inquiryVectors = [...standard, ...pages, ...blockPages];
