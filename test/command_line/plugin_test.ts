/** From a publisher to a served LUN: the verbs as people use them, with real processes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { selfCheck } from "../../src/cli/self_check.ts";
import {
  noDockerRegistry,
  startDockerRegistry,
} from "../../src/registry/oci/docker_registry_double.ts";
import { makeHandler, type Outcome, type User, withUsers } from "./plugin_rig.ts";

/** What each step may take, on a machine that does nothing else. */
const STEP_MS = 3_000;
/** This much slower may a machine be that does other things, too. */
const BUSY = 5;

/** Writes and reads through the embedded target of a LUN that is shown. */
async function useLun(shown: string): Promise<void> {
  const { url } = JSON.parse(shown);
  const match = /^iscsi:\/\/([^:]+):(\d+)\/([^/]+)\//.exec(url);
  assert(match !== null, url);
  await selfCheck({ hostname: match[1], port: Number(match[2]) }, match[3], 4 << 20, () => {});
}

const SUITES = ["Read6", "Read10", "Read12", "Read16", "Write10", "Write12", "Write16"];

/** Runs libiscsi's suites for reads and writes, where they are installed. */
async function runSuites(shown: string): Promise<void> {
  const { url } = JSON.parse(shown);
  const test = SUITES.map((name) => `SCSI.${name}`).join(",");
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("iscsi-test-cu", {
      args: ["--dataloss", `--test=${test}`, url],
    }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return console.log("    skipped: there is no iscsi-test-cu here (Debian's libiscsi-bin)");
  }
  const said = new TextDecoder().decode(output.stdout);
  const [, total, , passed, failed] = /tests +(\d+) +(\d+) +(\d+) +(\d+)/.exec(said) ?? [];
  assert(Number(total) > 30 && passed === total && failed === "0", said);
}

/** The options that a refusal says would have meant consent. */
function offered(stderr: string): string[] {
  const match = /add: (--yes --capabilities '([^']*)' --trust (\S+))/.exec(stderr);
  assert(match !== null, stderr);
  return ["--yes", "--capabilities", match[2], "--trust", match[3]];
}

async function walk(publisher: User, operator: User, folder: string, location: string) {
  const times: [string, number][] = [];
  const step = async (who: User, ...args: string[]): Promise<Outcome> => {
    const outcome = await who.try(...args);
    assert.equal(outcome.code, 0, `${args.join(" ")}: ${outcome.stderr}`);
    times.push([args.slice(0, 2).join(" "), outcome.ms]);
    return outcome;
  };
  const source = join(folder, "source");
  const dist = join(folder, "dist");
  await step(publisher, "plugin", "new", source, "--id", "acme.disk");
  await step(publisher, "plugin", "key", "new", "acme");
  await step(publisher, "plugin", "pack", source, "--output", dist);
  await step(publisher, "plugin", "sign", dist, "--key", "acme");
  assert.match(
    (await step(publisher, "plugin", "publish", dist, "--to", location, "--key", "acme")).stdout,
    /^published acme.disk 0.1.0/,
  );
  assert.match(
    (await step(operator, "plugin", "search", "disk", "--from", location)).stdout,
    /^acme.disk\s+0.1.0/m,
  );
  const asked = await operator.try("plugin", "install", "acme.disk", "--from", location);
  assert.equal(asked.code, 77);
  assert.match(asked.stderr, /It cannot reach the network/);
  const consent = offered(asked.stderr);
  await step(operator, "plugin", "install", "acme.disk", "--from", location, ...consent);
  await operator.serving(async () => {
    const create = ["create", "disk", "--handler", "acme.disk", "--size", "16M"];
    const missing = ["--accept-missing", "landlock,namespaces,uid"];
    const shown = await step(
      operator,
      ...create,
      "--fabric",
      "embedded-iscsi",
      ...missing,
      "--json",
    );
    await useLun(shown.stdout);
    await runSuites(shown.stdout);
    const show = (await step(operator, "show", "disk")).stdout;
    assert.match(show, /^package\s+acme.disk 0.1.0$/m);
    assert.match(show, /^digest\s+sha256:[0-9a-f]{64}$/m);
    assert.match(show, /^publisher\s+acme, key ([0-9a-z]{4}-){7}[0-9a-z]{4}$/m);
  });
  for (const [name, ms] of times) console.log(`    ${name}: ${ms.toFixed(0)} ms`);
  for (const [name, ms] of times) assert(ms < STEP_MS * BUSY, `${name} took ${ms} ms`);
}

