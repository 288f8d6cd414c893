import assert from "node:assert/strict";
import { type AddressClass, classifyAddress, permits } from "./address.ts";

const classes: Record<AddressClass, string[]> = {
  global: [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2400::1",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2002:101:101::1",
  ],
  loopback: ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"],
  private: [
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.168.0.1",
    "198.18.0.1",
    "fc00::1",
    "fdff::1",
    "fec0::1",
    "::ffff:10.1.2.3",
    "::ffff:c0a8:1",
    "64:ff9b::a00:1",
    "2002:a00:1::1",
  ],
  "link-local": ["169.254.0.1", "169.254.170.2", "fe80::1", "febf::1", "::ffff:169.254.1.1"],
  metadata: [
    "169.254.169.254",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
  ],
  unusable: [
    "0.0.0.0",
    "0.1.2.3",
    "192.0.0.1",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::2",
    "::127.0.0.1",
    "::ffff:0.0.0.0",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "4000::1",
    "ff02::1",
    "64:ff9b:1::1",
    "fe80::1%eth0",
    "example.org",
    "0x7f.1",
    "127.1",
    "",
  ],
};
for (const [what, addresses] of Object.entries(classes)) {
  for (const address of addresses) {
    Deno.test(`classifyAddress() takes "${address}" as ${what}`, () => {
      assert.equal(classifyAddress(address), what);
    });
  }
}

Deno.test("permits() lets a name reach public addresses only, unless the operator said more", () => {
  const plain = { host: "example.org", private: false };
  const near = { host: "example.org", private: true };
  const cases: [address: string, plain: boolean, near: boolean][] = [
    ["1.1.1.1", true, true],
    ["127.0.0.1", false, true],
    ["10.0.0.1", false, true],
    ["::ffff:10.0.0.1", false, true],
    ["169.254.169.254", false, false],
    ["fe80::1", false, false],
    ["224.0.0.1", false, false],
    ["0.0.0.0", false, false],
  ];
  for (const [address, alone, more] of cases) {
    assert.equal(permits(plain, address, false), alone, address);
    assert.equal(permits(near, address, false), more, address);
  }
  // This machine's public address reaches this machine.
  assert.equal(permits(plain, "1.1.1.1", true), false);
  assert.equal(permits(near, "1.1.1.1", true), true);
});

Deno.test("permits() takes an address that was named as meant", () => {
  assert.ok(permits({ host: "127.0.0.1", private: false }, "127.0.0.1", true));
  assert.ok(permits({ host: "169.254.169.254", private: false }, "169.254.169.254", false));
  assert.ok(!permits({ host: "0.0.0.0", private: false }, "0.0.0.0", false));
  assert.ok(permits({ host: "localhost", private: false }, "127.0.0.1", true));
  assert.ok(!permits({ host: "localhost", private: false }, "10.0.0.1", false));
});
