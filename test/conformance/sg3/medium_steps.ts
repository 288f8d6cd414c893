/** What changes the medium, with what is on it afterwards. */
import { CODE, type Step } from "./step.ts";

/** 64 KiB of random bytes, written to the beginning of the disk. */
const FILL = ({ disk, folder }: { disk: string; folder: string }) =>
  `[ -e ${folder}/in ] || head -c 65536 /dev/urandom >${folder}/in
   dd if=${folder}/in of=${disk} bs=64k count=1 oflag=direct 2>/dev/null`;

/** Blocks of the disk, compared with blocks of the random bytes. */
const same = (disk: string, folder: string, lba: number, from: number, blocks: number) =>
  `dd if=${disk} bs=512 skip=${lba} count=${blocks} iflag=direct 2>/dev/null >${folder}/got
   dd if=${folder}/in bs=512 skip=${from} count=${blocks} 2>/dev/null | cmp - ${folder}/got`;

const zero = (disk: string, lba: number, blocks: number) =>
  `dd if=${disk} bs=512 skip=${lba} count=${blocks} iflag=direct 2>/dev/null |
   cmp -n ${blocks * 512} - /dev/zero`;

export const mediumSteps: readonly Step[] = [
  {
    tool: "sg_unmap",
    test: "unmapped blocks are deallocated",
    run: (disks) =>
      `${FILL(disks)}
       sg_unmap --lba=8 --num=8 --force ${disks.disk}
       sg_get_lba_status -b --lba=8 ${disks.disk}`,
    shows: [/^0x0*8 +0x8 +1 /m],
  },
  {
    tool: "sg_unmap",
    test: "they read as zeros and their neighbours stay; a read maps nothing",
    run: (disks) =>
      `${zero(disks.disk, 8, 8)}
       ${same(disks.disk, disks.folder, 0, 0, 8)}
       ${same(disks.disk, disks.folder, 16, 16, 16)}
       sg_get_lba_status -b --lba=8 ${disks.disk}`,
    shows: [/^0x0*8 +0x8 +1 /m],
  },
  {
    tool: "sg_unmap",
    test: "past the end is refused",
    run: ({ disk }) => `sg_unmap --lba=131072 --num=1 --force ${disk}`,
    code: CODE.lbaOutOfRange,
  },
  {
    tool: "sg_get_lba_status",
    test: "mapped, deallocated, mapped: 16-byte command",
    run: ({ disk }) => `sg_get_lba_status -m 128 --lba=0 ${disk}`,
    shows: [/LBA: 0x0+ +blocks: +8 +mapped[^]*0x0+8 +blocks: +8 +deallocated[^]*0x0+10 .*mapped/],
  },
  {
    tool: "sg_get_lba_status",
    test: "32-byte command",
    run: ({ disk }) => `sg_get_lba_status -S -m 128 --lba=0 ${disk}`,
    shows: [/LBA: 0x0+8 +blocks: +8 +deallocated/],
  },
  ...["--10", "--16", "--32"].map((length): Step => ({
    tool: "sg_write_same",
    test: `one block many times, ${length.slice(2)}-byte command`,
    run: ({ disk, folder }) =>
      `sg_write_same ${length} --lba=100 --num=50 --in=${folder}/in --xferlen=512 ${disk}
       ${same(disk, folder, 100, 0, 1)}
       ${same(disk, folder, 149, 0, 1)}`,
  })),
  {
    tool: "sg_write_same",
    test: "NDOB with UNMAP",
    run: ({ disk }) =>
      `sg_write_same --16 --unmap --ndob --lba=104 --num=16 --xferlen=0 ${disk}
       ${zero(disk, 104, 16)}`,
  },
  {
    tool: "sg_write_same",
    test: "ANCHOR without anchored blocks is refused",
    run: ({ disk }) =>
      `sg_write_same --16 --unmap --anchor --lba=104 --num=16 --xferlen=512 ${disk}`,
    code: CODE.illegalRequest,
  },
  {
    tool: "sg_compare_and_write",
    test: "equal blocks are replaced",
    run: (disks) =>
      `${FILL(disks)}
       (head -c 1024 ${disks.folder}/in; head -c 1024 /dev/zero) >${disks.folder}/caw
       sg_compare_and_write --in=${disks.folder}/caw --lba=0 --num=2 --xferlen=2048 ${disks.disk}
       ${zero(disks.disk, 0, 2)}`,
  },
  {
    tool: "sg_compare_and_write",
    test: "others are left alone, and the difference is named",
    run: ({ disk, folder }) =>
      `sg_compare_and_write --in=${folder}/caw --lba=0 --num=2 --xferlen=2048 ${disk}`,
    code: CODE.miscompare,
    shows: [/Miscompare at byte offset: 0 /],
  },
  {
    tool: "sg_verify",
    test: "the medium is sound",
    run: ({ disk }) =>
      `sg_verify --lba=0 --count=128 ${disk} && sg_verify -S --lba=0 --count=8 ${disk}`,
  },
  {
    tool: "sg_verify",
    test: "byte by byte",
    run: (disks) =>
      `${FILL(disks)}
       sg_verify --lba=0 --count=2 --ndo=1024 --in=${disks.folder}/in ${disks.disk}`,
  },
  {
    tool: "sg_verify",
    test: "a difference is a miscompare",
    run: ({ disk, folder }) => `sg_verify --lba=2 --count=2 --ndo=1024 --in=${folder}/in ${disk}`,
    code: CODE.miscompare,
  },
  {
    tool: "sg_write_verify",
    test: "10 and 16-byte commands",
    run: ({ disk, folder }) =>
      `sg_write_verify --lba=300 --num=2 --in=${folder}/in ${disk}
       sg_write_verify -S --lba=310 --num=2 --in=${folder}/in ${disk}
       ${same(disk, folder, 300, 0, 2)}
       ${same(disk, folder, 310, 0, 2)}`,
  },
  {
    tool: "sg_write_x",
    test: "WRITE ATOMIC",
    run: ({ disk, folder }) =>
      `sg_write_x --atomic=0 --lba=320 --num=8 --in=${folder}/in ${disk}
       ${same(disk, folder, 320, 0, 8)}`,
  },
  {
    tool: "sg_write_x",
    test: "ORWRITE of zeros changes nothing",
    run: ({ disk, folder }) =>
      `head -c 4096 /dev/zero >${folder}/zeros
       sg_write_x --or --lba=320 --num=8 --in=${folder}/zeros ${disk}
       ${same(disk, folder, 320, 0, 8)}`,
  },
  {
    tool: "sg_sync",
    test: "10 and 16-byte commands, with IMMED",
    run: ({ disk }) => `sg_sync ${disk}; sg_sync --16 ${disk}; sg_sync --16 --immed ${disk}`,
  },
  {
    tool: "sg_reassign",
    test: "no defects",
    run: ({ disk }) => `sg_reassign --grown ${disk}`,
    shows: [/grown defect list: 0/],
  },
];

