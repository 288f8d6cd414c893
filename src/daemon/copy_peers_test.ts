import assert from "node:assert/strict";
import { designatorsOf } from "../scsi/copy/designator.ts";
import { makeIdentity } from "../scsi/identity.ts";
import { LogicalUnit } from "../scsi/logical_unit.ts";
import type { PeerUnit } from "../scsi/procedure.ts";
import { CopyPeers } from "./copy_peers.ts";

function peer(name: string): PeerUnit {
  const unit = new LogicalUnit({
    name,
    identity: makeIdentity(name, "0123456789abcdef"),
    block_length: 512,
    block_count: 8,
    features: { writable: true, discard: false, writeZeroes: false, writeCache: false },
  });
  return { unit, perform: () => {} };
}

Deno.test("CopyPeers finds a unit itself and those of its group, by each designator", () => {
  const peers = new CopyPeers();
  const units = new Map(["a", "b", "c", "d", "e"].map((name) => [name, peer(name)]));
  const groups = new Map([["a", "g"], ["b", "g"], ["c", "h"], ["e", ""]]);
  for (const [name, unit] of units) peers.add(name, groups.get(name), unit);
  const found = (by: string) => {
    const find = peers.findFor(by, groups.get(by));
    return [...units].filter(([, { unit }]) =>
      designatorsOf(unit).every((designator) => find(designator)?.unit === unit)
    ).map(([name]) => name).join("");
  };
  assert.deepEqual(["a", "b", "c", "d", "e"].map(found), ["ab", "ab", "c", "d", "e"]);
  // What went before under its name is not it.
  peers.remove("b", peer("b"));
  assert.equal(found("a"), "ab");
  peers.remove("b", units.get("b") as PeerUnit);
  assert.equal(found("a"), "a");
});

Deno.test("CopyPeers: an empty group is none", () => {
  const peers = new CopyPeers();
  const other = peer("other");
  peers.add("other", "", other);
  const [designator] = designatorsOf(other.unit);
  assert.equal(peers.findFor("one", "")(designator), undefined);
  assert.equal(peers.findFor("one", undefined)(designator), undefined);
});
