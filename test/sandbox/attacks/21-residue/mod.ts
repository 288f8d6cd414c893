/** Family 21: what another unit wrote, in all memory this handler can map. */
import { hostile, type Phase, plan, sleep, type Variant } from "../attack.ts";
import { channelOf } from "../channel.ts";

const phases: readonly Phase[] = ["io"];
const marker = new Uint8Array(
  plan.marker.match(/../g)?.map((digits) => parseInt(digits, 16)) ?? [],
);

function find(bytes: Uint8Array): string | undefined {
  for (let at = bytes.indexOf(marker[0]); at >= 0; at = bytes.indexOf(marker[0], at + 1)) {
    let same = 1;
    while (same < marker.length && bytes[at + same] === marker[same]) same++;
    if (same === marker.length) return `another unit's data at ${at}`;
  }
  return undefined;
}

function nonZero(bytes: Uint8Array): string | undefined {
  const at = bytes.findIndex((byte) => byte !== 0);
  return at < 0 ? undefined : `byte ${bytes[at]} at ${at} of fresh memory`;
}

const variants: readonly Variant[] = [
  {
    name: "fresh-disk",
    phases: ["open"],
    run: ({ context }) => {
      const blocks = context!.memory("blocks");
      const bytes = new Uint8Array(blocks.size);
      blocks.read(0, bytes);
      return nonZero(bytes);
    },
  },
  { name: "channel", phases, run: (scene) => find(channelOf(scene).bytes) },
  {
    name: "arena-holds-this-alone",
    phases,
    run: (scene) => {
      // One command is in flight: its room, and zeros or what this unit had before.
      const { bytes } = channelOf(scene);
      return find(bytes.subarray(plan.channel.length));
    },
  },
  {
    name: "disk",
    phases,
    run: ({ blocks }) => {
      const bytes = new Uint8Array(blocks!.size);
      blocks!.read(0, bytes);
      return find(bytes);
    },
  },
  {
    name: "over-time",
    phases,
    timeout_ms: 5000,
    run: async (scene) => {
      for (let round = 0; round < 10; round++) {
        const found = find(channelOf(scene).bytes);
        if (found !== undefined) return found;
        await sleep(20);
      }
      return undefined;
    },
  },
  {
    name: "new-buffers",
    phases,
    run: () => {
      for (let count = 0; count < 16; count++) {
        const found = find(new Uint8Array(Buffer.allocUnsafeSlow(1 << 20)));
        if (found !== undefined) return found;
      }
      return undefined;
    },
  },
];

export const open = await hostile(variants);
