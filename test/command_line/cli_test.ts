/** The command line as a user meets it: a daemon in a process, verbs, exit codes, errors. */
import assert from "node:assert/strict";
import { LAYER_PURPOSE, LAYERS, REQUIRED_LAYERS } from "../../src/sandbox/lockdown/layers.ts";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `lunette` with run-time files in a directory of its own. */
async function lunette(directory: string, ...args: string[]): Promise<Outcome> {
  const output = await command(directory, args).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

function command(directory: string, args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--unstable-worker-options", main, ...args],
    env: {
      LUNETTE_RUNTIME_DIR: join(directory, "run"),
      LUNETTE_STATE_DIR: join(directory, "state"),
      NO_COLOR: "1",
    },
    stdout: "piped",
    stderr: "piped",
  });
}

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "lunette-cli-" });
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function untilSocket(path: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    try {
      (await Deno.connect({ transport: "unix", path })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("the daemon does not answer");
}

Deno.test("lunette without a verb prints its help and fails; --help and --version succeed", async () => {
  await withDirectory(async (directory) => {
    const none = await lunette(directory);
    assert.equal(none.code, 64);
    const help = await lunette(directory, "--help");
    assert.equal(help.code, 0);
    const verbs = ["demo", "serve", "create", "rm", "ls", "show", "stats", "doctor"];
    for (const verb of [...verbs, "resize", "limit", "upgrade", "protect", "eject", "insert"]) {
      assert.match(help.stdout, new RegExp(`^  ${verb}`, "m"));
    }
    assert.match(
      (await lunette(directory, "--version")).stdout,
      /^lunette \d+\.\d+\.\d+, commit \S+, \S/m,
    );
  });
});

Deno.test("lunette says what is wrong and what to do, with an exit code of its kind", async () => {
  await withDirectory(async (directory) => {
    const cases: [string[], number, RegExp][] = [
      [["ls"], 69, /No daemon answers.*\n.*lunette serve/],
      [["lss"], 64, /unknown command 'lss'/],
      [["create", "x"], 64, /--handler/],
      [["create", "x y", "--handler", "memory"], 64, /cannot be the name/],
      [["create", "x", "--handler", "memory", "--size", "12Q"], 64, /not a size/],
      [["create", "x", "--handler", "memory", "--size", "9P"], 64, /8 PiB.*\n.*several/],
      [["create", "x", "--handler", "memory", "--block-size", "1024"], 64, /512, 4096/],
      [["create", "x", "--handler", "memory", "--copy-group", "a b"], 64, /copy group/],
      [["resize", "x"], 64, /size/],
      [["resize", "x", "10G"], 69, /No daemon answers/],
      [["limit", "x"], 64, /No limit was given/],
      [["limit", "x", "--threads", "1"], 64, /from 32 to 4096/],
      [["limit", "x", "--cpu-weight", "9", "--accept-missing", "cgroup-cpu"], 69, /No daemon/],
      [["limit", "x", "--memory", "default", "--nice", "3", "--deadline", "9s"], 69, /No daemon/],
      [["create", "x", "--handler", "y", "--accept-missing", "seccomp"], 64, /No handler runs/],
      [["upgrade", "x", "--rollback"], 69, /No daemon answers/],
      [["upgrade", "x", "--probation", "long"], 64, /not a time|"long"/],
      [["protect", "x y"], 64, /cannot be the name/],
      [["eject", "x", "--off"], 64, /unknown option/],
      [["create", "x", "--handler", "memory", "--fabric", "token-ring"], 64, /loopback/],
      [["create", "x", "--handler", "memory", "--set", "novalue"], 64, /key=value/],
      [["rm", "nothing"], 66, /no LUN "nothing"/],
      [["serve", "-c", "/nonexistent.json"], 66, /nonexistent/],
      [["serve", "--listen", "nonsense"], 64, /address:port/],
    ];
    for (const [args, code, message] of cases) {
      const outcome = await lunette(directory, ...args);
      assert.match(outcome.stderr, message, args.join(" "));
      assert.equal(outcome.code, code, args.join(" "));
      assert.doesNotMatch(outcome.stderr, /\n\s+at /, "no stack trace");
    }
    const json = await lunette(directory, "ls", "--json");
    assert.equal(JSON.parse(json.stderr).error.kind, "unavailable");
  });
});

Deno.test("lunette doctor tries each layer of the sandbox, and says what is missing and what to do", async () => {
  await withDirectory(async (directory) => {
    const findings: { name: string; ok: boolean; cost?: string; advice: string }[] = JSON.parse(
      (await lunette(directory, "doctor", "--json")).stdout,
    );
    const isRoot = Deno.uid() === 0;
    for (const layer of LAYERS) {
      const found = findings.find(({ name }) => name === `sandbox ${layer}`);
      assert.ok(found !== undefined, layer);
      if (!isRoot && (layer === "namespaces" || layer === "uid")) assert.equal(found.ok, false);
      if (found.ok) continue;
      assert.ok(found.cost?.includes(LAYER_PURPOSE[layer]), layer);
      assert.match(found.advice, new RegExp(`--accept-missing ${layer}`));
    }
    for (const layer of REQUIRED_LAYERS) {
      assert.ok(findings.some(({ name, ok }) => ok && name === `sandbox ${layer}`), layer);
    }
  });
});

Deno.test("lunette serve, create, ls, show, stats and rm work together over the socket", async () => {
  await withDirectory(async (directory) => {
    const config = join(directory, "config.json");
    const luns = [{ name: "scratch", handler: "memory", size: "8M", fabric: "embedded-iscsi" }];
    await Deno.writeTextFile(config, JSON.stringify({ listen: "127.0.0.1:0", luns }));
    const daemon = command(directory, ["serve", "-c", config]).spawn();
    const log = new Response(daemon.stderr).text();
    const rest = daemon.stdout.cancel();
    const socket = join(directory, "run", "control.sock");
    await untilSocket(socket);
    assert.equal(((await Deno.stat(socket)).mode ?? 0) & 0o777, 0o600);
    const image = join(directory, "disk.img");
    const create = await lunette(
      directory,
      ...["create", "disk", "--handler", "file", "--set", `path=${image}`, "--size", "16M"],
      ...["--fabric", "embedded-iscsi", "--json"],
    );
    assert.equal(create.code, 0, create.stderr);
    assert.equal(JSON.parse(create.stdout).size_bytes, 16 << 20);
    const list = JSON.parse((await lunette(directory, "ls", "--json")).stdout);
    assert.deepEqual(list.map((lun: { name: string }) => lun.name).sort(), ["disk", "scratch"]);
    assert.match((await lunette(directory, "show", "disk")).stdout, /^state\s+serving$/m);
    assert.match((await lunette(directory, "stats")).stdout, /^disk\s+\d/m);
    assert.equal((await lunette(directory, "show", "nobody")).code, 66);
    const twice = await lunette(directory, "create", "disk", "--handler", "memory", "--size", "1M");
    assert.equal(twice.code, 73);
    const second = await lunette(directory, "serve");
    assert.equal(second.code, 75, second.stderr);
    assert.equal((await lunette(directory, "rm", "disk", "scratch")).code, 0);
    assert.equal((await lunette(directory, "ls", "--json")).stdout.trim(), "[]");
    assert.equal((await Deno.stat(image)).size, 16 << 20, "the data stay");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.status).code, 0, await log);
    await rest;
    await log;
  });
});

