import { strict as assert } from "node:assert";
import { writeCpio } from "./cpio.ts";
import { findCommand } from "./host.ts";

const ENTRIES = [
  { path: "bin" },
  { path: "bin/a", content: new TextEncoder().encode("hello"), permissions: 0o644 },
  { path: "init", content: new TextEncoder().encode("#!/bin/sh\n") },
];

Deno.test("writeCpio() aligns headers and contents to four bytes", () => {
  const archive = writeCpio(ENTRIES);
  const text = new TextDecoder("latin1").decode(archive);
  assert.equal(archive.length % 4, 0);
  let offset = 0;
  const names: string[] = [];
  while (offset < text.length) {
    assert.equal(text.slice(offset, offset + 6), "070701");
    const field = (index: number) =>
      parseInt(text.slice(offset + 6 + index * 8, offset + 14 + index * 8), 16);
    const [size, nameSize] = [field(6), field(11)];
    names.push(text.slice(offset + 110, offset + 110 + nameSize - 1));
    offset = Math.ceil((offset + 110 + nameSize) / 4) * 4;
    offset = Math.ceil((offset + size) / 4) * 4;
  }
  assert.deepEqual(names, ["bin", "bin/a", "init", "TRAILER!!!"]);
});

Deno.test({
  name: "writeCpio() is read by cpio",
  ignore: findCommand("cpio") === undefined,
  fn: async () => {
    const child = new Deno.Command(findCommand("cpio") ?? "cpio", {
      args: ["-tv"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(writeCpio(ENTRIES));
    await writer.close();
    const { stdout } = await child.output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    assert.equal(lines.length, 3);
    assert.match(lines[0], /^drwxr-xr-x.* bin$/);
    assert.match(lines[1], /^-rw-r--r--.* 5 .* bin\/a$/);
    assert.match(lines[2], /^-rwxr-xr-x.* init$/);
  },
});
