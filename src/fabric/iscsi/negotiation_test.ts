import assert from "node:assert/strict";
import fc from "fast-check";
import { defaultParameters, joiningParameters, Negotiation } from "./negotiation.ts";

const LEADING = { leading: true, discovery: false, fullFeature: false };

Deno.test("Negotiation: without any key the defaults of RFC 7143 13 hold", () => {
  const parameters = new Negotiation(defaultParameters()).parameters;
  assert.equal(parameters.initialR2t, true);
  assert.equal(parameters.immediateData, true);
  assert.equal(parameters.max_burst_length, 262_144);
  assert.equal(parameters.first_burst_length, 65_536);
  assert.equal(parameters.send_segment_length, 8192);
  assert.equal(parameters.receive_segment_length, 8192);
  assert.equal(parameters.max_connections, 1);
  assert.equal(parameters.max_outstanding_r2t, 1);
});

Deno.test("Negotiation: a key offered again is rejected and changes nothing", () => {
  const negotiation = new Negotiation(defaultParameters());
  assert.equal(negotiation.answer("InitialR2T", "No", LEADING), "No");
  assert.equal(negotiation.answer("InitialR2T", "Yes", LEADING), "Reject");
  assert.equal(negotiation.parameters.initialR2t, false);
});

Deno.test("Negotiation: keys of the session are irrelevant on other connections and in discovery", () => {
  for (const stage of [{ ...LEADING, leading: false }, { ...LEADING, discovery: true }]) {
    const negotiation = new Negotiation(defaultParameters());
    assert.equal(negotiation.answer("MaxBurstLength", "512", stage), "Irrelevant");
    assert.equal(negotiation.parameters.max_burst_length, 262_144);
    assert.equal(negotiation.answer("HeaderDigest", "CRC32C", stage), "CRC32C");
  }
});

Deno.test("Negotiation: in full feature phase only what is declared may change", () => {
  const stage = { ...LEADING, fullFeature: true };
  const negotiation = new Negotiation(defaultParameters());
  assert.equal(negotiation.answer("MaxRecvDataSegmentLength", "4096", stage), undefined);
  assert.equal(negotiation.parameters.send_segment_length, 4096);
  assert.equal(negotiation.answer("MaxBurstLength", "512", stage), "Reject");
  assert.equal(negotiation.parameters.max_burst_length, 262_144);
});

Deno.test("Negotiation: answers to offers we did not make get no answer", () => {
  const negotiation = new Negotiation(defaultParameters());
  for (const value of ["Reject", "Irrelevant", "NotUnderstood"]) {
    assert.equal(negotiation.answer("MaxRecvDataSegmentLength", value, LEADING), undefined);
  }
  assert.equal(negotiation.parameters.send_segment_length, 8192);
});

Deno.test("Negotiation: what we declare is declared once, and binds us then", () => {
  const negotiation = new Negotiation(defaultParameters());
  assert.deepEqual(negotiation.declare(), [["MaxRecvDataSegmentLength", "262144"]]);
  assert.deepEqual(negotiation.declare(), []);
  assert.equal(negotiation.parameters.receive_segment_length, 262_144);
});

Deno.test("Negotiation: no value leads to parameters out of range", () => {
  const keys = ["MaxBurstLength", "FirstBurstLength", "MaxOutstandingR2T", "MaxConnections"];
  const value = fc.oneof(fc.string(), fc.integer().map(String), fc.constant("0xffffffff"));
  fc.assert(fc.property(fc.constantFrom(...keys), value, (key, text) => {
    const { parameters } = new Negotiation(defaultParameters());
    const negotiation = new Negotiation(parameters);
    negotiation.answer(key, text, LEADING);
    negotiation.answer("MaxRecvDataSegmentLength", text, LEADING);
    assert.ok(parameters.max_burst_length >= 512 && parameters.max_burst_length <= 1_048_576);
    assert.ok(parameters.first_burst_length >= 512 && parameters.first_burst_length <= 262_144);
    assert.ok(parameters.max_outstanding_r2t >= 1 && parameters.max_outstanding_r2t <= 8);
    assert.ok(parameters.max_connections >= 1 && parameters.max_connections <= 4);
    assert.ok(parameters.send_segment_length >= 512);
  }));
});

Deno.test("joiningParameters() keeps the session's and resets the connection's", () => {
  const session = { ...defaultParameters(), headerDigest: true, initialR2t: false };
  const joined = joiningParameters({ ...session, send_segment_length: 99_999 });
  assert.equal(joined.initialR2t, false);
  assert.equal(joined.headerDigest, false);
  assert.equal(joined.send_segment_length, 8192);
});
