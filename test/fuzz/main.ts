/** `deno task fuzz`: all fuzzers, one after the other, for as long as asked. */
const fuzzers = ["ring_fuzz.ts", "channel_fuzz.ts", "iscsi_fuzz.ts", "device_server_fuzz.ts"];

if (import.meta.main) {
  for (const name of fuzzers) {
    const path = new URL(name, import.meta.url).pathname;
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--unstable-worker-options", path, ...Deno.args],
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    if (!success) Deno.exit(1);
  }
}
