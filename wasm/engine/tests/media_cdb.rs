//! Media commands: fields by their clauses, refusals, and the edges of the medium.

mod common;
use common::disk::*;
use common::*;
use lunette_engine::layout::*;
use lunette_engine::sense::*;

/// Every form of each class, as (CDB for an LBA and a number of blocks).
type Form = fn(u64, u32) -> Vec<u8>;
const FORMS: [(u32, &[Form]); 5] = [
    (
        CLASS_READ,
        &[
            |lba, n| cdb6(0x08, lba as u32, n as u8).to_vec(),
            |lba, n| cdb10(0x28, lba as u32, n as u16).to_vec(),
            |lba, n| cdb12(0xa8, lba as u32, n).to_vec(),
            |lba, n| cdb16(0x88, lba, n).to_vec(),
            |lba, n| cdb32(0x09, lba, n).to_vec(),
        ],
    ),
    (
        CLASS_WRITE,
        &[
            |lba, n| cdb6(0x0a, lba as u32, n as u8).to_vec(),
            |lba, n| cdb10(0x2a, lba as u32, n as u16).to_vec(),
            |lba, n| cdb12(0xaa, lba as u32, n).to_vec(),
            |lba, n| cdb16(0x8a, lba, n).to_vec(),
            |lba, n| cdb32(0x0b, lba, n).to_vec(),
        ],
    ),
    (
        CLASS_VERIFY,
        &[
            |lba, n| cdb10(0x2f, lba as u32, n as u16).to_vec(),
            |lba, n| cdb12(0xaf, lba as u32, n).to_vec(),
            |lba, n| cdb16(0x8f, lba, n).to_vec(),
            |lba, n| cdb32(0x0a, lba, n).to_vec(),
        ],
    ),
    (
        CLASS_WRITE_AND_VERIFY,
        &[
            |lba, n| cdb10(0x2e, lba as u32, n as u16).to_vec(),
            |lba, n| cdb12(0xae, lba as u32, n).to_vec(),
            |lba, n| cdb16(0x8e, lba, n).to_vec(),
            |lba, n| cdb32(0x0c, lba, n).to_vec(),
        ],
    ),
    (
        CLASS_WRITE_SAME,
        &[
            |lba, n| cdb10(0x41, lba as u32, n as u16).to_vec(),
            |lba, n| cdb16(0x93, lba, n).to_vec(),
            |lba, n| cdb32(0x0d, lba, n).to_vec(),
        ],
    ),
];

/// Byte with the flags of a form: 10 of 32-byte CDBs, 1 of others.
fn flags_at(cdb: &[u8]) -> usize {
    if cdb.len() == 32 { 10 } else { 1 }
}

#[test]
fn every_form_has_its_class_and_range() {
    for (expected, forms) in FORMS {
        for form in forms {
            let cdb = form(0x12345, 3);
            let record = decode(&cdb);
            assert_eq!(class(&record), expected, "{cdb:02x?}");
            assert_eq!(usize::from(record.cdb_length), cdb.len());
            assert_eq!(record.sense, 0, "{cdb:02x?}");
            assert_eq!(record.lba, f64::from(0x12345));
            assert_eq!(record.offset_bytes, f64::from(0x12345 * 512));
            assert_eq!((record.length_blocks, record.length_bytes), (3, 1536));
        }
    }
}

#[test]
fn long_forms_have_64_bits_of_lba() {
    let lba = BLOCKS - 1;
    for cdb in [cdb16(0x88, lba, 1).to_vec(), cdb32(9, lba, 1).to_vec()] {
        let record = decode(&cdb);
        assert_eq!(record.sense, 0);
        assert_eq!(record.offset_bytes, lba as f64 * 512.0);
    }
}

/// SBC-3 5.10: 21 bits of LBA, the bits before are reserved; 0 blocks are 256.
#[test]
fn six_byte_forms_have_their_own_rules() {
    let record = decode(&[0x08, 0xe0 | 0x1f, 0xff, 0xff, 0, 0]);
    assert_eq!(record.lba, f64::from(0x1f_ffff));
    assert_eq!((record.length_blocks, record.length_bytes), (256, 131_072));
    assert_eq!(record.sense, 0);
    let record = decode(&cdb6(0x0a, 1, 255));
    assert_eq!(record.length_blocks, 255);
    assert_eq!(
        decode(&cdb10(0x28, 1, 0)).length_blocks,
        0,
        "not so in other forms"
    );
}

