/** FORMAT UNIT, SANITIZE and READ DEFECT DATA: the whole medium. */
import {
  badField,
  badParameter,
  type Case,
  NO_MEDIUM,
  vectorsOf,
  WRITE_PROTECTED,
} from "../vector.ts";

/** 64 blocks of 512 bytes. */
const ALL_ZEROS = { 0: "00*32768" };
const READY = { cdb: "00 00 00 00 00 00", room: 0 };
const ALL_UNMAPPED = [[0, 64]] as const;

const format: Case[] = [
  {
    what: "without a list: zeros, and unmapped",
    cdb: "04 00 00 0000 00",
    after: ALL_ZEROS,
    unmapped: ALL_UNMAPPED,
    durable: true,
  },
  {
    what: "a volume that can only write",
    cdb: "04 00 00 0000 00",
    unit: "plain",
    after: ALL_ZEROS,
  },
  {
    what: "a list that asks for nothing",
    cdb: "04 10 00 0000 00",
    dataOut: "00 00 0000",
    after: ALL_ZEROS,
  },
  {
    what: "a long list that asks for nothing",
    cdb: "04 30 00 0000 00",
    dataOut: "00 00 00 00 00000000",
    after: ALL_ZEROS,
  },
  {
    what: "IMMED: it goes on in the background",
    cdb: "04 10 00 0000 00",
    dataOut: "00 82 0000",
    after: ALL_ZEROS,
    then: [READY],
  },
  {
    what: "after one that has failed",
    cdb: "04 00 00 0000 00",
    before: { state: "format-failed" },
    after: ALL_ZEROS,
    then: [READY],
  },
  {
    what: "it fails",
    cdb: "04 00 00 0000 00",
    before: { fails: { discard: "internal" } },
    sense: "03 31 01",
    then: [{ ...READY, sense: "03 31 00" }],
  },
  {
    what: "it fails in the background",
    cdb: "04 10 00 0000 00",
    dataOut: "00 82 0000",
    before: { fails: { discard: "internal" } },
    then: [{ cdb: "00 00 00 00 00 00", room: 0, sense: "03 31 01", deferred: true }],
  },
  { what: "FMTPINFO", cdb: "04 50 00 0000 00", dataOut: "00 00 0000", ...badField("cf 0001") },
  { what: "a fast format", cdb: "04 00 00 00 01 00", ...badField("c9 0004") },
  {
    what: "a list that is too short",
    cdb: "04 10 00 0000 00",
    dataOut: "00 00",
    sense: "05 1a 00",
  },
  {
    what: "PROTECTION FIELD USAGE",
    cdb: "04 10 00 0000 00",
    dataOut: "01 00 0000",
    ...badParameter("8a 0000"),
  },
  {
    what: "an initialization pattern",
    cdb: "04 10 00 0000 00",
    dataOut: "00 88 0000",
    ...badParameter("8b 0001"),
  },
  {
    what: "options without FOV",
    cdb: "04 10 00 0000 00",
    dataOut: "00 20 0000",
    ...badParameter("8d 0001"),
  },
  {
    what: "a defect list",
    cdb: "04 10 00 0000 00",
    dataOut: "00 00 0008",
    ...badParameter("80 0002"),
  },
  { what: "write protected", cdb: "04 00 00 0000 00", unit: "readOnly", ...WRITE_PROTECTED },
  { what: "medium gone", cdb: "04 00 00 0000 00", before: { state: "no-medium" }, ...NO_MEDIUM },
  {
    what: "sanitizing",
    cdb: "04 00 00 0000 00",
    before: { state: "sanitizing" },
    sense: "02 04 1b",
  },
  {
    what: "a sanitize operation has failed",
    cdb: "04 00 00 0000 00",
    before: { state: "sanitize-failed" },
    sense: "03 31 03",
  },
  { what: "NACA", cdb: "04 00 00 0000 04", ...badField("ca 0005") },
];

