import assert from "node:assert/strict";
import { join } from "node:path";
import { BrokerRig } from "./broker_double.ts";

async function openssl(folder: string, ...args: string[]): Promise<void> {
  const command = new Deno.Command("openssl", {
    args,
    cwd: folder,
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** An authority, and a certificate of it for these names. */
async function makeCertificate(folder: string, names: string[]) {
  const alternatives = `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\n`;
  await Deno.writeTextFile(join(folder, "names"), alternatives);
  const key = ["-newkey", "rsa:2048", "-nodes"];
  await openssl(
    folder,
    ..."req -x509 -days 2 -subj /CN=authority".split(" "),
    ...key,
    "-keyout",
    "a.key",
    "-out",
    "a.pem",
  );
  await openssl(
    folder,
    "req",
    ...key,
    "-subj",
    "/CN=server",
    "-keyout",
    "key.pem",
    "-out",
    "s.csr",
  );
  await openssl(
    folder,
    ..."x509 -req -days 2 -CA a.pem -CAkey a.key -CAcreateserial -extfile names -in s.csr -out cert.pem"
      .split(" "),
  );
  const read = (name: string) => Deno.readTextFile(join(folder, name));
  return {
    authority: await read("a.pem"),
    cert: await read("cert.pem"),
    key: await read("key.pem"),
  };
}

Deno.test("https: the certificate is checked for the name, while the address is the checked one", async () => {
  const folder = await Deno.makeTempDir();
  let made;
  try {
    made = await makeCertificate(folder, ["a.test"]);
  } catch (error) {
    console.log(`skipped: no certificate can be made here: ${error}`);
    return;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
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
