import assert from "node:assert/strict";
import { join } from "node:path";
import { TextLineStream } from "@std/streams/text_line_stream.js";
import { newPackage } from "../../registry/pack/new_package.ts";
import { addressOf } from "./conformance/bench.ts";
import { Session } from "./conformance/session.ts";
import { DevServer } from "./dev_server.ts";
import { matters } from "./folder_watch.ts";
import { TypeChecker } from "./type_check.ts";

/** A new handler, and a way to change its module. */
interface Author {
  readonly folder: string;
  /** Replaces a text in mod.ts as it was made. */
  change(from: string, to: string): Promise<void>;
}

async function withAuthor(work: (author: Author) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "lunette-author-" });
  try {
    const folder = join(parent, "disk");
    await newPackage(folder, "acme.disk");
    const path = join(folder, "mod.ts");
    const text = await Deno.readTextFile(path);
    const change = async (from: string, to: string) => {
      assert.ok(text.includes(from), from);
      await Deno.writeTextFile(path, text.replace(from, to));
    };
    await work({ folder, change });
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

const READ = "blocks.read(offset, into);";
const listen = { address: "127.0.0.1", port: 0 };

Deno.test("what is new takes the place of what is served, under I/O; what does not serve does not", async () => {
  await withAuthor(async ({ folder, change }) => {
    const lines: string[] = [];
    const server = await DevServer.start({
      ...{ folder, listen, size_bytes: 1 << 20, settings: {} },
      log: (_level, _subject, message) => void lines.push(message),
    });
    const session = await Session.open(addressOf(server.lun), "author");
    const busy = await Session.open(addressOf(server.lun), "busy");
    let running = true;
    const load = (async () => {
      for (let lba = 8; running; lba = 8 + (lba + 1) % 64) {
        const bytes = new Uint8Array(512).fill(lba);
        await busy.write(lba, bytes);
        await busy.read(lba, 1);
      }
    })();
    const first = async () => (await session.read(0, 1))[0];
    try {
      await session.write(0, new Uint8Array(512).fill(7));
      assert.equal(await server.reload(), "same");
      await change(READ, `${READ} into[0] ^= 0xff;`);
      assert.equal(await server.reload(), "replaced");
      assert.equal(await first(), 7 ^ 0xff, "new code, old content, the same session");
      for (
        const [wrong, message] of [
          [")) {", /mod\.ts:\d+:\d+: /],
          [") { throw new Error('no luck');", /no luck/],
          [") { return {} as Volume;", /./],
        ] as const
      ) {
        await change("): Volume {", wrong);
        await assert.rejects(server.reload(), { message });
        assert.equal(await first(), 7 ^ 0xff, "what was served goes on");
        assert.equal(server.lun.state, "serving");
      }
      assert.ok(lines.some((line) => /handler:mod\.ts:\d+/.test(line)), "stacks name the sources");
      await change(READ, READ);
      assert.equal(await server.reload(), "replaced");
      assert.equal(await first(), 7);
    } finally {
      running = false;
      await load;
      await Promise.all([session.close(), busy.close()]);
      await server.close();
    }
  });
});

Deno.test("a handler that asks for something else, or whose volume is another, gets a LUN anew", async () => {
  await withAuthor(async ({ folder, change }) => {
    const log = () => {};
    const server = await DevServer.start({ folder, listen, settings: {}, log });
    try {
      assert.equal(server.lun.size_bytes, 256 << 20);
      await change("    discard(offset", "    forget(offset");
      assert.equal(await server.reload(), "replaced", "initiators can be told");
      await change("    write(offset", "    scribble(offset");
      assert.equal(await server.reload(), "made anew", "and cannot be told of this");
      const path = join(folder, "handler.json");
      const text = await Deno.readTextFile(path);
      await Deno.writeTextFile(
        path,
        text.replace(`"blocks": {`, `"time": {"kind":"clock"}, "blocks": {`),
      );
      assert.equal(await server.reload(), "made anew");
      await Deno.writeTextFile(path, text.replace(`"blocks": {`, `"others": {`));
      await assert.rejects(server.reload(), /it was not granted|blocks/);
      assert.equal(server.lun.state, "serving", "what was served before is served again");
      await Deno.writeTextFile(path, text.replace(`"0.1.0"`, `"0.2.0"`));
      assert.equal(await server.reload(), "made anew");
    } finally {
      await server.close();
    }
  });
});

Deno.test("changes of what is made from the folder do not matter", () => {
  for (
    const path of ["mod.ts", "deep/part.ts", "handler.json", "distant.ts", ".lunette/plugin/x.ts"]
  ) {
    assert.ok(matters(path), path);
  }
  for (
    const path of ["", "dist/index.json", "node_modules/a/b.js", ".git/HEAD", "mod.ts~", ".#mod.ts"]
  ) {
    assert.ok(!matters(path), path);
  }
});

Deno.test("types are checked in the folder; a later check takes the place of one that runs", async () => {
  await withAuthor(async ({ folder, change }) => {
    const checker = new TypeChecker(folder);
    const early = checker.check(["."]);
    assert.equal(await checker.check(["."]), "");
    assert.equal(await early, undefined);
    await change("size: blocks.size", `size: "much"`);
    assert.match(await checker.check(["."]) ?? "", /Type 'string' is not assignable/);
  });
});

Deno.test("lunette plugin dev serves, and loads what changes", async () => {
  await withAuthor(async ({ folder, change }) => {
    const main = new URL("../main.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--unstable-worker-options",
        main,
        "plugin",
        "dev",
        folder,
        "--size",
        "1M",
      ],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    const until = async (wanted: RegExp) => {
      for (;;) {
        const { value } = await lines.read() as { value?: string };
        if (value === undefined) assert.fail(`the end, and no ${wanted}`);
        const match = wanted.exec(value);
        if (match !== null) return match;
      }
    };
    try {
      const [url] = await until(/iscsi:\/\/\S+/);
      await until(/Ctrl-C ends it/);
      const session = await Session.open(addressOf({ url } as never), "cli");
      await session.write(0, new Uint8Array(512).fill(7));
      await change(READ, `${READ} into[0] = 9;`);
      await until(/loaded again: the LUN, its content/);
      assert.equal((await session.read(0, 1))[0], 9);
      await change(READ, `${READ} const wrong: string = 1;`);
      await until(/types do not check/);
      await change(READ, `)`);
      await until(/not loaded: what was served before goes on/);
      await until(/It cannot be bundled: mod\.ts:\d+:\d+/);
      await session.close();
    } finally {
      child.kill("SIGINT");
      await lines.cancel();
      assert.equal((await child.status).code, 0);
    }
  });
});
