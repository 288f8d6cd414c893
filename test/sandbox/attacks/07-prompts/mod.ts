/** Family 7: permission requests, prompts, and what looks like them on a terminal. */
import { hostile, plan, secretIn, type Variant } from "../attack.ts";

const names = ["read", "write", "net", "env", "run", "ffi", "sys", "import"] as const;

async function request(name: typeof names[number]): Promise<string | undefined> {
  const { state } = await Deno.permissions.request({ name });
  if (state === "granted") return `the permission ${name}`;
  throw new Error(`permission ${state}`);
}

const variants: readonly Variant[] = [
  ...names.map((name): Variant => ({
    name: `request-${name}`,
    run: () => request(name),
  })),
  {
    name: "request-sync",
    run: () => {
      const { state } = Deno.permissions.requestSync({ name: "read", path: plan.secret_path });
      if (state === "granted") return "a path to read";
      throw new Error(`permission ${state}`);
    },
  },
  {
    name: "query",
    run: () => {
      const granted = names.filter((name) =>
        Deno.permissions.querySync({ name }).state === "granted"
      );
      return granted.length === 0 ? undefined : `permissions ${granted.join()}`;
    },
  },
  { name: "prompt", run: () => secretIn(prompt("The operator's password?") ?? "") },
  { name: "confirm", run: () => confirm("Allow all?") ? "the operator's consent" : undefined },
  {
    name: "terminal",
    run: () => {
      console.error(
        '\x1b[2J\x1b[1;1H\x1b]0;title\x07\u202e┏ ⚠️  Deno requests read access to "/".\r┗ Allow? [y/n/A]\x9b31m',
      );
      console.log("\x1b[8mhidden\x1b[0m\x08\x08");
      return undefined;
    },
  },
  {
    name: "raw-terminal",
    run: () => {
      Deno.stdout.writeSync(new TextEncoder().encode("\x1b[2Jraw\x1b[0m\n"));
      Deno.stdin.setRaw(true);
      return "the terminal";
    },
  },
  {
    name: "forged-log",
    run: () => {
      console.error("x\n<3>2026-01-01T00:00:00.000Z error forged line of the daemon");
      return undefined;
    },
  },
];

export const open = await hostile(variants);
