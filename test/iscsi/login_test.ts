import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Bhs, get32, LoginPdu, Opcode, put32, RESERVED_TAG } from "../../src/fabric/iscsi/pdu.ts";
import {
  formatBinary,
  formatText,
  type KeyValue,
  parseBinary,
  parseText,
} from "../../src/fabric/iscsi/text.ts";
import { Harness, TARGET_NAME } from "./harness.ts";
import { RawInitiator } from "./raw_initiator.ts";

const SECURITY_TO_OPERATIONAL = LoginPdu.TRANSIT_BIT | 0 << 2 | 1;
const SECRET = "a long secret";
const BACK_SECRET = "another secret";

function keysOf(initiator: RawInitiator): Map<string, string> {
  const pdu = initiator.receive();
  assert.equal(pdu?.opcode, Opcode.LOGIN_RESPONSE);
  const status = pdu!.bhs[LoginPdu.STATUS_CLASS] << 8 | pdu!.bhs[LoginPdu.STATUS_DETAIL];
  return new Map([...parseText(pdu!.data), [":status", `0x${status.toString(16)}`], [
    ":flags",
    String(pdu!.flags),
  ]]);
}

Deno.test("login answers every operational key by its result function", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  const { status, keys } = initiator.login({
    keys: [
      ["HeaderDigest", "None,CRC32C"],
      ["DataDigest", "CRC32C,None"],
      ["MaxConnections", "8"],
      ["InitialR2T", "No"],
      ["ImmediateData", "Yes"],
      ["MaxRecvDataSegmentLength", "65536"],
      ["MaxBurstLength", "16776192"],
      ["FirstBurstLength", "16384"],
      ["MaxOutstandingR2T", "64"],
      ["DataPDUInOrder", "No"],
      ["DataSequenceInOrder", "No"],
      ["ErrorRecoveryLevel", "2"],
      ["DefaultTime2Wait", "5"],
      ["DefaultTime2Retain", "20"],
      ["IFMarker", "No"],
      ["OFMarkInt", "1~2"],
      ["X-com.example.thing", "1"],
    ],
  });
  assert.equal(status, 0);
  assert.deepEqual(Object.fromEntries(keys), {
    TargetPortalGroupTag: "1",
    HeaderDigest: "None",
    DataDigest: "CRC32C",
    MaxConnections: "4",
    InitialR2T: "No",
    ImmediateData: "Yes",
    MaxBurstLength: "1048576",
    FirstBurstLength: "16384",
    MaxOutstandingR2T: "8",
    DataPDUInOrder: "Yes",
    DataSequenceInOrder: "Yes",
    ErrorRecoveryLevel: "0",
    DefaultTime2Wait: "5",
    DefaultTime2Retain: "0",
    IFMarker: "No",
    OFMarkInt: "Reject",
    "X-com.example.thing": "NotUnderstood",
    MaxRecvDataSegmentLength: "262144",
  });
  assert.notEqual(initiator.tsih, 0);
});

Deno.test("login rejects values out of range and keys offered twice go unanswered by a session", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  const { keys } = initiator.login({
    keys: [
      ["MaxBurstLength", "1"],
      ["InitialR2T", "Maybe"],
      ["HeaderDigest", "MD5"],
      ["MaxOutstandingR2T", "0x2"],
      ["DefaultTime2Wait", "99999"],
    ],
  });
  assert.equal(keys.get("MaxBurstLength"), "Reject");
  assert.equal(keys.get("InitialR2T"), "Reject");
  assert.equal(keys.get("HeaderDigest"), "Reject");
  assert.equal(keys.get("MaxOutstandingR2T"), "2");
  assert.equal(keys.get("DefaultTime2Wait"), "Reject");
});

for (
  const [what, keys, flags, expected] of [
    ["no InitiatorName", [["SessionType", "Discovery"]], 0x87, "0x207"],
    ["no TargetName", [["InitiatorName", "iqn.x"]], 0x87, "0x207"],
    ["an unknown target", [["InitiatorName", "iqn.x"], ["TargetName", "iqn.y"]], 0x87, "0x203"],
    ["an unknown session type", [["InitiatorName", "iqn.x"], ["SessionType", "X"]], 0x87, "0x209"],
    ["transit to the same stage", [["InitiatorName", "iqn.x"]], 0x85, "0x200"],
    ["transit to stage 2", [["InitiatorName", "iqn.x"]], 0x86, "0x200"],
    ["transit and continue", [["InitiatorName", "iqn.x"]], 0xc7, "0x200"],
    ["a current stage of 3", [["InitiatorName", "iqn.x"]], 0x0c, "0x200"],
  ] as [string, KeyValue[], number, string][]
) {
  Deno.test(`login with ${what} is refused with status ${expected}`, () => {
    using harness = new Harness();
    using initiator = new RawInitiator(harness);
    initiator.sendLogin({}, flags, formatText(keys));
    assert.equal(keysOf(initiator).get(":status"), expected);
    assert.equal(initiator.receive(), undefined);
    assert.equal(initiator.ended, true);
    assert.equal(harness.target.statistics.sessions_open, 0);
  });
}

