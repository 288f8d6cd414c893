/** Family 27: threads of every kind, so that the runner can look at each from outside. */
import { builtin, hostile, plan, secretIn, type Variant } from "../attack.ts";
import { stolen } from "../stolen.ts";

const crypto = () => builtin<typeof import("node:crypto")>("crypto");
const zlib = () => builtin<typeof import("node:zlib")>("zlib");

const CWD = -100;
const OPENAT = 257;

const variants: readonly Variant[] = [
  {
    name: "workers-stay",
    phases: ["open"],
    run: () => {
      for (let count = 0; count < 2; count++) {
        new Worker("data:text/javascript,setInterval(() => {}, 1e6)", { type: "module" });
      }
    },
  },
  {
    name: "pool-of-crypto",
    phases: ["open"],
    run: () =>
      new Promise((resolve) =>
        crypto().pbkdf2("a", "b", 1000, 32, "sha256", () => resolve(undefined))
      ),
  },
  {
    name: "pool-of-compression",
    phases: ["open"],
    run: () => new Promise((resolve) => zlib().gzip("x".repeat(100000), () => resolve(undefined))),
  },
  { name: "async-read", run: async () => secretIn(await Deno.readTextFile(plan.secret_path)) },
  {
    name: "raw-async-read",
    phases: ["io"],
    timeout_ms: 3000,
    run: async () => {
      const path = new TextEncoder().encode(`${plan.secret_path}\0`);
      const result = await stolen().callAsync(OPENAT, CWD, path, 0);
      if (result >= 0) return "a descriptor on a thread of the pool";
      throw new Error("open on a thread of the pool: EACCES or another errno");
    },
  },
];

export const open = await hostile(variants);