const overwrite: Case[] = [
  {
    what: "a pattern of one byte",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "01 00 0001 a5",
    after: { 0: "a5*32768" },
    durable: true,
    unmapped: [],
    then: [READY],
  },
  {
    what: "a pattern of a block",
    cdb: "48 01 00000000 00 0204 00",
    dataOut: "01 00 0200 5a*512",
    after: { 0: "5a*32768" },
  },
  {
    what: "INVERT, twice: the last pass leaves it as it was given",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "82 00 0001 a5",
    after: { 0: "a5*32768" },
  },
  {
    what: "INVERT, three times",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "83 00 0001 a5",
    after: { 0: "a5*32768" },
  },
  {
    what: "IMMED",
    cdb: "48 81 00000000 00 0005 00",
    dataOut: "01 00 0001 a5",
    after: { 0: "a5*32768" },
    then: [READY],
  },
  {
    what: "after one that has failed",
    cdb: "48 01 00000000 00 0005 00",
    before: { state: "sanitize-failed" },
    dataOut: "01 00 0001 a5",
    after: { 0: "a5*32768" },
    then: [READY],
  },
  {
    what: "it fails",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "01 00 0001 a5",
    before: { fails: { write: "medium-error" } },
    sense: "03 31 03",
    then: [{ ...READY, sense: "03 31 03" }, {
      cdb: "48 1f 00000000 00 0000 00",
      ...badField("cc 0001"),
    }],
  },
  {
    what: "it fails with AUSE: EXIT FAILURE MODE is the way out",
    cdb: "48 21 00000000 00 0005 00",
    dataOut: "01 00 0001 a5",
    before: { fails: { write: "medium-error" } },
    sense: "03 31 03",
    then: [{ ...READY, sense: "03 31 03" }, { cdb: "48 1f 00000000 00 0000 00" }, READY],
  },
  {
    what: "AUSE after a failure in restricted completion mode",
    cdb: "48 21 00000000 00 0005 00",
    before: { state: "sanitize-failed" },
    dataOut: "01 00 0001 a5",
    ...badField("cd 0001"),
  },
  {
    what: "ZNR",
    cdb: "48 41 00000000 00 0005 00",
    dataOut: "01 00 0001 a5",
    ...badField("ce 0001"),
  },
  {
    what: "no pattern",
    cdb: "48 01 00000000 00 0004 00",
    dataOut: "01 00 0001",
    ...badField("c0 0007"),
  },
  {
    what: "a pattern longer than a block",
    cdb: "48 01 00000000 00 0205 00",
    dataOut: "01 00 0201 a5*513",
    ...badField("c0 0007"),
  },
  {
    what: "OVERWRITE COUNT 0",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "00 00 0001 a5",
    ...badParameter("8c 0000"),
  },
  {
    what: "TEST",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "21 00 0001 a5",
    ...badParameter("8e 0000"),
  },
  {
    what: "INITIALIZATION PATTERN LENGTH 0",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "01 00 0000 a5",
    ...badParameter("80 0002"),
  },
  {
    what: "INITIALIZATION PATTERN LENGTH beyond the list",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "01 00 0002 a5",
    ...badParameter("80 0002"),
  },
  {
    what: "write protected",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "01 00 0001 a5",
    unit: "readOnly",
    ...WRITE_PROTECTED,
  },
  {
    what: "medium gone",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "01 00 0001 a5",
    before: { state: "no-medium" },
    ...NO_MEDIUM,
  },
  {
    what: "sanitizing",
    cdb: "48 01 00000000 00 0005 00",
    dataOut: "01 00 0001 a5",
    before: { state: "sanitizing", progress: 0.25 },
    sense: "02 04 1b",
    field: "80 4000",
  },
  {
    what: "NACA",
    cdb: "48 01 00000000 00 0005 04",
    dataOut: "01 00 0001 a5",
    ...badField("ca 0009"),
  },
];