Deno.test("a stranger's handler, from a folder to a served LUN", async () => {
  await withUsers((publisher, operator, folder) =>
    walk(publisher, operator, folder, join(folder, "marketplace"))
  );
});

const none = await noDockerRegistry();
Deno.test({
  name: "a stranger's handler, from a registry to a served LUN",
  ignore: none !== undefined,
  fn: async () => {
    await using registry = await startDockerRegistry(false);
    await withUsers((publisher, operator, folder) =>
      walk(publisher, operator, folder, `oci://${registry.host}/lunette`)
    );
  },
});
if (none !== undefined) console.log(`skipped: ${none}`);

/** A package that is published, and installed with consent. */
async function installed(publisher: User, operator: User, folder: string): Promise<string> {
  const location = join(folder, "marketplace");
  await publisher.run("plugin", "key", "new", "acme");
  const source = await makeHandler(folder);
  await publisher.run("plugin", "publish", source, "--to", location, "--key", "acme");
  const asked = await operator.try("plugin", "install", "acme.xor", "--from", location);
  const consent = offered(asked.stderr);
  await operator.run("plugin", "install", "acme.xor", "--from", location, ...consent);
  return location;
}

Deno.test("a shell completes verbs of verbs, their options, and what is installed", async () => {
  await withUsers(async (_publisher, operator) => {
    const script = await operator.run("completion", "bash");
    const complete = async (...words: string[]) => {
      const list = '[{\n    "id": "acme.disk",\n}]';
      const code = `${script}
lunette() { printf '%s' '${list.replace("[{", "[\n  {")}'; }
COMP_WORDS=(lunette "$@"); COMP_CWORD=$#; _lunette; echo "\${COMPREPLY[*]}"`;
      const { stdout } = await new Deno.Command("bash", { args: ["-c", code, "bash", ...words] })
        .output();
      return new TextDecoder().decode(stdout).trim();
    };
    assert.equal(await complete("plug"), "plugin");
    assert.equal(await complete("plugin", "inst"), "install");
    assert.equal(await complete("plugin", "key", "ro"), "rotate");
    assert.equal(await complete("plugin", "install", "--accept"), "--accept-lookalike");
    assert.equal(await complete("plugin", "update", "acme"), "acme.disk");
    assert.equal(await complete("create", "x", "--fabric", "loop"), "loopback");
  });
});

Deno.test("consent is exact: to the capabilities, to keys, to lookalikes", async () => {
  await withUsers(async (publisher, operator, folder) => {
    const location = join(folder, "marketplace");
    await publisher.run("plugin", "key", "new", "acme");
    const source = await makeHandler(folder);
    await publisher.run("plugin", "publish", source, "--to", location, "--key", "acme");
    const install = ["plugin", "install", "acme.xor", "--from", location];
    await operator.refused(77, /no terminal to ask on\n.*--yes --capabilities/, ...install);
    await operator.refused(77, /--yes needs the capabilities/, ...install, "--yes");
    await operator.refused(
      77,
      /asks for other capabilities/,
      ...[...install, "--yes", "--capabilities", "blocks=memory:volume,disk=file:read-only"],
    );
    const right = [...install, "--yes", "--capabilities", "blocks=memory:volume"];
    await operator.refused(77, /is not known yet\n.*--trust/, ...right);
    await operator.refused(77, /is not known yet/, ...right, "--trust", "aaaa-bbbb");
    assert.equal(await operator.run("plugin", "ls", "--json"), "[]\n");
    const { stderr } = await operator.try(...install);
    await operator.run(...install, ...offered(stderr));
    // The same once more needs none: nothing about it is new, nor where it comes from.
    await operator.run(...install);
    await operator.run("plugin", "install", "acme.xor@1.0.0");
    const { capabilities, version } = JSON.parse(await operator.run("plugin", "ls", "--json"))[0];
    assert.deepEqual([version, capabilities], ["1.0.0", "blocks=memory:volume"]);

    await publisher.run("plugin", "key", "new", "acne");
    const fake = await makeHandler(join(folder, "fake"), { id: "acne.xor" });
    const publish = ["plugin", "publish", fake, "--to", location, "--key", "acne"];
    await publisher.refused(77, /signed by another key.*\n.*--index-key/, ...publish);
    await publisher.run(...publish, "--index-key", "acme");
    const taken = ["plugin", "install", "acne.xor", "--from", location];
    const said = await operator.refused(77, /acne.xor looks like acme, acme.xor/, ...taken);
    assert.match(said, /--accept-lookalike acme --accept-lookalike acme.xor/);
    const accepted = [...taken, "--accept-lookalike", "acme", "--accept-lookalike", "acme.xor"];
    const asked = await operator.try(...accepted);
    await operator.run(...accepted, ...offered(asked.stderr));
  });
});

