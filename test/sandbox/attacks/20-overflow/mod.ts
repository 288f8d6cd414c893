/** Family 20: writes past a command's data, into others' of this unit, the queues, the end. */
import { hostile, LATER, type Phase, plan, type Scene, type Variant } from "../attack.ts";
import { channelOf } from "../channel.ts";

const phases: readonly Phase[] = ["io"];

function past(change: (bytes: Uint8Array, scene: Scene) => void): (scene: Scene) => unknown {
  return (scene) => {
    change(channelOf(scene).bytes, scene);
    return LATER;
  };
}

const variants: readonly Variant[] = [
  {
    name: "behind-the-data",
    phases,
    run: past((bytes, { data }) => bytes.fill(0xaa, data!.byteOffset + data!.length)),
  },
  {
    name: "before-the-data",
    phases,
    run: past((bytes, { data }) => bytes.fill(0xaa, plan.channel.length, data!.byteOffset)),
  },
  {
    name: "whole-arena-in-write",
    phases,
    on: "write",
    run: past((bytes) => bytes.fill(0xbb, plan.channel.length)),
  },
  { name: "whole-channel", phases, run: past((bytes) => bytes.fill(0xcc)) },
  {
    name: "past-the-end",
    phases,
    run: (scene) => {
      channelOf(scene).bytes.set([1], channelOf(scene).bytes.length);
      return "a byte past the channel";
    },
  },
  {
    name: "past-the-disk",
    phases,
    run: ({ blocks }) => {
      blocks!.write(blocks!.size, new Uint8Array(512));
      return "a block past the disk";
    },
  },
  {
    name: "negative-offset",
    phases,
    run: ({ blocks }) => {
      blocks!.write(-512, new Uint8Array(512));
      return "a block before the disk";
    },
  },
  {
    name: "offset-overflows",
    phases,
    run: ({ blocks }) => {
      blocks!.read(2 ** 53 - 512, new Uint8Array(512));
      return "a block at 2^53";
    },
  },
  {
    name: "offset-is-no-number",
    phases,
    run: ({ blocks }) => {
      blocks!.read(NaN, new Uint8Array(512));
      return "a block at NaN";
    },
  },
  {
    name: "offset-wraps",
    phases,
    run: ({ blocks }) => {
      blocks!.read(2 ** 32, new Uint8Array(512));
      return "a block at 2^32";
    },
  },
  {
    name: "length-lies",
    phases,
    run: ({ blocks }) => {
      const small = new Uint8Array(16);
      Object.defineProperty(small, "length", { value: 1 << 20 });
      blocks!.read(blocks!.size - 16, small);
      return "a MiB into 16 bytes";
    },
  },
  {
    name: "detached",
    phases,
    run: ({ blocks }) => {
      const bytes = new Uint8Array(512);
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      blocks!.read(0, bytes);
      return undefined;
    },
  },
  {
    name: "shrinking",
    phases,
    run: ({ blocks }) => {
      const buffer = new ArrayBuffer(4096, { maxByteLength: 4096 });
      const bytes = new Uint8Array(buffer);
      const trap = {
        valueOf: () => {
          buffer.resize(0);
          return 0;
        },
      };
      blocks!.read(trap as unknown as number, bytes);
      return "a read into nothing";
    },
  },
];

export const open = await hostile(variants);