Deno.test("login to a TSIH that does not exist is refused with 0x20a", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  assert.equal(initiator.login({ tsih: 77 }).status, 0x020a);
});

Deno.test("login text may span PDUs by the C bit, also inside of a key", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  const text = formatText(initiator.identity());
  initiator.sendLogin({}, LoginPdu.CONTINUE_BIT | 1 << 2, text.slice(0, 21));
  const first = initiator.receive()!;
  assert.equal(first.data.length, 0);
  assert.equal(first.flags, 1 << 2);
  initiator.sendLogin({}, 0x87, text.slice(21));
  assert.equal(keysOf(initiator).get(":status"), "0x0");
  assert.equal(harness.target.statistics.sessions_open, 1);
});

Deno.test("login through all three stages, AuthMethod None", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  const text = formatText([...initiator.identity(), ["AuthMethod", "CHAP,None"]]);
  initiator.sendLogin({}, SECURITY_TO_OPERATIONAL, text);
  const security = keysOf(initiator);
  assert.equal(security.get("AuthMethod"), "None");
  assert.equal(security.get(":flags"), String(SECURITY_TO_OPERATIONAL));
  initiator.sendLogin({}, 1 << 2, formatText([["MaxBurstLength", "65536"]]));
  assert.equal(keysOf(initiator).get("MaxBurstLength"), "65536");
  initiator.sendLogin({}, 0x87, new Uint8Array(0));
  assert.equal(keysOf(initiator).get(":flags"), String(0x87));
  assert.equal(initiator.write(3, new Uint8Array(512).fill(7)).status, 0);
});

/** Runs CHAP; returns the last keys. */
function chap(
  initiator: RawInitiator,
  options: {
    algorithm?: [number, string];
    secret?: string;
    user?: string;
    mutual?: Uint8Array;
    reflect?: boolean;
    discovery?: boolean;
  },
): Map<string, string> {
  const [number, name] = options.algorithm ?? [5, "md5"];
  const who = initiator.identity({ discovery: options.discovery ?? false });
  initiator.sendLogin({}, SECURITY_TO_OPERATIONAL, formatText([...who, ["AuthMethod", "CHAP"]]));
  const method = keysOf(initiator);
  assert.equal(method.get("AuthMethod"), "CHAP");
  assert.equal(Number(method.get(":flags")) & LoginPdu.TRANSIT_BIT, 0);
  initiator.sendLogin({}, 0, formatText([["CHAP_A", `${number},99`]]));
  const asked = keysOf(initiator);
  assert.equal(asked.get("CHAP_A"), String(number));
  const challenge = parseBinary(asked.get("CHAP_C")!)!;
  const response = createHash(name).update(Uint8Array.of(Number(asked.get("CHAP_I"))))
    .update(options.secret ?? SECRET).update(challenge).digest();
  const back = options.reflect ? challenge : options.mutual;
  const answer: KeyValue[] = [
    ["CHAP_N", options.user ?? "user"],
    ["CHAP_R", formatBinary(response)],
  ];
  if (back !== undefined) answer.push(["CHAP_I", "9"], ["CHAP_C", formatBinary(back)]);
  initiator.sendLogin({}, SECURITY_TO_OPERATIONAL, formatText(answer));
  return keysOf(initiator);
}

const ONE_WAY = { target: { chap: { user: "user", secret: SECRET } } };
const MUTUAL = {
  target: {
    chap: { user: "user", secret: SECRET, mutual: { user: "me", secret: BACK_SECRET } },
  },
};