Deno.test("an update that wants more is held while the old one goes on; one that does not is taken", async () => {
  await withUsers(async (publisher, operator, folder) => {
    const location = await installed(publisher, operator, folder);
    const publish = async (version: string, more: Record<string, unknown> = {}) => {
      const source = await makeHandler(folder, { version, ...more });
      await publisher.run("plugin", "publish", source, "--to", location, "--key", "acme");
    };
    await operator.serving(async () => {
      await operator.run(...createDisk("disk"));
      await publish("1.1.0");
      assert.match(await operator.run("plugin", "update", "--check"), /1.0.0\s+1.1.0\s+available/);
      const updated = await operator.run("plugin", "update");
      assert.match(updated, /^acme.xor\s+1.0.0\s+1.1.0\s+updated$/m);
      assert.match(updated, /disk goes on with the version that it has/);
      // Its process is replaced by one of the same version, though its id means another now.
      await operator.run("restart", "disk");
      assert.match(await operator.run("show", "disk"), /^package\s+acme.xor 1.0.0$/m);

      const blocks = { kind: "memory", size: "volume" };
      await publish("2.0.0", { capabilities: { blocks, peer: { kind: "tcp" } } });
      assert.match(await operator.run("plugin", "update", "--check"), /wants more .*: peer=tcp/);
      const held = await operator.refused(77, /Held: acme.xor/, "plugin", "update");
      assert.match(held, /--accept 'blocks=memory:volume,peer=tcp'/);
      await operator.refused(77, /Held/, "plugin", "update", "acme.xor", "--accept", "peer=tcp");
      assert.match(await operator.run("plugin", "ls"), /1.1.0\s+current/);
      const accept = ["--accept", "blocks=memory:volume,peer=tcp"];
      await operator.run("plugin", "update", "acme.xor", ...accept);
      assert.match(await operator.run("plugin", "ls"), /2.0.0\s+current/);
    });
  });
});

Deno.test("a new key that the old one has signed for is taken, another one is held", async () => {
  await withUsers(async (publisher, operator, folder) => {
    const location = await installed(publisher, operator, folder);
    const rotate = ["plugin", "key", "rotate", "acme"];
    const no_file = ["--passphrase-file", join(folder, "none")];
    await publisher.refused(64, /Cannot read the passphrase: .*none/, ...rotate, ...no_file);
    await publisher.run(...rotate);
    const next = await makeHandler(folder, { version: "1.1.0" });
    await publisher.run("plugin", "publish", next, "--to", location, "--key", "acme");
    assert.match(await operator.run("plugin", "update"), /1.1.0\s+updated/);
    // Somebody who has the marketplace, and no key of the publisher's.
    await Deno.remove(location, { recursive: true });
    await Deno.remove(join(publisher.folder, "config"), { recursive: true });
    await Deno.remove(join(publisher.folder, "state"), { recursive: true });
    await publisher.run("plugin", "key", "new", "acme");
    const evil = await makeHandler(folder, { version: "1.2.0" });
    await publisher.run("plugin", "publish", evil, "--to", location, "--key", "acme");
    await operator.refused(1, /signed by another key than before/, "plugin", "update");
    await operator.run("plugin", "trust", "rm", location);
    const [key] = JSON.parse(await publisher.run("plugin", "key", "ls", "--json"));
    await operator.run("plugin", "trust", "add", location, key.key);
    const held = await operator.refused(77, /Held: acme.xor/, "plugin", "update");
    assert.match(key.key, /^ed25519:[\w-]{43}$/);
    assert.match(held, new RegExp(`trust add acme ${key.key}`));
    assert.match(await operator.run("plugin", "ls"), /1.1.0\s+current/);
    const install = ["plugin", "install", "acme.xor", "--from", location];
    await operator.refused(1, /another key than the one that you trust/, ...install);
  });
});

