/** Persistent reservations, and those of SPC-2: what the target core answers. */
import { badField, type Case, type Step, vectorsOf } from "../vector.ts";

const KEY_A = "000000000000000a";
const KEY_B = "000000000000000b";
const NO_KEY = "0000000000000000";
const CONFLICT = { status: 0x18 } as const;
const READ = { cdb: "28 00 00000003 00 0001 00" };
const WRITE = { cdb: "2a 00 00000003 00 0001 00", dataOut: "a5*512" };

/** Parameter list of 24 bytes: RESERVATION KEY, SERVICE ACTION RESERVATION KEY, flags. */
function list(key: string, actionKey: string, flags = "00"): string {
  return `${key} ${actionKey} 00000000 ${flags} 00 0000`;
}

function out(action: string, scopeAndType: string, dataOut: string): Step {
  return { cdb: `5f ${action} ${scopeAndType} 0000 00000018 00`, dataOut };
}

const REGISTER_A = out("00", "00", list(NO_KEY, KEY_A));
const REGISTER_B: Step = { ...out("00", "00", list(NO_KEY, KEY_B)), by: "b" };
/** Type 1h: Write Exclusive; 3h: Exclusive Access; 5h: Write Exclusive, Registrants Only. */
const RESERVE_1 = out("01", "01", list(KEY_A, NO_KEY));
const RESERVE_3 = out("01", "03", list(KEY_A, NO_KEY));
const RESERVE_5 = out("01", "05", list(KEY_A, NO_KEY));
const READ_KEYS = { cdb: "5e 00 0000000000 00ff 00" };
const READ_RESERVATION = { cdb: "5e 01 0000000000 00ff 00" };

const readKeys: Case[] = [
  { what: "none", ...READ_KEYS, dataIn: "00000000 00000000" },
  {
    what: "two",
    ...READ_KEYS,
    before: { steps: [REGISTER_A, REGISTER_B] },
    dataIn: `00000002 00000010 ${KEY_A} ${KEY_B}`,
  },
  {
    what: "two, cut to the header: the length says what there is",
    cdb: "5e 00 0000000000 0008 00",
    before: { steps: [REGISTER_A, REGISTER_B] },
    dataIn: "00000002 00000010",
  },
  {
    what: "without medium",
    ...READ_KEYS,
    before: { state: "no-medium" },
    dataIn: "00000000 00000000",
  },
  { what: "reserved service action", cdb: "5e 04 0000000000 00ff 00", ...badField("cc 0001") },
  { what: "NACA", cdb: "5e 00 0000000000 00ff 04", sense: "05 24 00" },
];

const readReservation: Case[] = [
  { what: "none", ...READ_RESERVATION, dataIn: "00000000 00000000" },
  {
    what: "Write Exclusive",
    ...READ_RESERVATION,
    before: { steps: [REGISTER_A, RESERVE_1] },
    dataIn: `00000001 00000010 ${KEY_A} 00000000 00 01 0000`,
  },
  {
    what: "Write Exclusive, All Registrants: the key is zero",
    ...READ_RESERVATION,
    before: { steps: [REGISTER_A, out("01", "07", list(KEY_A, NO_KEY))] },
    dataIn: `00000001 00000010 ${NO_KEY} 00000000 00 07 0000`,
  },
  { what: "NACA", cdb: "5e 01 0000000000 00ff 04", sense: "05 24 00" },
];

const capabilities: Case[] = [
  {
    what: "CRH, SIP_C, ATP_C, PTPL_C; all types",
    cdb: "5e 02 0000000000 00ff 00",
    dataIn: "0008 1d c0 ea01 0000",
  },
  {
    what: "PTPL_A after APTPL",
    cdb: "5e 02 0000000000 0004 00",
    before: { steps: [out("00", "00", list(NO_KEY, KEY_A, "01"))] },
    dataIn: "0008 1d c1",
  },
  { what: "NACA", cdb: "5e 02 0000000000 00ff 04", sense: "05 24 00" },
];

const fullStatus: Case[] = [
  { what: "nobody", cdb: "5e 03 0000000000 00ff 00", dataIn: "00000000 00000000" },
  {
    what: "the holder and another",
    cdb: "5e 03 0000000000 01ff 00",
    before: { steps: [REGISTER_A, REGISTER_B, RESERVE_5] },
    dataIn: "*",
  },
  { what: "NACA", cdb: "5e 03 0000000000 00ff 04", sense: "05 24 00" },
];

