/** Offloaded copies with tokens, and ddpt's way of using EXTENDED COPY. */
import { CODE, type Step } from "../sg3/step.ts";
import { tokenCommand } from "./parameter_lists.ts";

/** List identifier that ddptctl looks for unless it is told another. */
const LIST_ID = 0x101;
const BLOCKS = 2048;
/** Where they are written. */
export const DESTINATION_LBA = 8192;

/** What the steps find in the folder. */
export const FILES = {
  source: "source",
  populate: "populate",
  head: "write.head",
  tail: "write.tail",
  zeros: "zeros.token",
  token: "token",
} as const;

/** What is copied, and where it goes. */
export const RANGES = {
  populate: [{ lba: 0, blocks: BLOCKS }],
  write: [{ lba: DESTINATION_LBA, blocks: BLOCKS }],
} as const;

const fill = (folder: string, disk: string) =>
  `[ -e ${folder}/${FILES.source} ] || head -c 1048576 /dev/urandom >${folder}/${FILES.source}
   dd if=${folder}/${FILES.source} of=${disk} bs=1M oflag=direct 2>/dev/null`;

const populate = (folder: string, generic: string) =>
  `sg_raw -s 32 -i ${folder}/${FILES.populate} ${generic} ${tokenCommand(0x10, LIST_ID, 32)} 2>&1
   rm -f ${folder}/${FILES.token}
   ddptctl --receive --rtf=${folder}/${FILES.token} ${generic}`;

const write = (folder: string, generic: string, token: string) =>
  `cat ${folder}/${FILES.head} ${folder}/${token} ${folder}/${FILES.tail} >${folder}/list
   sg_raw -s 552 -i ${folder}/list ${generic} ${tokenCommand(0x11, LIST_ID, 552)} 2>&1`;

const destination = (disk: string) =>
  `blockdev --flushbufs ${disk}
   dd if=${disk} bs=512 skip=${DESTINATION_LBA} count=${BLOCKS} iflag=direct 2>/dev/null`;

export const odxSteps: readonly Step[] = [
  {
    tool: "ddptctl",
    test: "VPD 8Fh: what the copy manager can",
    run: ({ generic }) => `ddptctl --info ${generic}`,
    shows: [
      /Maximum Range Descriptors: [1-9]/,
      /Maximum Token Transfer Size: [1-9]/,
      /Populate token/,
      /Write using token/,
      /Receive ROD token information/,
      /block device zero \[0xffff0001\]/,
    ],
  },
  {
    tool: "ddpt",
    test: "EXTENDED COPY to another unit of the copy group",
    run: ({ disk, generic, partner, partnerGeneric, folder }) =>
      `${fill(folder, disk)}
       ddpt --xcopy if=${generic} of=${partnerGeneric} bs=512 count=${BLOCKS} seek=${DESTINATION_LBA}
       ${destination(partner)} | cmp - ${folder}/${FILES.source}`,
    shows: [/xcopy command/],
  },
  {
    tool: "ddptctl",
    test: "POPULATE TOKEN, RECEIVE ROD TOKEN INFORMATION",
    run: ({ generic, folder }) => populate(folder, generic),
    shows: [/RRTI for Populate token: Operation completed without errors/, /count of 2048 /],
  },
  {
    tool: "ddptctl",
    test: "the token says what it stands for",
    run: ({ folder }) => `ddptctl --info --rtf=${folder}/${FILES.token}`,
    shows: [/ROD type: point in time copy/, /bytes represented: 1048576 /, /block size: 512 /],
  },
  {
    tool: "ddptctl",
    test: "REPORT ALL ROD TOKENS",
    run: ({ generic }) => `ddptctl --all_toks ${generic}`,
    shows: [/ROD Token headers returned: [1-9]/],
  },
  {
    tool: "sg_raw",
    test: "WRITE USING TOKEN on another unit of the copy group",
    run: ({ partner, partnerGeneric, folder }) =>
      `dd if=/dev/zero of=${partner} bs=512 seek=${DESTINATION_LBA} count=${BLOCKS} oflag=direct \
         2>/dev/null
       ${write(folder, partnerGeneric, FILES.token)}
       ddptctl --receive ${partnerGeneric}
       ${destination(partner)} | cmp - ${folder}/${FILES.source}`,
    shows: [/RRTI for Write using token: Operation completed without errors/, /count of 2048 /],
  },
  {
    tool: "sg_raw",
    test: "WRITE USING TOKEN on a unit that the operator has not named with it is refused",
    run: ({ strangerGeneric, folder }) => write(folder, strangerGeneric, FILES.token),
    code: CODE.illegalRequest,
  },
  {
    tool: "sg_raw",
    test: "a token that nobody has given is refused",
    run: ({ partnerGeneric, folder }) =>
      `cp ${folder}/${FILES.token} ${folder}/forged
       printf '\\377\\377' | dd of=${folder}/forged bs=1 seek=200 conv=notrunc 2>/dev/null
       ${write(folder, partnerGeneric, "forged")}`,
    code: CODE.illegalRequest,
  },
  {
    tool: "sg_raw",
    test: "a token is worth nothing when what it stands for has changed",
    run: ({ disk, generic, partnerGeneric, folder }) =>
      `${populate(folder, generic)}
       dd if=/dev/zero of=${disk} bs=4k count=1 oflag=direct 2>/dev/null
       ${write(folder, partnerGeneric, FILES.token)}`,
    code: CODE.illegalRequest,
  },
  {
    tool: "sg_raw",
    test: "the token for zeros",
    run: ({ partner, partnerGeneric, folder }) =>
      `${write(folder, partnerGeneric, FILES.zeros)}
       ${destination(partner)} | cmp -n ${BLOCKS * 512} - /dev/zero`,
  },
  {
    tool: "ddptctl",
    test: "COPY OPERATION ABORT of nothing is refused",
    run: ({ generic }) => `ddptctl --abort --list_id=99 ${generic}`,
    code: CODE.illegalRequest,
  },
];
