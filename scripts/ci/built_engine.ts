/**
 * Builds the engine anew and tests what was built: in a copy of this checkout, so that the committed
 * package stays as it is.
 *
 * @module
 */
import { mustRun } from "../../test/rig/host.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const TESTS = [
  "src/engine",
  "src/fabric/emulated",
  "test/integration",
  "scripts/engine_wasm_test.ts",
];

async function runIn(folder: string, args: string[]): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: folder, stdin: "null" })
    .spawn().status;
  return success;
}

async function main(): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "lunette-built-" });
  try {
    const copy = 'git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$0"';
    await mustRun("sh", ["-ec", copy, folder], { cwd: ROOT });
    return await runIn(folder, ["run", "-A", "scripts/wasm.ts"]) &&
      await runIn(folder, ["test", "-A", "--no-check", "--unstable-worker-options", ...TESTS]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