const register: Case[] = [
  { what: "a key", ...REGISTER_A, then: [{ ...READ_KEYS, dataIn: `00000001 00000008 ${KEY_A}` }] },
  {
    what: "another key",
    ...out("00", "00", list(KEY_A, KEY_B)),
    before: { steps: [REGISTER_A] },
    then: [{ ...READ_KEYS, dataIn: `00000002 00000008 ${KEY_B}` }],
  },
  {
    what: "no key: the registration ends, and the reservation with it",
    ...out("00", "00", list(KEY_A, NO_KEY)),
    before: { steps: [REGISTER_A, REGISTER_B, RESERVE_5] },
    then: [{ ...READ_RESERVATION, dataIn: "00000003 00000000" }, {
      cdb: "00 00 00 00 00 00",
      room: 0,
      by: "b",
      sense: "06 2a 04",
    }],
  },
  {
    what: "APTPL",
    ...out("00", "00", list(NO_KEY, KEY_A, "01")),
    then: [{ ...READ_KEYS, dataIn: `00000001 00000008 ${KEY_A}` }],
  },
  {
    what: "the wrong key",
    ...out("00", "00", list(KEY_B, KEY_B)),
    before: { steps: [REGISTER_A] },
    ...CONFLICT,
  },
  { what: "a key of somebody who has none", ...out("00", "00", list(KEY_A, KEY_B)), ...CONFLICT },
  {
    what: "a list of another length",
    cdb: "5f 00 00 0000 00000017 00",
    dataOut: list(NO_KEY, KEY_A).slice(0, -2),
    sense: "05 1a 00",
  },
];

const reserve: Case[] = [
  {
    what: "Write Exclusive: others read, and do not write",
    ...RESERVE_1,
    before: { steps: [REGISTER_A] },
    then: [{ ...READ, by: "b", dataIn: "03*512" }, { ...WRITE, by: "b", ...CONFLICT }],
  },
  {
    what: "Exclusive Access: others do neither",
    ...RESERVE_3,
    before: { steps: [REGISTER_A, REGISTER_B] },
    then: [{ ...READ, by: "b", ...CONFLICT }, { ...WRITE, by: "b", ...CONFLICT }],
  },
  {
    what: "Registrants Only: who is registered writes",
    ...RESERVE_5,
    before: { steps: [REGISTER_A, REGISTER_B] },
    then: [{ ...WRITE, by: "b" }],
  },
  {
    what: "Registrants Only: who is not does not",
    ...RESERVE_5,
    before: { steps: [REGISTER_A] },
    then: [{ ...WRITE, by: "b", ...CONFLICT }],
  },
  { what: "once more the same", ...RESERVE_1, before: { steps: [REGISTER_A, RESERVE_1] } },
  { what: "another type", ...RESERVE_3, before: { steps: [REGISTER_A, RESERVE_1] }, ...CONFLICT },
  {
    what: "held by another",
    ...out("01", "01", list(KEY_B, NO_KEY)),
    by: "b",
    before: { steps: [REGISTER_A, REGISTER_B, RESERVE_1] },
    ...CONFLICT,
  },
  { what: "without a registration", ...RESERVE_1, ...CONFLICT },
  {
    what: "a reserved type",
    ...out("01", "02", list(KEY_A, NO_KEY)),
    before: { steps: [REGISTER_A] },
    sense: "05 24 00",
  },
  {
    what: "an obsolete scope",
    ...out("01", "21", list(KEY_A, NO_KEY)),
    before: { steps: [REGISTER_A] },
    sense: "05 24 00",
  },
];

const release: Case[] = [
  {
    what: "the holder",
    ...out("02", "01", list(KEY_A, NO_KEY)),
    before: { steps: [REGISTER_A, RESERVE_1] },
    then: [{ ...WRITE, by: "b" }],
  },
  {
    what: "nothing is reserved",
    ...out("02", "01", list(KEY_A, NO_KEY)),
    before: { steps: [REGISTER_A] },
  },
  {
    what: "another registrant: without effect",
    ...out("02", "01", list(KEY_B, NO_KEY)),
    by: "b",
    before: { steps: [REGISTER_A, REGISTER_B, RESERVE_1] },
    then: [{ ...WRITE, by: "b", ...CONFLICT }],
  },
  {
    what: "Registrants Only: others are told",
    ...out("02", "05", list(KEY_A, NO_KEY)),
    before: { steps: [REGISTER_A, REGISTER_B, RESERVE_5] },
    then: [{ cdb: "00 00 00 00 00 00", room: 0, by: "b", sense: "06 2a 04" }],
  },
  {
    what: "a type other than that of the reservation",
    ...out("02", "03", list(KEY_A, NO_KEY)),
    before: { steps: [REGISTER_A, RESERVE_1] },
    sense: "05 26 04",
  },
  {
    what: "the wrong key",
    ...out("02", "01", list(KEY_B, NO_KEY)),
    before: { steps: [REGISTER_A, RESERVE_1] },
    ...CONFLICT,
  },
];

