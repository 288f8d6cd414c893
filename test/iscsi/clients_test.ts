/** Real initiators against the target: libiscsi's tools and QEMU's. */
import assert from "node:assert/strict";
import { Epoll } from "../../src/sys/epoll.ts";
import { IscsiTarget, type TargetOptions } from "../../src/fabric/iscsi/target.ts";
import { formatSocketAddress } from "../../src/sys/socket.ts";
import { FakePort } from "./fake_port.ts";
import { TARGET_NAME } from "./harness.ts";

const SIZE_BYTES = 16 * 1_048_576;

/** Whether a program is installed; says why a test is skipped if not. */
function has(program: string, debianPackage: string): boolean {
  const found = (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
  if (!found) console.log(`skipped: ${program} is not installed (Debian package ${debianPackage})`);
  return found;
}

/** A target served while a client runs. */
class Server {
  readonly port = new FakePort({ blocks: SIZE_BYTES / 512, arena_length: 32 * 1_048_576 });
  readonly log: string[] = [];
  readonly portal: string;
  readonly #epoll = new Epoll();
  readonly #target: IscsiTarget;

  constructor(options: Partial<TargetOptions> = {}) {
    const clock = { now_ms: () => performance.now() };
    const log = (line: string) => this.log.push(line);
    this.#target = new IscsiTarget({ epoll: this.#epoll, clock, log });
    this.#target.addTarget({ name: TARGET_NAME, port: this.port, ...options });
    this.portal = formatSocketAddress(this.#target.listen({ port: 0 }));
  }

  get url(): string {
    return `iscsi://${this.portal}/${TARGET_NAME}/0`;
  }

  /** Runs a client to its end; returns all it wrote. */
  async run(program: string, ...args: string[]): Promise<string> {
    const command = new Deno.Command(program, { args, stdout: "piped", stderr: "piped" });
    const child = command.spawn();
    let ended = false;
    const output = child.output().finally(() => ended = true);
    while (!ended) {
      await this.#epoll.waitAsync(20);
      this.#target.flush();
    }
    const { stdout, stderr, success } = await output;
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.ok(success, `${program} ${args.join(" ")}\n${text}\n${this.log.join("\n")}`);
    assert.equal(this.#target.statistics.internal_errors, 0, this.log.join("\n"));
    return text;
  }

  [Symbol.dispose](): void {
    this.#target.close();
    this.#epoll.close();
    assert.equal(this.port.free.length, this.port.pages, "data buffers are back");
  }
}

const LIBISCSI = { ignore: !has("iscsi-ls", "libiscsi-bin") };
const QEMU = { ignore: !has("qemu-img", "qemu-utils") || !qemuHasIscsi() };

/** QEMU's iSCSI driver is a module with a package of its own. */
function qemuHasIscsi(): boolean {
  const command = new Deno.Command("qemu-img", { args: ["info", "iscsi://127.0.0.1:1/x/0"] });
  const { stderr } = command.outputSync();
  const found = !/Unknown (driver|protocol)/.test(new TextDecoder().decode(stderr));
  if (!found) console.log("skipped: QEMU has no iSCSI (Debian package qemu-block-extra)");
  return found;
}

Deno.test("iscsi-ls finds target and LUN", LIBISCSI, async () => {
  using server = new Server();
  const text = await server.run("iscsi-ls", "-s", `iscsi://${server.portal}`);
  assert.match(text, new RegExp(`Target:${TARGET_NAME} Portal:${server.portal},1`));
  assert.match(text, /Lun:0 +Type:DIRECT_ACCESS \(Size:15M\)/);
});

Deno.test("iscsi-inq reads the standard inquiry data", LIBISCSI, async () => {
  using server = new Server();
  assert.match(await server.run("iscsi-inq", server.url), /Product:FAKE DISK/);
});

Deno.test("iscsi-inq logs in with CHAP, one-way and mutual", LIBISCSI, async () => {
  const mutual = { user: "target", secret: "secret of target" };
  using server = new Server({ chap: { user: "user", secret: "secret of user", mutual } });
  const address = server.url.replace("iscsi://", "iscsi://user%secret of user@");
  assert.match(await server.run("iscsi-inq", address), /FAKE DISK/);
  const both = `${address}?target_user=target&target_password=secret of target`;
  assert.match(await server.run("iscsi-inq", both), /FAKE DISK/);
  const wrong = address.replace("secret of user", "another secret");
  await assert.rejects(server.run("iscsi-inq", wrong), /wrong CHAP name or secret/);
});

Deno.test("iscsi-perf reads at depth 32", LIBISCSI, async () => {
  using server = new Server();
  const text = await server.run("iscsi-perf", "-m", "32", "-b", "8", "-t", "1", "-r", server.url);
  assert.match(text, /iops average [1-9]\d*/);
});

Deno.test("iscsi-test-cu passes its iSCSI suites", LIBISCSI, async () => {
  using server = new Server();
  const text = await server.run("iscsi-test-cu", "--dataloss", "-t", "iSCSI.*.*", server.url);
  const [, ran, passed, failed] = /tests +\d+ +(\d+) +(\d+) +(\d+)/.exec(text) ?? [];
  assert.equal(failed, "0", text);
  assert.equal(passed, ran);
  assert.ok(Number(ran) >= 15, text);
});

function digests(server: Server, digest: string): string {
  return `driver=iscsi,transport=tcp,portal=${server.portal},target=${TARGET_NAME},lun=0,` +
    `header-digest=${digest}`;
}

for (const digest of ["none", "crc32c"]) {
  Deno.test(`qemu-io writes and verifies patterns, header digest ${digest}`, QEMU, async () => {
    using server = new Server();
    const script = ["write -P 0x5a 0 1M", "write -P 0xa5 1M 3M", "write -P 0x11 4096 512"];
    const checks = ["read -P 0x5a 0 4096", "read -P 0x11 4096 512", "read -P 0xa5 1M 3M"];
    const commands = [...script, "flush", ...checks].flatMap((line) => ["-c", line]);
    const image = digests(server, digest);
    const text = await server.run("qemu-io", "--image-opts", image, ...commands);
    assert.doesNotMatch(text, /verification failed/);
    assert.equal(text.match(/read \d+\/\d+ bytes/g)?.length, 3);
  });
}

Deno.test("qemu-img converts to and from the target without a change", QEMU, async () => {
  using server = new Server();
  const folder = await Deno.makeTempDir();
  try {
    const source = new Uint8Array(SIZE_BYTES);
    for (let index = 0; index < source.length; index += 61) source[index] = index;
    await Deno.writeFile(`${folder}/source`, source);
    const raw = ["-f", "raw", "-O", "raw"];
    await server.run("qemu-img", "convert", "-n", ...raw, `${folder}/source`, server.url);
    assert.deepEqual(server.port.disk, source);
    await server.run("qemu-img", "convert", ...raw, server.url, `${folder}/copy`);
    assert.deepEqual(await Deno.readFile(`${folder}/copy`), source);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
