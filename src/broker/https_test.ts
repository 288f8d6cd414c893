import assert from "node:assert/strict";
import { BrokerRig } from "./broker_double.ts";
import { makeCertificate } from "./certificate_double.ts";

Deno.test("https: the certificate is checked for the name, while the address is the checked one", async () => {
  const made = await makeCertificate(["a.test"]);
  if (made === undefined) return;
  const { authority, cert, key } = made;
  const options = { hostname: "127.0.0.1", port: 0, cert, key, onListen: () => {} };
  const server = Deno.serve(options, (request) => new Response(request.headers.get("host")));
  const { port } = server.addr;
  const resolver = { addresses: () => Promise.resolve(["127.0.0.1"]), own: () => [] };
  const origins = [`https://a.test:${port}`, `https://b.test:${port}`];
  const addresses = { web: origins.map((origin) => `${origin}+private`).join(",") };
  {
    const network = { resolver, authorities: [authority] };
    await using broker = new BrokerRig({ web: { kind: "http" } }, { addresses, network });
    const web = broker.guest().https.get("web")!;
    assert.equal(await (await web.fetch(origins[0])).text(), `a.test:${port}`);
    await assert.rejects(web.fetch(origins[1]), { code: "unreachable", message: /b\.test/ });
  }
  {
    await using broker = new BrokerRig({ web: { kind: "http" } }, {
      addresses,
      network: { resolver },
    });
    const web = broker.guest().https.get("web")!;
    // An authority that nobody knows.
    await assert.rejects(web.fetch(origins[0]), { code: "unreachable" });
  }
  await server.shutdown();
});
