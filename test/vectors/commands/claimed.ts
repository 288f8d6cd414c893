/** Commands that a handler has claimed: no row of the table, and rows all the same. */
import { badField, type Case, CLAIMED, NO_MEDIUM, vectorsOf, WRITE_PROTECTED } from "../vector.ts";

const GIVE = { cdb: "c1 01 02 03 04 05 06 07 08 00", unit: "claiming" } as const;
const TAKE = { cdb: "c2 00 00 00 00 00 00 00 00 00", unit: "claiming" } as const;
const SENSE = "72 09 80 01 00 00 00 00";

const cases: Case[] = [
  {
    what: "data-in: the handler gets the CDB as it came",
    ...GIVE,
    dataIn: "c1 01 02 03 04 05 06 07 08 00",
  },
  { what: "data-in, cut to the initiator's buffer", ...GIVE, room: 4, dataIn: "c1 01 02 03" },
  { what: "data-out", ...TAKE, dataOut: "a5*700", after: { 0: "a5*700" } },
  { what: "data-out: none was sent", ...TAKE },
  {
    what: "a service action",
    cdb: "9f 11 0000000000000000 00000000 00 00",
    unit: "claiming",
    dataIn: "11",
  },
  {
    what: "CONDITION MET of the handler",
    cdb: "c3 04 00 00 00 00 00 00 00 00",
    unit: "claiming",
    room: 0,
    status: 0x04,
  },
  {
    what: "sense data of the handler",
    cdb: "c3 02 08 00 00 00 00 00 00 00",
    unit: "claiming",
    room: 0,
    sense: SENSE,
  },
  {
    what: "CHECK CONDITION without sense data",
    cdb: "c3 02 00 00 00 00 00 00 00 00",
    unit: "claiming",
    room: 0,
    sense: "04 44 00",
  },
  {
    what: "a status that nobody knows",
    cdb: "c3 55 00 00 00 00 00 00 00 00",
    unit: "claiming",
    room: 0,
    sense: "04 44 00",
  },
  {
    what: "a service action that is not claimed",
    cdb: "9f 12 0000000000000000 00000000 00 00",
    unit: "claiming",
    sense: "05 20 00",
  },
  { what: "nobody has claimed it", cdb: GIVE.cdb, sense: "05 20 00" },
  { what: "NACA", cdb: "c1 00 00 00 00 00 00 00 00 04", unit: "claiming", ...badField("ca 0009") },
  {
    what: "a unit attention comes first",
    ...GIVE,
    before: { attention: 0x062a09 },
    sense: "06 2a 09",
  },
  { what: "medium gone", ...GIVE, before: { state: "no-medium" }, ...NO_MEDIUM },
  { what: "sanitizing", ...GIVE, before: { state: "sanitizing" }, sense: "02 04 1b" },
  {
    what: "data-out is a write: write protected",
    cdb: TAKE.cdb,
    unit: "claimingReadOnly",
    dataOut: "a5*512",
    ...WRITE_PROTECTED,
  },
  {
    what: "data-in is not",
    cdb: GIVE.cdb,
    unit: "claimingReadOnly",
    dataIn: "c1 01 02 03 04 05 06 07 08 00",
  },
  {
    what: "another initiator's reservation",
    ...TAKE,
    by: "b",
    before: {
      steps: [
        { cdb: "5f 00 00 0000 00000018 00", dataOut: "0000000000000000 000000000000000a 00*8" },
        { cdb: "5f 01 01 0000 00000018 00", dataOut: "000000000000000a 0000000000000000 00*8" },
      ],
    },
    dataOut: "a5*512",
    status: 0x18,
  },
];

export const claimedVectors = vectorsOf(CLAIMED, "SPC-4 4.2.1", cases);
