import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { dataOfStatm } from "./guest_limits.ts";
import { getLimit, Resource, setLimits, setNice, setSoftLimit } from "./rlimit.ts";

/** A process that can be limited: it waits until its input ends. */
function child(): Deno.ChildProcess {
  return new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
}

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "lunette-limits" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A limit as the kernel prints it. */
async function printed(pid: number, name: string): Promise<string[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/limits`);
  const line = text.split("\n").find((line) => line.startsWith(name));
  return line?.slice(26).trim().split(/\s+/).slice(0, 2) ?? [];
}

Deno.test("a running process is limited from outside, hard and soft, and never raised", async () => {
  const process = child();
  try {
    setLimits(process.pid, [
      { resource: Resource.NOFILE, value: 100 },
      { resource: Resource.CORE, value: 0 },
      { resource: Resource.FSIZE, value: Infinity },
    ]);
    assert.deepEqual(await printed(process.pid, "Max open files"), ["100", "100"]);
    assert.deepEqual(await printed(process.pid, "Max core file size"), ["0", "0"]);
    assert.deepEqual(getLimit(process.pid, Resource.NOFILE), { soft: 100, hard: 100 });
    setLimits(process.pid, [{ resource: Resource.NOFILE, value: 200 }]);
    assert.deepEqual(getLimit(process.pid, Resource.NOFILE), { soft: 100, hard: 100 });
  } finally {
    await process.stdin.close();
    await process.status;
  }
});

Deno.test("a soft limit can be raised again, up to the hard one", async () => {
  const process = child();
  try {
    setLimits(process.pid, [{ resource: Resource.NOFILE, value: 100 }]);
    setSoftLimit(process.pid, { resource: Resource.NOFILE, value: 50 });
    assert.deepEqual(getLimit(process.pid, Resource.NOFILE), { soft: 50, hard: 100 });
    setSoftLimit(process.pid, { resource: Resource.NOFILE, value: 1000 });
    assert.deepEqual(getLimit(process.pid, Resource.NOFILE), { soft: 100, hard: 100 });
  } finally {
    await process.stdin.close();
    await process.status;
  }
});

Deno.test("a process is made nice", async () => {
  const process = child();
  try {
    setNice(process.pid, 7);
    const stat = await Deno.readTextFile(`/proc/${process.pid}/stat`);
    assert.equal(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16], "7");
  } finally {
    await process.stdin.close();
    await process.status;
  }
});

Deno.test("a process that is not there is an error that names it", () => {
  assert.throws(() => getLimit(0x3fff_fff0, Resource.DATA), /RLIMIT_DATA of process 1073741808/);
});

Deno.test("memory that counts is the sixth field of statm, in pages", () => {
  assert.equal(dataOfStatm("10 9 8 7 0 25 0\n", 4096), 25 * 4096);
  assert.throws(() => dataOfStatm("10 9 8"), /sixth field/);
});

Deno.test("a guest's limits hold: memory from where it is, files softly and without a signal", async () => {
  const module = fileURLToPath(new URL("guest_limits.ts", import.meta.url));
  const script = `
    import { limitGuest } from ${JSON.stringify(module)};
    limitGuest({ memory_bytes: 64 << 20, file_bytes: 1000 });
    const fits = (megabytes: number) => {
      try { return new ArrayBuffer(megabytes << 20).byteLength > 0; } catch { return false; }
    };
    console.log(fits(16), fits(65));
    const file = Deno.openSync(Deno.args[0], { write: true });
    const first = file.writeSync(new Uint8Array(4096));
    try { file.writeSync(new Uint8Array(1)); console.log("more"); } catch { console.log(first); }
  `;
  await using folder = await temporaryFolder();
  const path = `${folder.path}/file`;
  await Deno.writeTextFile(path, "");
  await Deno.writeTextFile(`${folder.path}/main.ts`, script);
  const { stdout, code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", `${folder.path}/main.ts`, path],
    stderr: "inherit",
  }).output();
  const [fits, written] = new TextDecoder().decode(stdout).split("\n");
  assert.equal(code, 0);
  assert.equal(fits, "true false");
  assert.equal(written, "1000");
});
