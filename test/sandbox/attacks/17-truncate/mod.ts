/** Family 17: memfds that the daemon has mapped, cut short or sealed: who touches them then dies. */
import { hostile, type Phase, type Variant } from "../attack.ts";
import { stolen, tryCall } from "../stolen.ts";

const phases: readonly Phase[] = ["io"];
const CHANNEL = 3;
const FTRUNCATE = 77;
const FALLOCATE = 285;
const FCNTL = 72;
const F_ADD_SEALS = 1033;
const F_SEAL_WRITE = 8;
const LAST = 16;

const variants: readonly Variant[] = [
  { name: "channel-to-nothing", phases, run: () => tryCall("ftruncate", FTRUNCATE, CHANNEL, 0) },
  { name: "channel-to-a-page", phases, run: () => tryCall("ftruncate", FTRUNCATE, CHANNEL, 4096) },
  { name: "channel-grows", phases, run: () => tryCall("ftruncate", FTRUNCATE, CHANNEL, 1 << 40) },
  {
    name: "channel-allocates",
    phases,
    run: () => tryCall("fallocate", FALLOCATE, CHANNEL, 0, 0, 1 << 30),
  },
  {
    name: "channel-sealed-against-writes",
    phases,
    run: () => tryCall("fcntl", FCNTL, CHANNEL, F_ADD_SEALS, F_SEAL_WRITE),
  },
  ...Array.from({ length: LAST - CHANNEL }, (_, index): Variant => ({
    name: `descriptor-${CHANNEL + 1 + index}`,
    phases,
    run: () => {
      const result = stolen().call(FTRUNCATE, CHANNEL + 1 + index, 0);
      if (result >= 0) return "truncated it";
      // Nothing there, or nothing that has a length.
      if (result === -9 || result === -22) return undefined;
      throw new Error(`ftruncate: ${result === -1 ? "EPERM" : `errno ${-result}`}`);
    },
  })),
];

export const open = await hostile(variants);