for (const algorithm of [[5, "md5"], [7, "sha256"]] as [number, string][]) {
  Deno.test(`CHAP one-way with ${algorithm[1]} lets the right secret in`, () => {
    using harness = new Harness(ONE_WAY);
    using initiator = new RawInitiator(harness);
    const reply = chap(initiator, { algorithm });
    assert.equal(reply.get(":status"), "0x0");
    assert.equal(Number(reply.get(":flags")), SECURITY_TO_OPERATIONAL);
    initiator.sendLogin({}, 0x87, new Uint8Array(0));
    assert.equal(keysOf(initiator).get(":status"), "0x0");
    assert.equal(initiator.read(0, 1).status, 0);
  });

  Deno.test(`CHAP mutual with ${algorithm[1]} shows the target's own response`, () => {
    using harness = new Harness(MUTUAL);
    using initiator = new RawInitiator(harness);
    const mutual = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    const reply = chap(initiator, { algorithm, mutual });
    const expected = createHash(algorithm[1]).update(Uint8Array.of(9)).update(BACK_SECRET)
      .update(mutual).digest();
    assert.equal(reply.get("CHAP_N"), "me");
    assert.deepEqual(parseBinary(reply.get("CHAP_R")!), Uint8Array.from(expected));
  });
}

for (
  const [what, harnessOptions, chapOptions] of [
    ["a wrong secret", ONE_WAY, { secret: "wrong secret here" }],
    ["a wrong name", ONE_WAY, { user: "other" }],
    ["mutual CHAP where the target has no secret", ONE_WAY, { mutual: Uint8Array.of(1) }],
    ["our own challenge reflected", MUTUAL, { reflect: true }],
  ] as const
) {
  Deno.test(`CHAP with ${what} is refused with 0x201`, () => {
    using harness = new Harness(harnessOptions);
    using initiator = new RawInitiator(harness);
    assert.equal(chap(initiator, chapOptions).get(":status"), "0x201");
    assert.equal(initiator.receive(), undefined);
    assert.equal(initiator.ended, true);
    assert.equal(harness.target.statistics.sessions_open, 0);
  });
}

Deno.test("CHAP cannot be skipped", () => {
  using harness = new Harness(ONE_WAY);
  const flagsAndKeys: [number, KeyValue[]][] = [
    [0x87, []],
    [SECURITY_TO_OPERATIONAL, [["AuthMethod", "None"]]],
    [0x83, [["AuthMethod", "None"]]],
    [0x83, [["CHAP_N", "user"], ["CHAP_R", "0x00"]]],
  ];
  for (const [flags, keys] of flagsAndKeys) {
    using initiator = new RawInitiator(harness);
    initiator.sendLogin({}, flags, formatText([...initiator.identity(), ...keys]));
    assert.match(keysOf(initiator).get(":status")!, /^0x20[01]$/);
  }
  // Without AuthMethod the security stage is just not left.
  using initiator = new RawInitiator(harness);
  initiator.sendLogin({}, 0x83, formatText(initiator.identity()));
  const reply = keysOf(initiator);
  assert.equal(Number(reply.get(":flags")) & LoginPdu.TRANSIT_BIT, 0);
  assert.equal(harness.target.statistics.sessions_open, 0);
});

Deno.test("CHAP for discovery is apart from the targets'", () => {
  using harness = new Harness({ iscsi: { discoveryChap: { user: "user", secret: SECRET } } });
  using initiator = new RawInitiator(harness);
  assert.equal(chap(initiator, { discovery: true }).get(":status"), "0x0");
  using normal = new RawInitiator(harness);
  assert.equal(normal.login().status, 0);
});

Deno.test("a list of initiators keeps others out and hides the target from them", () => {
  using harness = new Harness({ target: { initiators: ["iqn.2026-01.org.test:friend"] } });
  using stranger = new RawInitiator(harness);
  assert.equal(stranger.login().status, 0x0202);
  using friend = new RawInitiator(harness);
  assert.equal(friend.login({ initiator: "iqn.2026-01.org.test:friend" }).status, 0);
  using looker = new RawInitiator(harness);
  looker.login({ discovery: true });
  assert.deepEqual(sendTargets(looker, "All"), []);
});

function sendTargets(initiator: RawInitiator, value: string): KeyValue[] {
  const bhs = initiator.header(Opcode.TEXT_REQUEST, 0x80, true);
  put32(bhs, Bhs.TARGET_TRANSFER_TAG, RESERVED_TAG);
  initiator.send(bhs, formatText([["SendTargets", value]]));
  const reply = initiator.receive()!;
  assert.equal(reply.opcode, Opcode.TEXT_RESPONSE);
  assert.equal(reply.flags, 0x80);
  return parseText(reply.data.length === 0 ? new Uint8Array(0) : splitTargets(reply.data));
}

/** SendTargets repeats keys, which parseText refuses: numbers them. */
function splitTargets(data: Uint8Array): Uint8Array {
  let count = 0;
  const text = new TextDecoder().decode(data);
  return new TextEncoder().encode(
    text.split("\0").map((part) => part === "" ? "" : `${count++}.${part}`).join("\0"),
  );
}