const clear: Case[] = [
  {
    what: "all registrations end, and others are told",
    ...out("03", "00", list(KEY_B, NO_KEY)),
    by: "b",
    before: { steps: [REGISTER_A, REGISTER_B, RESERVE_1] },
    then: [{ cdb: "00 00 00 00 00 00", room: 0, sense: "06 2a 03" }, {
      ...READ_KEYS,
      dataIn: "00000003 00000000",
    }],
  },
  {
    what: "without a registration",
    ...out("03", "00", list(KEY_B, NO_KEY)),
    by: "b",
    before: { steps: [REGISTER_A] },
    ...CONFLICT,
  },
];

function preemptCases(action: string): Case[] {
  return [
    {
      what: "takes the reservation over",
      ...out(action, "03", list(KEY_B, KEY_A)),
      by: "b",
      before: { steps: [REGISTER_A, REGISTER_B, RESERVE_1] },
      then: [
        { ...READ_RESERVATION, by: "b", dataIn: `00000003 00000010 ${KEY_B} 00000000 00 03 0000` },
        { cdb: "00 00 00 00 00 00", room: 0, sense: "06 2a 05" },
        { ...READ, ...CONFLICT },
      ],
    },
    {
      what: "a registration without a reservation",
      ...out(action, "01", list(KEY_A, KEY_B)),
      before: { steps: [REGISTER_A, REGISTER_B] },
      then: [{ ...READ_KEYS, dataIn: `00000003 00000008 ${KEY_A}` }, {
        cdb: "00 00 00 00 00 00",
        room: 0,
        by: "b",
        sense: "06 2a 05",
      }],
    },
    {
      what: "a key that nobody has",
      ...out(action, "01", list(KEY_A, KEY_B)),
      before: { steps: [REGISTER_A] },
      ...CONFLICT,
    },
    {
      what: "no key",
      ...out(action, "01", list(KEY_A, NO_KEY)),
      before: { steps: [REGISTER_A, REGISTER_B, RESERVE_1] },
      sense: "05 26 00",
    },
    {
      what: "without a registration",
      ...out(action, "01", list(KEY_B, KEY_A)),
      by: "b",
      before: { steps: [REGISTER_A] },
      ...CONFLICT,
    },
  ];
}

const ignoring: Case[] = [
  {
    what: "whatever the key was",
    ...out("06", "00", list(KEY_B, KEY_B)),
    before: { steps: [REGISTER_A] },
    then: [{ ...READ_KEYS, dataIn: `00000002 00000008 ${KEY_B}` }],
  },
  {
    what: "SPEC_I_PT",
    cdb: "5f 06 00 0000 0000001c 00",
    dataOut: `${list(NO_KEY, KEY_A, "08")} 00000000`,
    sense: "05 26 00",
  },
];

/** TransportID of initiator b (SPC-4 7.6.4): FORMAT CODE 01b, name, ",i,0x" and ISID. */
const NAME_B = "69716e2e323032362d31312e6578616d706c653a62 2c692c3078 303030303030303030303032";
const TRANSPORT_ID_B = `45 00 0028 ${NAME_B} 00*2`;

const move: Case[] = [
  {
    what: "to another initiator port",
    cdb: "5f 07 00 0000 00000044 00",
    dataOut: `${KEY_A} ${KEY_B} 00 00 0001 0000002c ${TRANSPORT_ID_B}`,
    before: { steps: [REGISTER_A, RESERVE_1] },
    then: [{ ...READ_RESERVATION, dataIn: `00000002 00000010 ${KEY_B} 00000000 00 01 0000` }, {
      ...WRITE,
      ...CONFLICT,
    }, { ...WRITE, by: "b" }],
  },
  {
    what: "nothing is reserved",
    cdb: "5f 07 00 0000 00000044 00",
    dataOut: `${KEY_A} ${KEY_B} 00 00 0001 0000002c ${TRANSPORT_ID_B}`,
    before: { steps: [REGISTER_A] },
    ...badField("cc 0001"),
  },
  {
    what: "no key",
    cdb: "5f 07 00 0000 00000044 00",
    dataOut: `${KEY_A} ${NO_KEY} 00 00 0001 0000002c ${TRANSPORT_ID_B}`,
    before: { steps: [REGISTER_A, RESERVE_1] },
    sense: "05 26 00",
  },
];

