/** Family 24: handlers that would outlive their daemon: busy, with Workers, deaf to signals. */
import { hostile, type Variant } from "../attack.ts";

const loop = "data:text/javascript,for(;;);";
const ignore = (name: Deno.Signal) => Deno.addSignalListener(name, () => {});

const variants: readonly Variant[] = [
  {
    name: "ignore-signals",
    phases: ["open"],
    run: () => {
      (["SIGTERM", "SIGINT", "SIGHUP"] as const).forEach(ignore);
    },
  },
  {
    name: "busy-workers",
    phases: ["open"],
    run: () => {
      for (let count = 0; count < 2; count++) new Worker(loop, { type: "module" });
    },
  },
];

export const open = await hostile(variants);