const blockErase: Case[] = [
  {
    what: "zeros, and unmapped",
    cdb: "48 02 00000000 00 0000 00",
    after: ALL_ZEROS,
    unmapped: ALL_UNMAPPED,
    then: [READY],
  },
  { what: "IMMED", cdb: "48 82 00000000 00 0000 00", after: ALL_ZEROS, then: [READY] },
  {
    what: "what is not mapped need not be overwritten",
    cdb: "48 02 00000000 00 0000 00",
    unit: "provisioned",
    before: { unmapped: [[8, 40]] },
    after: ALL_ZEROS,
    unmapped: ALL_UNMAPPED,
  },
  {
    what: "a volume that cannot discard",
    cdb: "48 02 00000000 00 0000 00",
    unit: "plain",
    ...badField("cc 0001"),
  },
  { what: "a parameter list", cdb: "48 02 00000000 00 0004 00", ...badField("c0 0007") },
  {
    what: "cryptographic erase is not there",
    cdb: "48 03 00000000 00 0000 00",
    ...badField("cc 0001"),
  },
  {
    what: "write protected",
    cdb: "48 02 00000000 00 0000 00",
    unit: "readOnly",
    ...WRITE_PROTECTED,
  },
];

const exit: Case[] = [
  { what: "nothing has failed", cdb: "48 1f 00000000 00 0000 00" },
  {
    what: "a failure in unrestricted completion mode",
    cdb: "48 1f 00000000 00 0000 00",
    before: { state: "sanitize-failed", unrestricted: true },
    then: [READY],
  },
  {
    what: "a failure in restricted completion mode",
    cdb: "48 1f 00000000 00 0000 00",
    before: { state: "sanitize-failed" },
    ...badField("cc 0001"),
  },
  {
    what: "sanitizing",
    cdb: "48 1f 00000000 00 0000 00",
    before: { state: "sanitizing" },
    sense: "02 04 1b",
  },
  { what: "a parameter list", cdb: "48 1f 00000000 00 0001 00", ...badField("c0 0007") },
];

const defects10: Case[] = [
  {
    what: "primary and grown list, by bytes from index: empty",
    cdb: "37 00 1c 00000000 0100 00",
    dataIn: "00 1c 0000",
  },
  { what: "vendor specific format", cdb: "37 00 1e 00000000 0100 00", ...badField("ca 0002") },
  {
    what: "medium gone",
    cdb: "37 00 1d 00000000 0100 00",
    before: { state: "no-medium" },
    ...NO_MEDIUM,
  },
  { what: "NACA", cdb: "37 00 1d 00000000 0100 04", ...badField("ca 0009") },
];

const defects12: Case[] = [
  {
    what: "primary and grown list: empty",
    cdb: "b7 1d 00000000 00000100 00 00",
    dataIn: "00 1d 0000 00000000",
  },
  { what: "cut to 2", cdb: "b7 0d 00000000 00000002 00 00", dataIn: "00 0d" },
  { what: "reserved format", cdb: "b7 1f 00000000 00000100 00 00", ...badField("ca 0001") },
  { what: "NACA", cdb: "b7 1d 00000000 00000100 00 04", ...badField("ca 000b") },
];

export const wholeMediumVectors = [
  ...vectorsOf("FORMAT UNIT", "SBC-4 5.4", format),
  ...vectorsOf("SANITIZE, OVERWRITE", "SBC-4 5.30", overwrite),
  ...vectorsOf("SANITIZE, BLOCK ERASE", "SBC-4 5.30", blockErase),
  ...vectorsOf("SANITIZE, EXIT FAILURE MODE", "SBC-4 5.30", exit),
  ...vectorsOf("READ DEFECT DATA(10)", "SBC-4 5.22", defects10),
  ...vectorsOf("READ DEFECT DATA(12)", "SBC-4 5.23", defects12),
];
