/** INQUIRY with EVPD: vital product data, whole pages. */
import { badField, type Case, vectorsOf } from "../vector.ts";

/** "LUNETTE ", "disk0" and the serial number, padded. */
const VENDOR = "4c 55 4e 45 54 54 45 20";
const PRODUCT = "64 69 73 6b 30 20 20 20 20 20 20 20 20 20 20 20";
const SERIAL = "30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66";
/** NAA, T10 vendor ID, EUI-64, UUID (SPC-4 7.8.6). */
const DESIGNATORS = `01 03 00 08 [naa] 02 01 00 28 ${VENDOR} ${PRODUCT} ${SERIAL}` +
  "01 02 00 08 [eui:8] 01 0a 00 12 10 00 [uuid:16]";

function page(code: string, allocation = "00ff"): string {
  return `12 01 ${code} ${allocation} 00`;
}

const primary: Case[] = [
  { what: "no such page", cdb: page("c7"), ...badField("c0 0002") },
  {
    what: "no such page (descriptor format sense)",
    cdb: page("81"),
    before: { descriptorSense: true },
    ...badField("c0 0002"),
  },
  { what: "VPD 00h", cdb: page("00"), dataIn: "00 00 000a 00 80 83 86 87 8f b0 b1 b2 b7" },
  { what: "VPD 80h", cdb: page("80"), dataIn: `00 80 0010 ${SERIAL}` },
  {
    what: "VPD 80h, cut inside the serial number",
    cdb: page("80", "0006"),
    dataIn: "00 80 0010 3031",
  },
  { what: "VPD 83h: names of the unit", cdb: page("83"), dataIn: `00 83 005a ${DESIGNATORS}` },
  {
    what: "VPD 83h: port and group too",
    cdb: page("83"),
    unit: "ported",
    dataIn: `00 83 006a ${DESIGNATORS} 01 14 00 04 0000 0001 01 15 00 04 0000 1234`,
  },
  {
    what: "VPD 86h: SIMPSUP, V_SUP, 96 bytes of sense data",
    cdb: page("86"),
    dataIn: "00 86 003c 00 01 01 00*6 60 00*50",
    only: ["server", "ring"],
  },
  {
    what: "VPD 86h: LUICLR of the emulated target core",
    cdb: page("86"),
    dataIn: "00 86 003c 00 01 01 01 00*5 60 00*50",
    only: ["core"],
  },
  {
    what: "VPD 86h: the fabric keeps task attributes, no cache",
    cdb: page("86", "0008"),
    unit: "ordered",
    dataIn: "00 86 003c 00 07 00 00",
    only: ["server", "ring"],
  },
  {
    what: "VPD 87h: all initiators share the mode pages",
    cdb: page("87"),
    dataIn: "00 87 0004 3f ff 00 00",
  },
  {
    what: "VPD 8Fh begins with the limits of tokens",
    cdb: page("8f", "0028"),
    dataIn: "00 8f [length:2] 0000 0020 000000000000 0040 00000258 0000003c" +
      "0000000000080000 0000000000020000",
  },
];

const block: Case[] = [
  {
    what: "VPD B0h: WSNZ, 4 MiB of transfer, granularity of 4 KiB",
    cdb: page("b0"),
    dataIn: "00 b0 003c 01 ff 0001 00002000 00000800 00000000" +
      "00100000 00000100 00000008 80000000 0000000000008000 00*20",
  },
  {
    what: "VPD B0h: no UNMAP",
    cdb: page("b0", "0024"),
    unit: "plain",
    dataIn: "00 b0 003c 01 ff 0001 00002000 00000800 00000000 00*16",
  },
  {
    what: "VPD B0h: 8 blocks in a physical one",
    cdb: page("b0", "0008"),
    unit: "emulated512",
    dataIn: "00 b0 003c 01 ff 0008",
  },
  {
    what: "VPD B0h: 4096-byte blocks",
    cdb: page("b0", "0024"),
    unit: "native4k",
    dataIn: "00 b0 003c 01 ff 0001 00000400 00000100 00000000 00100000 00000100 00000001 80000000",
  },
  {
    what: "VPD B0h: atomic writes of 16 blocks",
    cdb: page("b0"),
    unit: "atomic",
    dataIn: "00 b0 003c [limits:40] 00000010 00*16",
  },
  {
    what: "VPD B1h: non-rotating, WABEREQ 01b, VBULS",
    cdb: page("b1"),
    dataIn: "00 b1 003c 0001 00 40 01 00*55",
  },
  {
    what: "VPD B1h: nothing can be erased, FUAB",
    cdb: page("b1"),
    unit: "plain",
    dataIn: "00 b1 003c 0001 00 00 02 00*55",
  },
  {
    what: "VPD B2h: LBPU, LBPWS, LBPWS10, LBPRZ, thin",
    cdb: page("b2"),
    dataIn: "00 b2 0004 00 e4 02 00",
  },
  { what: "VPD B2h: no UNMAP", cdb: page("b2"), unit: "plain", dataIn: "00 b2 0004 00 00 00 00" },
  {
    what: "VPD B2h: thresholds of 4 MiB",
    cdb: page("b2"),
    unit: "provisioned",
    dataIn: "00 b2 0004 0d e4 02 00",
  },
  { what: "VPD B7h", cdb: page("b7"), dataIn: "00 b7 003c 00*60" },
];

export const vitalProductVectors = [
  ...vectorsOf("INQUIRY", "SPC-4 7.8", primary),
  ...vectorsOf("INQUIRY", "SBC-4 6.6", block),
];