/** Empties the disk: runs last. */
export const sanitizeSteps: readonly Step[] = [
  {
    tool: "sg_sanitize",
    test: "overwrite with zeros",
    run: (disks) =>
      `${FILL(disks)}
       sg_sanitize --overwrite --zero --quick --wait ${disks.disk}
       ${zero(disks.disk, 0, 128)}`,
  },
  {
    tool: "sg_sanitize",
    test: "block erase leaves nothing mapped",
    run: (disks) =>
      `${FILL(disks)}
       sg_sanitize --block --quick --wait ${disks.disk}
       ${zero(disks.disk, 0, 128)}
       sg_get_lba_status -m 128 --lba=0 ${disks.disk}`,
    shows: [/LBA: 0x0+ +blocks: +131072 +deallocated/],
  },
  {
    tool: "sg_sanitize",
    test: "cryptographic erase is refused: no handler has a key to forget",
    run: ({ disk }) => `sg_sanitize --crypto --quick --wait ${disk}`,
    code: CODE.illegalRequest,
  },
  {
    tool: "sg_format",
    test: "FORMAT UNIT",
    run: ({ disk }) => `sg_format --format --quick --wait ${disk} && sg_turs ${disk}`,
  },
  {
    tool: "sg_format",
    test: "another block length is refused, and nothing has changed",
    run: ({ disk }) => `sg_format --format --quick --size=4096 ${disk}`,
    code: CODE.illegalRequest,
  },
];