Deno.test("lunette resize, protect, eject, insert and show --commands change and tell of a LUN", async () => {
  await withDirectory(async (directory) => {
    const config = join(directory, "config.json");
    const unit = { removable: true, copy_group: "backup" };
    const luns = [{ name: "disk", handler: "memory", size: "8M", fabric: "embedded-iscsi", unit }];
    await Deno.writeTextFile(config, JSON.stringify({ listen: "127.0.0.1:0", luns }));
    const daemon = command(directory, ["serve", "-c", config]).spawn();
    const log = new Response(daemon.stderr).text();
    const rest = daemon.stdout.cancel();
    await untilSocket(join(directory, "run", "control.sock"));
    const run = (...args: string[]) => lunette(directory, ...args);
    // The daemon answers before it has made the LUNs of its configuration.
    for (let attempt = 0; attempt < 50; attempt++) {
      if ((await run("show", "disk")).code === 0) break;
    }
    const grown = await run("resize", "disk", "16M");
    assert.deepEqual([grown.code, grown.stdout], [0, "resized to 16 MiB disk\n"], grown.stderr);
    const shrunk = await run("resize", "disk", "4M");
    assert.equal(shrunk.code, 64);
    assert.match(shrunk.stderr, /from 16 MiB to 4 MiB destroys everything behind.*\n.*--shrink/);
    const forced = await run("resize", "disk", "4M", "--shrink");
    assert.equal(forced.code, 0);
    assert.match(forced.stderr, /destroys/);
    const json = JSON.parse((await run("protect", "disk", "--json")).stdout);
    assert.deepEqual([json.lun.write_protected, json.notes], [true, []]);
    assert.match((await run("show", "disk")).stdout, /^access mode\s+read-only: write protected$/m);
    assert.equal((await run("protect", "disk", "--off")).stdout, "writable disk\n");
    assert.equal((await run("eject", "disk")).stdout, "ejected disk\n");
    const shown = (await run("show", "disk")).stdout;
    assert.match(shown, /^state\s+no-medium: the medium was ejected$/m);
    assert.match(shown, /^medium\s+removable, ejected$/m);
    assert.match(shown, /^copy group\s+backup$/m);
    assert.match(shown, /^identifier\s+naa 3[0-9a-f]{15}$/m);
    assert.equal((await run("insert", "disk")).stdout, "inserted disk\n");
    const table = (await run("show", "disk", "--commands")).stdout;
    assert.match(table, /^CODE\s+ACTION\s+NAME\s+ANSWERED BY\s+CLAUSE$/m);
    assert.match(table, /^00h\s+TEST UNIT READY\s+engine\s+SPC-4 6\.47$/m);
    assert.match(table, /^A0h\s+REPORT LUNS\s+embedded target core/m);
    const commands = JSON.parse((await run("show", "disk", "--commands", "--json")).stdout);
    assert(commands.length > 50);
    assert.equal((await run("resize", "nobody", "1G")).code, 66);
    daemon.kill("SIGTERM");
    assert.equal((await daemon.status).code, 0, await log);
    await rest;
    await log;
  });
});

Deno.test("lunette completion prints scripts that the shell accepts", async () => {
  await withDirectory(async (directory) => {
    const { stdout, code } = await lunette(directory, "completion", "bash");
    assert.equal(code, 0);
    const check = await new Deno.Command("bash", { args: ["-n", "-c", stdout] }).output();
    assert(check.success);
    for (const shell of ["zsh", "fish"]) {
      assert.match((await lunette(directory, "completion", shell)).stdout, /create/);
    }
  });
});