/** What makes a LUN of the package that {@linkcode installed} has installed. */
function createDisk(name: string): string[] {
  return [
    ...["create", name, "--handler", "acme.xor", "--size", "16M"],
    ...["--fabric", "embedded-iscsi", "--accept-missing", "landlock,namespaces,uid"],
  ];
}

/** Shows a LUN until what is shown has come true. */
async function shownAs(operator: User, pattern: RegExp): Promise<string> {
  for (let attempt = 0;; attempt++) {
    const { stdout, stderr } = await operator.try("show", "disk");
    if (pattern.test(stdout)) return stdout;
    assert(attempt < 100, stdout + stderr);
  }
}

Deno.test("what is revoked does not start; a LUN goes on until its daemon ends", async () => {
  await withUsers(async (publisher, operator, folder) => {
    const location = await installed(publisher, operator, folder);
    const log = await operator.serving(async () => {
      await operator.run(...createDisk("disk"));
      await publisher.run(
        ...["plugin", "revoke", "acme.xor@1.0.0", "--reason", "it loses data"],
        ...["--to", location, "--key", "acme"],
      );
      await operator.refused(1, /was revoked by .*: it loses data/, "plugin", "audit");
      const revoked = /^revoked\s+The package acme.xor 1.0.0 was revoked by .*it loses data/m;
      assert.match(await shownAs(operator, revoked), /^state\s+serving$/m);
      assert.match(await operator.run("ls"), /\(revoked\)/);
      await operator.refused(1, /was revoked/, ...createDisk("more"));
      await useLun(await operator.run("show", "disk", "--json"));
    });
    assert.match(log, /error disk: The package acme.xor 1.0.0 was revoked/);
    await operator.serving(async () => {
      await shownAs(operator, /^state\s+failed: .*was revoked/m);
    });
    // Until its operator has taken another version.
    const next = await makeHandler(folder, { version: "1.1.0" });
    await publisher.run("plugin", "publish", next, "--to", location, "--key", "acme");
    assert.match(await operator.run("plugin", "update"), /1.1.0\s+updated/);
    const after = await operator.serving(async () => {
      await shownAs(operator, /^state\s+no-medium: the volatile content was lost/m);
    });
    assert.match(after, /disk: its version of acme.xor was revoked: 1.1.0 serves it/);
  });
});

Deno.test("an update of what was revoked says what is left, and takes what was signed again", async () => {
  await withUsers(async (publisher, operator, folder) => {
    const location = await installed(publisher, operator, folder);
    const to = ["--to", location, "--key", "acme"];
    const next = await makeHandler(folder, { version: "1.1.0" });
    await publisher.run("plugin", "publish", next, ...to);
    await operator.run("plugin", "update");
    await publisher.run("plugin", "revoke", "acme.xor@1.1.0", "--reason", "it loses data", ...to);
    const said = await operator.refused(1, /1.1.0 was revoked by .*loses data/, "plugin", "update");
    assert.match(said, /What is left is older: lunette plugin install acme.xor@1.0.0/);
    const { stderr } = await operator.try("plugin", "install", "acme.xor@1.0.0");
    assert.match(stderr, /1.1.0 is installed now.*\n - this one is older/);
    const consent = ["--yes", "--capabilities", "blocks=memory:volume"];
    await operator.run("plugin", "install", "acme.xor@1.0.0", ...consent);

    const [{ key }] = JSON.parse(await operator.run("plugin", "ls", "--json"));
    await publisher.run("plugin", "key", "rotate", "acme");
    const same = await makeHandler(folder, { version: "1.0.0" });
    await publisher.run("plugin", "publish", same, ...to);
    await publisher.run("plugin", "revoke", key, "--reason", "stolen", ...to);
    await operator.refused(1, /The key that signed .* was revoked/, "plugin", "audit");
    assert.match(await operator.run("plugin", "update"), /1.0.0\s+1.0.0\s+updated/);
    assert.match(await operator.run("plugin", "audit"), /no findings/);
  });
});

