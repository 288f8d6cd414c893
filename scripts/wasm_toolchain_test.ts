import { strict as assert } from "node:assert";
import { formatWrapper, isNeededPackage, parseMinor, parseVerbose } from "./wasm_toolchain.ts";

Deno.test("parseMinor() reads what rustc --version prints", () => {
  assert.equal(parseMinor("rustc 1.97.1 (8bab26f4f 2026-07-14) (built from a source tarball)"), 97);
  assert.equal(parseMinor("command not found"), 0);
});

Deno.test("parseVerbose() finds host and LLVM", () => {
  const text =
    "rustc 1.97.1\nhost: x86_64-unknown-linux-gnu\nrelease: 1.97.1\nLLVM version: 22.1.8\n";
  assert.deepEqual(parseVerbose(text), { host: "x86_64-unknown-linux-gnu", llvm: "22" });
  assert.deepEqual(parseVerbose(""), { host: "unknown", llvm: "unknown" });
});

Deno.test("isNeededPackage() takes libraries, not the host's compiler", () => {
  const names = ["libc6", "zlib1g", "libstd-rust-dev", "libstd-rust-1.97", "libllvm22"];
  assert.deepEqual(names.filter(isNeededPackage), names);
  assert.deepEqual(["gcc", "binutils", "libc6-dev", "gcc-16-base"].filter(isNeededPackage), []);
});

Deno.test("formatWrapper() quotes paths", () => {
  assert.equal(
    formatWrapper("/a b/ld.so", "/a b", "/a b/it's"),
    `#!/bin/sh\nexec '/a b/ld.so' --library-path '/a b' '/a b/it'\\''s' "$@"\n`,
  );
});