#[test]
fn flags_are_found_where_the_form_has_them() {
    let flagged = |mut cdb: Vec<u8>, bits: u8| {
        let at = flags_at(&cdb);
        cdb[at] |= bits;
        decode(&cdb)
    };
    for (expected, forms) in FORMS {
        for form in forms.iter().filter(|form| form(0, 1).len() > 6) {
            let cdb = form(0, 1);
            let short = cdb.len() == 10;
            match expected {
                CLASS_READ | CLASS_WRITE => {
                    assert_eq!(flagged(cdb.clone(), 0x08).flags, FLAG_FUA);
                    assert_eq!(flagged(cdb.clone(), 0x10).flags, FLAG_DPO);
                    assert_eq!(flagged(cdb, 0x18).flags, FLAG_FUA | FLAG_DPO);
                }
                CLASS_WRITE_SAME => {
                    assert_eq!(flagged(cdb.clone(), 0x08).flags, FLAG_UNMAP);
                    assert_eq!(flagged(cdb.clone(), 0x18).flags, FLAG_UNMAP | FLAG_ANCHOR);
                    let data_less = flagged(cdb, 1);
                    let refused = (INVALID_FIELD_IN_CDB, 0);
                    let expected = if short { refused } else { (0, FLAG_NDOB) };
                    assert_eq!((data_less.sense, data_less.flags), expected);
                }
                _ => {
                    assert_eq!(flagged(cdb.clone(), 0x10).flags, FLAG_DPO);
                    assert_eq!(flagged(cdb, 0x08).flags, 0, "no FUA in {expected}");
                }
            }
        }
    }
}

/// Protection information is not supported: RDPROTECT, WRPROTECT, VRPROTECT (SBC-4 5.15).
#[test]
fn protection_is_refused_in_every_form() {
    for (_, forms) in FORMS {
        for form in forms.iter().filter(|form| form(0, 1).len() > 6) {
            for bits in [0x20, 0x40, 0x80, 0xe0] {
                let mut cdb = form(0, 1);
                let at = flags_at(&cdb);
                cdb[at] |= bits;
                assert_eq!(decode(&cdb).sense, INVALID_FIELD_IN_CDB, "{cdb:02x?}");
            }
        }
    }
}

/// SAM-6 5.2: NACA in the CONTROL byte, which is byte 1 of a 32-byte CDB and the last of others.
#[test]
fn naca_is_refused_in_every_form() {
    for (_, forms) in FORMS {
        for form in forms {
            let mut cdb = form(0, 1);
            let at = if cdb.len() == 32 { 1 } else { cdb.len() - 1 };
            cdb[at] |= 4;
            assert_eq!(decode(&cdb).sense, INVALID_FIELD_IN_CDB, "{cdb:02x?}");
            cdb[at] ^= 4 | 0xc0;
            assert_eq!(decode(&cdb).sense, 0, "vendor specific bits are not NACA");
        }
    }
    assert_eq!(decode(&[0, 0, 0, 0, 0, 4]).sense, INVALID_FIELD_IN_CDB);
    assert_eq!(decode(&[0x12, 0, 0, 0, 36, 4]).sense, INVALID_FIELD_IN_CDB);
}

#[test]
fn bits_without_a_meaning_here_are_refused() {
    let mut verify = cdb10(0x2f, 0, 1);
    verify[1] = 2 << 1;
    assert_eq!(decode(&verify).sense, INVALID_FIELD_IN_CDB, "BYTCHK 2");
    let mut same = cdb16(0x93, 0, 1);
    for bits in [0x02, 0x04, 0x10] {
        same[1] = bits;
        assert_eq!(decode(&same).sense, INVALID_FIELD_IN_CDB, "{bits:#x}");
    }
}

