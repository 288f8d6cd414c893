/** For tests: certificates that are made when they are needed. */
import { join } from "node:path";

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

/** In PEM. */
export interface TestCertificate {
  readonly authority: string;
  readonly cert: string;
  readonly key: string;
}

async function make(folder: string, names: readonly string[]): Promise<TestCertificate> {
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

/** An authority, and a certificate of it for these names; where there is no openssl it says so. */
export async function makeCertificate(
  names: readonly string[],
): Promise<TestCertificate | undefined> {
  const folder = await Deno.makeTempDir();
  try {
    return await make(folder, names);
  } catch (error) {
    console.log(`skipped: no certificate can be made here: ${error}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