Deno.test("a LUN whose package is revoked stops where its operator wants that", async () => {
  await withUsers(async (publisher, operator, folder) => {
    await installed(publisher, operator, folder);
    await operator.serving(async () => {
      await operator.run(...createDisk("disk"));
      const [{ key }] = JSON.parse(await operator.run("plugin", "ls", "--json"));
      const why = ["plugin", "revoke", key, "--reason"];
      await operator.refused(64, /control characters in "reason"/, ...why, "st\x1b[2Jolen");
      await operator.run(...why, "stolen");
      await shownAs(operator, /^state\s+failed: The key that signed .* was revoked .*: stolen/m);
      await operator.refused(1, /was revoked by the operator of this machine/, "restart", "disk");
      await operator.run("plugin", "trust", "rm", key);
      await operator.run("restart", "disk");
      await shownAs(operator, /^state\s+serving$/m);
    }, { plugin_revocation: "stop" });
  });
});

Deno.test("installed files that were changed are found, and do not start until they are mended", async () => {
  await withUsers(async (publisher, operator, folder) => {
    const location = await installed(publisher, operator, folder);
    assert.match(await operator.run("plugin", "verify", "acme.xor"), /^good acme.xor 1.0.0$/m);
    const [{ digest }] = JSON.parse(await operator.run("plugin", "ls", "--json"));
    const packages = join(operator.folder, "state", "plugins", "packages");
    const module = join(packages, digest.replace(":", "-"), "mod.js");
    await Deno.chmod(module, 0o644);
    await Deno.writeTextFile(module, "export function open() {}");
    await operator.refused(1, /1 finding: .*mod.js has another digest/, "plugin", "verify");
    await operator.refused(1, /mod.js has another digest/, "plugin", "audit", "--offline");
    await operator.serving(async () => {
      await operator.refused(1, /mod.js has another digest/, ...createDisk("disk"));
      await operator.run("plugin", "install", "acme.xor@1.0.0", "--from", location);
      await operator.run(...createDisk("disk"));
      await operator.refused(77, /acme.xor serves LUNs: disk/, "plugin", "rm", "acme.xor");
      // Before each start: also of the process that takes another's place.
      await Deno.chmod(module, 0o644);
      await Deno.writeTextFile(module, "export function open() {}");
      await operator.refused(1, /mod.js has another digest/, "restart", "disk");
    });
    await operator.run("plugin", "rm", "acme.xor", "--force");
    assert.equal(await operator.run("plugin", "ls", "--json"), "[]\n");
  });
});

Deno.test("whoever runs a marketplace lists what publishers put there, and renews its index", async () => {
  await withUsers(async (publisher, operator, folder) => {
    const location = join(folder, "marketplace");
    await publisher.run("plugin", "key", "new", "acme");
    await operator.run("plugin", "key", "new", "market");
    const source = await makeHandler(folder);
    await publisher.run(
      ...["plugin", "publish", source, "--to", location, "--key", "acme", "--no-index"],
    );
    await operator.refused(66, /has no index/, "plugin", "search", "--from", location);
    const [{ fingerprint }] = JSON.parse(await publisher.run("plugin", "key", "ls", "--json"));
    const add = ["plugin", "index", "add", "acme.xor@1.0.0", "--to", location, "--key", "market"];
    await operator.refused(1, /not signed by/, ...add, "--publisher-key", "aaaa");
    assert.match(
      await operator.run(...add, "--publisher-key", fingerprint),
      /extended the index of "market": version 1/,
    );
    const renew = ["plugin", "index", "renew", "--to", location, "--key", "market"];
    assert.match(await operator.run(...renew, "--days", "7"), /version 2/);
    const shown = JSON.parse(
      await operator.run("plugin", "index", "show", "--from", location, "--json"),
    );
    assert.equal(Date.parse(shown.expires) - Date.parse(shown.issued), 7 * 86_400_000);
    assert.deepEqual(shown.packages.map(({ id }: { id: string }) => id), ["acme.xor"]);
    await operator.refused(64, /1 to 366 days/, ...renew, "--days", "999");
    await operator.refused(
      66,
      /no package "acme.tape"/,
      ...["plugin", "install", "acme.tape", "--from", location],
    );
  });
});
