/** Runs all generators; with `--check` it fails where a generated file is not current. */
const generators = [
  "generate_layout.ts",
  "generate_opcodes.ts",
  "generate_scsi_docs.ts",
  "generate_bare_child.ts",
];

if (import.meta.main) {
  let failed = false;
  for (const name of generators) {
    const path = new URL(name, import.meta.url).pathname;
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", path, ...Deno.args],
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    failed ||= !success;
  }
  if (failed) Deno.exit(1);
}
