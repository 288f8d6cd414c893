/** sg_xcopy and sg_copy_results: copies that the unit does by itself. */
import { CODE, type Step } from "./step.ts";

export const copySteps: readonly Step[] = [
  {
    tool: "sg_xcopy",
    test: "to another unit of the copy group",
    run: ({ disk, generic, partner, partnerGeneric, folder }) =>
      `head -c 1048576 /dev/urandom >${folder}/copy
       dd if=${folder}/copy of=${disk} bs=1M count=1 oflag=direct 2>/dev/null
       sg_xcopy if=${generic} of=${partnerGeneric} bs=512 count=2048
       blockdev --flushbufs ${partner}
       dd if=${partner} bs=1M count=1 iflag=direct 2>/dev/null | cmp - ${folder}/copy`,
  },
  {
    tool: "sg_xcopy",
    test: "within the unit",
    run: ({ disk, generic, folder }) =>
      `sg_xcopy if=${generic} of=${generic} bs=512 count=2048 seek=8192
       dd if=${disk} bs=1M skip=4 count=1 iflag=direct 2>/dev/null | cmp - ${folder}/copy`,
  },
  {
    tool: "sg_xcopy",
    test: "a unit that the operator has not named with it is not reached",
    run: ({ generic, strangerGeneric }) =>
      `sg_xcopy if=${generic} of=${strangerGeneric} bs=512 count=16`,
    code: CODE.abortedCopy,
  },
  {
    tool: "sg_xcopy",
    test: "nothing of it was written",
    run: ({ stranger }) =>
      `dd if=${stranger} bs=512 count=16 iflag=direct 2>/dev/null | cmp -n 8192 - /dev/zero`,
  },
  {
    tool: "sg_copy_results",
    test: "operating parameters",
    run: ({ disk }) => `sg_copy_results --param ${disk}`,
    shows: [
      /Maximum target descriptor count: [1-9]/,
      /Maximum segment descriptor count: [1-9]/,
      /0x02: Copy from block device to block device/,
      /0xe4: Identification descriptor/,
    ],
  },
  {
    tool: "sg_copy_results",
    test: "the status of a copy that was never begun is refused",
    run: ({ disk }) => `sg_copy_results --status --list_id=77 ${disk}`,
    code: CODE.illegalRequest,
  },
];