function reserveCases(
  reserveCdb: string,
  releaseCdb: string,
): { reserve: Case[]; release: Case[] } {
  const [reserveStep, releaseStep] = [{ cdb: reserveCdb, room: 0 }, { cdb: releaseCdb, room: 0 }];
  return {
    reserve: [
      {
        what: "others are kept off",
        ...reserveStep,
        then: [{ ...READ, by: "b", ...CONFLICT }, { ...READ, dataIn: "03*512" }],
      },
      { what: "once more", ...reserveStep, before: { steps: [reserveStep] } },
      {
        what: "held by another",
        ...reserveStep,
        before: { steps: [{ ...reserveStep, by: "b" }] },
        ...CONFLICT,
      },
      {
        what: "somebody has registered",
        ...reserveStep,
        by: "b",
        before: { steps: [REGISTER_A] },
        ...CONFLICT,
      },
    ],
    release: [
      {
        what: "it ends",
        ...releaseStep,
        before: { steps: [reserveStep] },
        then: [{ ...READ, by: "b", dataIn: "03*512" }],
      },
      {
        what: "by another: without effect",
        ...releaseStep,
        by: "b",
        before: { steps: [reserveStep] },
        then: [{ ...READ, by: "b", ...CONFLICT }],
      },
    ],
  };
}

const six = reserveCases("16 00 00 0000 00", "17 00 00 0000 00");
const ten = reserveCases("56 00 00000000 00 0000 00", "57 00 00000000 00 0000 00");
const NACA_6 = (code: string): Case => ({
  what: "NACA",
  cdb: `${code} 00 00 0000 04`,
  room: 0,
  sense: "05 24 00",
});
const THIRD_PARTY = (code: string): Case => ({
  what: "3RDPTY",
  cdb: `${code} 10 00000000 00 0000 00`,
  room: 0,
  sense: "05 24 00",
});

export const reservationVectors = [
  ...vectorsOf("PERSISTENT RESERVE IN, READ KEYS", "SPC-4 6.15", readKeys),
  ...vectorsOf("PERSISTENT RESERVE IN, READ RESERVATION", "SPC-4 6.15", readReservation),
  ...vectorsOf("PERSISTENT RESERVE IN, REPORT CAPABILITIES", "SPC-4 6.15", capabilities),
  ...vectorsOf("PERSISTENT RESERVE IN, READ FULL STATUS", "SPC-4 6.15", fullStatus),
  ...vectorsOf("PERSISTENT RESERVE OUT, REGISTER", "SPC-4 6.16", register),
  ...vectorsOf("PERSISTENT RESERVE OUT, RESERVE", "SPC-4 6.16", reserve),
  ...vectorsOf("PERSISTENT RESERVE OUT, RELEASE", "SPC-4 6.16", release),
  ...vectorsOf("PERSISTENT RESERVE OUT, CLEAR", "SPC-4 6.16", clear),
  ...vectorsOf("PERSISTENT RESERVE OUT, PREEMPT", "SPC-4 6.16", preemptCases("04")),
  ...vectorsOf("PERSISTENT RESERVE OUT, PREEMPT AND ABORT", "SPC-4 6.16", preemptCases("05")),
  ...vectorsOf("PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY", "SPC-4 6.16", ignoring),
  ...vectorsOf("PERSISTENT RESERVE OUT, REGISTER AND MOVE", "SPC-4 6.16", move),
  ...vectorsOf("RESERVE(6)", "SPC-2 7.22", [...six.reserve, NACA_6("16")]),
  ...vectorsOf("RELEASE(6)", "SPC-2 7.17", [...six.release, NACA_6("17")]),
  ...vectorsOf("RESERVE(10)", "SPC-2 7.21", [...ten.reserve, THIRD_PARTY("56")]),
  ...vectorsOf("RELEASE(10)", "SPC-2 7.16", [...ten.release, THIRD_PARTY("57")]),
];