#[test]
fn the_range_ends_with_the_medium() {
    let disk = Disk {
        blocks: 100,
        ..READY_DISK
    };
    for (_, forms) in FORMS {
        for form in forms {
            let sense = |lba, blocks| disk.sense(&form(lba, blocks), u64::from(DATA));
            assert_eq!(sense(0, 100), 0);
            assert_eq!(sense(99, 1), 0);
            assert_eq!(sense(0, 101), LBA_OUT_OF_RANGE);
            assert_eq!(sense(99, 2), LBA_OUT_OF_RANGE);
            assert_eq!(sense(100, 1), LBA_OUT_OF_RANGE);
            if form(0, 1).len() > 6 {
                assert_eq!(sense(100, 0), 0);
                assert_eq!(sense(101, 0), LBA_OUT_OF_RANGE);
            }
        }
    }
    for lba in [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 53, (1 << 53) + 1] {
        for blocks in [0, 1, 2, u32::MAX] {
            let cdb = cdb16(0x88, lba, blocks);
            assert_eq!(disk.sense(&cdb, 512), LBA_OUT_OF_RANGE);
        }
    }
}

#[test]
fn cache_commands_know_range_and_immed() {
    let disk = Disk {
        blocks: 100,
        ..READY_DISK
    };
    for (expected, code10, code16) in [
        (CLASS_SYNCHRONIZE_CACHE, 0x35, 0x91),
        (CLASS_PRE_FETCH, 0x34, 0x90),
    ] {
        for mut cdb in [cdb10(code10, 7, 3).to_vec(), cdb16(code16, 7, 3).to_vec()] {
            cdb[1] = 2;
            let record = disk.decode(&cdb, 0);
            assert_eq!(class(&record), expected);
            assert_eq!((record.sense, record.flags), (0, FLAG_IMMEDIATE));
            assert_eq!((record.lba, record.length_blocks), (7.0, 3));
        }
        assert_eq!(disk.sense(&cdb10(code10, 0, 0), 0), 0, "0 is kept");
        assert_eq!(disk.sense(&cdb10(code10, 98, 3), 0), LBA_OUT_OF_RANGE);
        assert_eq!(disk.sense(&cdb16(code16, u64::MAX, 0), 0), LBA_OUT_OF_RANGE);
        // Nothing is transferred, so no limit holds.
        let large = READY_DISK.decode(&cdb16(code16, 0, u32::MAX), 0);
        assert_eq!(
            (large.sense, large.length_bytes),
            (0, 0),
            "over 4 GiB says 0"
        );
    }
}

#[test]
fn the_transfer_limit_is_that_of_vpd_b0() {
    let most = TRANSFER_LENGTH_MAX / 512;
    for (expected, forms) in FORMS {
        for form in forms.iter().filter(|form| form(0, 1).len() > 6) {
            let limited = matches!(expected, CLASS_READ | CLASS_WRITE | CLASS_WRITE_AND_VERIFY);
            let over = if limited { INVALID_FIELD_IN_CDB } else { 0 };
            assert_eq!(decode(&form(0, most)).sense, 0);
            assert_eq!(decode(&form(0, most + 1)).sense, over);
        }
    }
    let mut verify = cdb12(0xaf, 0, most + 1);
    verify[1] = 1 << 1;
    assert_eq!(
        decode(&verify).sense,
        INVALID_FIELD_IN_CDB,
        "BYTCHK 1 transfers"
    );
    assert_eq!(
        decode(&cdb12(0xa8, 0, u32::MAX)).sense,
        INVALID_FIELD_IN_CDB
    );
}

/// libiscsi's residual tests: whole blocks that came are written, a part of one is refused.
#[test]
fn a_write_writes_the_whole_blocks_that_came() {
    for (_, forms) in FORMS
        .iter()
        .filter(|(class, _)| matches!(*class, CLASS_WRITE | CLASS_WRITE_AND_VERIFY))
    {
        for form in *forms {
            let with = |buffer| READY_DISK.decode(&form(5, 4), buffer);
            assert_eq!((with(2048).sense, with(2048).length_blocks), (0, 4));
            assert_eq!((with(4096).sense, with(4096).length_bytes), (0, 2048));
            assert_eq!((with(1024).sense, with(1024).length_blocks), (0, 2));
            assert_eq!(with(1024).length_bytes, 1024);
            assert_eq!((with(0).sense, with(0).length_bytes), (0, 0));
            assert_eq!(with(1000).sense, INVALID_FIELD_IN_COMMAND_IU);
            assert_eq!(with(2047).sense, INVALID_FIELD_IN_COMMAND_IU);
        }
    }
}

