/** TEST UNIT READY and REQUEST SENSE: what a unit has to say. */
import { badField, NO_MEDIUM, vectorsOf } from "../vector.ts";

const READY = "00 00 00 00 00 00";
const FIXED = "03 00 00 00 fc 00";
const DESCRIPTOR = "03 01 00 00 ff 00";

export const readinessVectors = [
  ...vectorsOf("TEST UNIT READY", "SPC-4 6.47", [
    { what: "ready", cdb: READY, room: 0 },
    { what: "medium gone", cdb: READY, room: 0, before: { state: "no-medium" }, ...NO_MEDIUM },
    {
      what: "handler starting",
      cdb: READY,
      room: 0,
      before: { state: "becoming-ready" },
      sense: "02 04 01",
    },
    {
      what: "sanitizing: half is done",
      cdb: READY,
      room: 0,
      before: { state: "sanitizing", progress: 0.5 },
      sense: "02 04 1b",
      field: "80 8000",
    },
    {
      what: "a sanitize operation has failed",
      cdb: READY,
      room: 0,
      before: { state: "sanitize-failed" },
      sense: "03 31 03",
    },
    {
      what: "formatting: a quarter is done",
      cdb: READY,
      room: 0,
      before: { state: "formatting", progress: 0.25 },
      sense: "02 04 04",
      field: "80 4000",
    },
    {
      what: "a format operation has failed",
      cdb: READY,
      room: 0,
      before: { state: "format-failed" },
      sense: "03 31 00",
    },
    {
      what: "port in standby",
      cdb: READY,
      room: 0,
      unit: "ported",
      before: { accessState: 2 },
      sense: "02 04 0b",
    },
    {
      what: "port unavailable",
      cdb: READY,
      room: 0,
      unit: "ported",
      before: { accessState: 3 },
      sense: "02 04 0c",
    },
    { what: "NACA", cdb: "00 00 00 00 00 04", room: 0, ...badField("ca 0005") },
    {
      what: "a unit attention, once",
      cdb: READY,
      room: 0,
      before: { attention: 0x062a09 },
      sense: "06 2a 09",
      then: [{ cdb: READY, room: 0 }],
    },
    {
      what: "a deferred error, once",
      cdb: READY,
      room: 0,
      before: { deferred: 0x030c00 },
      sense: "03 0c 00",
      deferred: true,
      then: [{ cdb: READY, room: 0 }],
    },
  ]),
  ...vectorsOf("REQUEST SENSE", "SPC-4 6.39", [
    {
      what: "nothing, fixed format",
      cdb: FIXED,
      dataIn: "70 00 00 00000000 0a 00000000 00 00 00 000000",
    },
    { what: "DESC", cdb: DESCRIPTOR, dataIn: "72 00 00 00 00 00 00 00" },
    {
      what: "a unit attention is returned as data, once",
      cdb: DESCRIPTOR,
      before: { attention: 0x062a09 },
      dataIn: "72 06 2a 09 00 00 00 00",
      then: [{ cdb: READY, room: 0 }],
    },
    {
      what: "medium gone",
      cdb: "03 00 00 00 12 00",
      before: { state: "no-medium" },
      dataIn: "70 00 02 00000000 0a 00000000 3a 00 00 000000",
    },
    {
      what: "sanitizing: half is done",
      cdb: DESCRIPTOR,
      before: { state: "sanitizing", progress: 0.5 },
      dataIn: "72 02 04 1b 00 00 00 08 02 06 0000 80 8000 00",
    },
    { what: "allocation length 4", cdb: "03 00 00 00 04 00", dataIn: "70 00 00 00" },
    { what: "allocation length 0", cdb: "03 00 00 00 00 00" },
    { what: "NACA", cdb: "03 00 00 00 12 04", ...badField("ca 0005") },
  ]),
];
