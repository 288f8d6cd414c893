/** lunette plugin verify: whether packages are what was signed, and installed. */
import { Command } from "commander";
import { resolve } from "node:path";
import { RegistryError } from "../../registry/artifact_store.ts";
import { type Finding, findingsOf } from "../../registry/install/audit.ts";
import { readSignatures } from "../../registry/install/marketplace.ts";
import { openPackedPackage } from "../../registry/install/packed_package.ts";
import { fingerprintOf } from "../../registry/trust/fingerprint.ts";
import { checkPackageSignature } from "../../registry/trust/package_statement.ts";
import { dim, green, printable, printJson, red } from "../output.ts";
import { openState } from "./context.ts";

interface VerifyOptions {
  readonly json?: boolean;
}

/** The verb `plugin verify`. */
export function verifyVerb(): Command {
  return new Command("verify")
    .description("check installed packages byte for byte, and whether they were revoked")
    .argument("[id|package]", "package that is installed (default: all), or a packed one")
    .option("--json", "print JSON")
    .action(verify);
}

async function verify(what: string | undefined, options: VerifyOptions): Promise<void> {
  if (what !== undefined && /[/]|^\.+$/.test(what)) return await verifyPacked(what, options);
  const { lock, trust } = openState();
  const packages = (await lock.load()).filter(({ id }) => what === undefined || id === what);
  if (what !== undefined && packages.length === 0) {
    throw new RegistryError("not-found", `${what} is not installed`);
  }
  const findings = await findingsOf({ lock, trust }, packages);
  if (options.json === true) {
    printJson({
      packages: packages.map(({ id, version, digest }) => ({ id, version, digest })),
      findings,
    });
  } else {
    for (const { id, version, digest } of packages) {
      const own = findings.filter((one) => one.digest === digest);
      console.log(`${own.length === 0 ? green("good") : red("bad ")} ${id} ${version}`);
      for (const { problem } of own) console.log(`  ${printable(problem)}`);
    }
    if (packages.length === 0) console.log(dim("nothing is installed"));
  }
  failOn(findings);
}

/** Ends with an error where there are findings. */
export function failOn(findings: readonly Finding[]): void {
  if (findings.length === 0) return;
  const count = findings.length === 1 ? "1 finding" : `${findings.length} findings`;
  throw new RegistryError("untrusted", `${count}: ${findings[0].problem}`, findings[0].advice);
}

async function verifyPacked(path: string, options: VerifyOptions): Promise<void> {
  const packed = await openPackedPackage(resolve(path));
  if (packed === undefined) {
    throw new RegistryError("not-found", `${path} is no packed package`);
  }
  const { store, content } = packed;
  const { id, version, digest } = content;
  const signed_by: string[] = [];
  for (const signature of await readSignatures(store, content)) {
    signed_by.push(await fingerprintOf(await checkPackageSignature(signature, content)));
  }
  if (options.json === true) return printJson({ id, version, digest, signed_by });
  console.log(`${green("good")} ${id} ${version}`);
  console.log(dim(`  ${digest}`));
  console.log(dim(`  signed by ${signed_by.join(", ") || "nobody"}`));
}