#[test]
fn a_read_keeps_the_length_of_its_cdb() {
    for buffer in [0, 200, 512, 4096] {
        let record = READY_DISK.decode(&cdb10(0x28, 0, 2), buffer);
        assert_eq!((record.sense, record.length_bytes), (0, 1024));
        assert_eq!(u64::from(record.buffer_length), buffer);
    }
}

#[test]
fn data_to_compare_or_repeat_must_be_there() {
    let verify = |mode: u8, blocks: u16, buffer: u64| {
        let mut cdb = cdb10(0x2f, 0, blocks);
        cdb[1] = mode << 1;
        READY_DISK.sense(&cdb, buffer)
    };
    assert_eq!(verify(0, 3, 0), 0, "no data");
    assert_eq!(verify(1, 3, 1536), 0);
    assert_eq!(verify(1, 3, 1535), INVALID_FIELD_IN_COMMAND_IU);
    assert_eq!(verify(3, 3, 512), 0, "one block for all");
    assert_eq!(verify(3, 3, 511), INVALID_FIELD_IN_COMMAND_IU);
    assert_eq!(verify(3, 0, 0), 0);
    let same = |bits: u8, buffer: u64| {
        let mut cdb = cdb16(0x93, 0, 1000);
        cdb[1] = bits;
        READY_DISK.sense(&cdb, buffer)
    };
    assert_eq!(same(0, 512), 0);
    assert_eq!(same(0, 511), INVALID_FIELD_IN_COMMAND_IU);
    assert_eq!(same(1, 0), 0, "NDOB");
}

#[test]
fn writes_to_a_protected_disk_are_refused_last() {
    let disk = Disk {
        blocks: 100,
        flags: DEVICE_WRITE_PROTECTED,
        ..READY_DISK
    };
    for (class, forms) in FORMS {
        let writes = matches!(
            class,
            CLASS_WRITE | CLASS_WRITE_AND_VERIFY | CLASS_WRITE_SAME
        );
        for form in forms {
            let expected = if writes { WRITE_PROTECTED } else { 0 };
            assert_eq!(disk.sense(&form(0, 1), 512), expected);
            assert_eq!(disk.sense(&form(101, 1), 512), LBA_OUT_OF_RANGE);
        }
    }
}

#[test]
fn a_disk_that_is_not_ready_checks_fields_only() {
    let disk = Disk {
        blocks: 1,
        flags: DEVICE_NOT_READY | DEVICE_WRITE_PROTECTED,
        ..READY_DISK
    };
    let record = disk.decode(&cdb10(0x2a, 1000, 2), 100);
    assert_eq!((class(&record), record.sense), (CLASS_WRITE, 0));
    let mut protected = cdb10(0x2a, 1000, 2);
    protected[1] = 0x20;
    assert_eq!(disk.sense(&protected, 100), INVALID_FIELD_IN_CDB);
    let unknown = Disk {
        block_length: 0,
        blocks: 0,
        flags: 0,
    };
    let record = unknown.decode(&cdb10(0x28, 1000, 2), 100);
    assert_eq!(
        (class(&record), record.sense, record.length_bytes),
        (CLASS_READ, 0, 0)
    );
}

#[test]
fn large_blocks_stay_exact() {
    let disk = Disk {
        block_length: 4096,
        blocks: 1 << 41,
        flags: 0,
    };
    let last = (1u64 << 41) - 1;
    let record = disk.decode(&cdb16(0x88, last, 1), 4096);
    assert_eq!(record.sense, 0);
    assert_eq!(record.offset_bytes as u64, last * 4096);
    assert_eq!(disk.sense(&cdb16(0x88, last, 2), 8192), LBA_OUT_OF_RANGE);
    // 2^53 + 1 has no f64 of its own and would look like the end of the largest disk.
    let largest = Disk {
        block_length: 1,
        blocks: 1 << 53,
        flags: 0,
    };
    let sense = largest.sense(&cdb16(0x88, (1 << 53) + 1, 0), 0);
    assert_eq!(sense, LBA_OUT_OF_RANGE);
}