function hasIPv6(): boolean {
  try {
    new Harness({ address: "::1" }).close();
    return true;
  } catch {
    console.log("skipped: this machine has no IPv6 loopback");
    return false;
  }
}

for (const address of ["127.0.0.1", "::1"]) {
  const what = `SendTargets=All in discovery at ${address} gives names and the address reached`;
  Deno.test(what, { ignore: address === "::1" && !hasIPv6() }, () => {
    using harness = new Harness({ address });
    harness.target.addTarget({ name: "iqn.2026-01.org.example:two", port: harness.port });
    using initiator = new RawInitiator(harness);
    assert.equal(initiator.login({ discovery: true }).status, 0);
    const host = address.includes(":") ? "[::1]" : address;
    assert.deepEqual(sendTargets(initiator, "All"), [
      ["0.TargetName", TARGET_NAME],
      ["1.TargetAddress", `${host}:${harness.portal.port},1`],
      ["2.TargetName", "iqn.2026-01.org.example:two"],
      ["3.TargetAddress", `${host}:${harness.portal.port},1`],
    ]);
  });
}

Deno.test("SendTargets in a normal session speaks of its own target only", () => {
  using harness = new Harness();
  harness.target.addTarget({ name: "iqn.2026-01.org.example:two", port: harness.port });
  using initiator = new RawInitiator(harness);
  initiator.login();
  assert.deepEqual(sendTargets(initiator, "")[0], ["0.TargetName", TARGET_NAME]);
  assert.deepEqual(sendTargets(initiator, "iqn.2026-01.org.example:two"), []);
  assert.deepEqual(sendTargets(initiator, "All"), [["0.SendTargets", "Reject"]]);
});

Deno.test("a long SendTargets answer comes in pieces that the initiator can hold", () => {
  using harness = new Harness();
  for (let index = 0; index < 200; index++) {
    harness.target.addTarget({ name: `iqn.2026-01.org.example:n${index}`, port: harness.port });
  }
  using initiator = new RawInitiator(harness);
  initiator.login({ discovery: true, keys: [["MaxRecvDataSegmentLength", "1024"]] });
  const bhs = initiator.header(Opcode.TEXT_REQUEST, 0x80, true);
  put32(bhs, Bhs.TARGET_TRANSFER_TAG, RESERVED_TAG);
  initiator.send(bhs, formatText([["SendTargets", "All"]]));
  let text = "";
  for (;;) {
    const reply = initiator.receive()!;
    assert.ok(reply.data.length <= 1024);
    text += new TextDecoder().decode(reply.data);
    if (reply.flags & 0x80) break;
    const next = initiator.header(Opcode.TEXT_REQUEST, 0x80, true);
    next.set(bhs.subarray(16, 20), 16);
    put32(next, Bhs.TARGET_TRANSFER_TAG, get32(reply.bhs, Bhs.TARGET_TRANSFER_TAG));
    initiator.send(next);
  }
  assert.equal(text.match(/TargetName=/g)?.length, 201);
});

Deno.test("a login that takes too long is closed", () => {
  using harness = new Harness();
  using initiator = new RawInitiator(harness);
  initiator.sendBytes(new Uint8Array(20));
  harness.pass(14);
  assert.equal(harness.target.statistics.connections_open, 1);
  // Slow is not alive: bytes that trickle in do not help.
  initiator.sendBytes(new Uint8Array(1));
  harness.pass(3);
  assert.equal(harness.target.statistics.connections_open, 0);
  assert.equal(harness.target.statistics.login_timeouts, 1);
});

Deno.test("connections that do not log in make room for others", () => {
  using harness = new Harness();
  const idle = Array.from({ length: 70 }, () => new RawInitiator(harness));
  using initiator = new RawInitiator(harness);
  assert.equal(initiator.login().status, 0);
  assert.ok(harness.target.statistics.connections_open <= 65);
  for (const one of idle) one.close();
});

Deno.test("names of targets compare without case", () => {
  using harness = new Harness();
  harness.target.addTarget({ name: "naa.52004567BA64678D", port: harness.port });
  for (const target of ["naa.52004567ba64678d", TARGET_NAME.toUpperCase()]) {
    using initiator = new RawInitiator(harness);
    assert.equal(initiator.login({ target }).status, 0);
  }
  assert.throws(() => {
    harness.target.addTarget({ name: "naa.52004567ba64678d", port: harness.port });
  }, /there is one of that name/);
});
