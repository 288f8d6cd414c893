import assert from "node:assert/strict";
import { BrokerRig, listen } from "./broker_double.ts";

function rig(address: string): BrokerRig {
  return new BrokerRig({ upstream: { kind: "tcp" } }, { addresses: { upstream: address } });
}

async function readAll(connection: { read(into: Uint8Array): Promise<number | null> }) {
  const got: number[] = [];
  const into = new Uint8Array(70_000);
  for (;;) {
    const count = await connection.read(into);
    if (count === null) return got;
    got.push(...into.subarray(0, count));
  }
}

Deno.test("connect() carries bytes both ways, to the end", async () => {
  await using server = listen(async (connection) => {
    await connection.readable.pipeTo(connection.writable, { preventClose: true }).catch(() => {});
  });
  await using broker = rig(`127.0.0.1:${server.port}`);
  const tcp = broker.guest().tcps.get("upstream")!;
  const connection = await tcp.connect();
  const large = new Uint8Array(300_000).map((_, index) => index * 3);
  const writing = connection.write(large);
  let got = 0;
  const into = new Uint8Array(50_000);
  while (got < large.length) {
    const count = await connection.read(into);
    assert.deepEqual(into.subarray(0, count!), large.subarray(got, got + count!));
    got += count!;
  }
  await writing;
  await connection.close();
  await assert.rejects(connection.read(into), { code: "ended" });
});

Deno.test("read() gives null at the end, and an error where the other side breaks off", async () => {
  await using server = listen(async (connection) => {
    await connection.write(Uint8Array.of(1, 2, 3));
  });
  await using broker = rig(`127.0.0.1:${server.port}`);
  const tcp = broker.guest().tcps.get("upstream")!;
  const connection = await tcp.connect();
  assert.deepEqual(await readAll(connection), [1, 2, 3]);
  await connection.close();
});

Deno.test("connect() fails where nobody listens, and where the address is not allowed", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr;
  free.close();
  {
    await using broker = rig(`127.0.0.1:${port}`);
    const tcp = broker.guest().tcps.get("upstream")!;
    await assert.rejects(tcp.connect(), { code: "unreachable" });
  }
  const resolver = { addresses: () => Promise.resolve(["10.0.0.1"]), own: () => [] };
  const capabilities = { upstream: { kind: "tcp" } } as const;
  const addresses = { upstream: "a.test:80" };
  await using broker = new BrokerRig(capabilities, { addresses, network: { resolver } });
  const tcp = broker.guest().tcps.get("upstream")!;
  await assert.rejects(tcp.connect(), { code: "denied", message: /\+private/ });
});

Deno.test("revoke() ends a connection that waits for bytes", async () => {
  await using server = listen(async (connection) => {
    await connection.read(new Uint8Array(1));
  });
  await using broker = rig(`127.0.0.1:${server.port}`);
  const tcp = broker.guest().tcps.get("upstream")!;
  const connection = await tcp.connect();
  const reading = assert.rejects(connection.read(new Uint8Array(1)), { code: "revoked" });
  broker.broker.revoke("upstream");
  await reading;
  await assert.rejects(connection.write(Uint8Array.of(1)), { code: "revoked" });
  await assert.rejects(tcp.connect(), { code: "revoked" });
});

Deno.test("the end of a guest ends its connections", async () => {
  const ended = Promise.withResolvers<void>();
  await using server = listen(async (connection) => {
    while (await connection.read(new Uint8Array(1)) !== null);
    ended.resolve();
  });
  await using broker = rig(`127.0.0.1:${server.port}`);
  const tcp = broker.guest().tcps.get("upstream")!;
  await tcp.connect();
  broker.hangUp();
  await ended.promise;
  await broker.broker.settle();
  // The next process begins anew.
  const connection = await broker.guest().tcps.get("upstream")!.connect();
  await connection.close();
});
