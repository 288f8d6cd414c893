//! CDBs in general: lengths, service actions, allocation lengths; and what a disk may be.

mod common;
use common::disk::*;
use common::*;
use lunette_engine::layout::*;
use lunette_engine::sense::*;

#[test]
fn other_commands_have_their_allocation_length() {
    for (cdb, expected) in [
        (vec![0x12, 1, 0x83, 1, 2, 0], 0x102),
        (vec![0x03, 0, 0, 0, 252, 0], 252),
        (vec![0xa0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0], 0x0102_0304),
        (vec![0x5a, 0, 0x3f, 0, 0, 0, 0, 2, 0, 0], 0x200),
    ] {
        let record = decode(&cdb);
        assert_eq!(class(&record), CLASS_OTHER);
        assert_eq!(record.allocation_length, expected);
        assert_eq!(record.sense, 0);
    }
    assert_eq!(class(&decode(&READY)), CLASS_TEST_UNIT_READY);
}

#[test]
fn service_actions_are_found_where_they_are() {
    let action = |cdb: &[u8]| decode(cdb).service_action;
    assert_eq!(action(&cdb16(0x9e, 0, 0)), 0);
    let mut capacity = [0; 16];
    (capacity[0], capacity[1], capacity[13]) = (0x9e, 0xe0 | 0x10, 32);
    assert_eq!(action(&capacity), 0x10);
    assert_eq!(decode(&capacity).allocation_length, 32);
    assert_eq!(action(&[0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 0x0c);
    assert_eq!(
        action(&[0x5f, 0x06, 0, 0, 0, 0, 0, 0, 24, 0]),
        6,
        "not in the table"
    );
    assert_eq!(action(&cdb32(0x1234, 0, 0)), 0x1234);
    assert_eq!(action(&cdb10(0x28, 0, 1)), 0xffff);
    assert_eq!(action(&[0xc0, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0]), 0xffff);
}

/// Nobody's operation code is for the device server to refuse, with 5/20/00: even if NACA is set.
#[test]
fn unknown_operation_codes_are_left_alone() {
    for cdb in [
        vec![0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0xff],
        vec![0x9e, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff],
        vec![0x02, 0, 0, 0, 0, 0xff],
    ] {
        let record = decode(&cdb);
        assert_eq!((class(&record), record.sense), (CLASS_OTHER, 0));
        assert_eq!(record.operation_code, cdb[0]);
    }
}

#[test]
fn lengths_follow_the_group_of_the_code() {
    for (code, expected) in [
        (0x00, 6),
        (0x1f, 6),
        (0x20, 10),
        (0x5f, 10),
        (0x60, 12),
        (0x7e, 12),
        (0x80, 16),
        (0x9f, 16),
        (0xa0, 12),
        (0xbf, 12),
        (0xc0, 10),
        (0xff, 10),
    ] {
        let mut cdb = [0xee; 16];
        cdb[0] = code;
        let record = decode(&cdb);
        assert_eq!(record.cdb_length, expected, "{code:#x}");
        let (own, rest) = record.cdb.split_at(usize::from(expected));
        assert_eq!(own, &cdb[..usize::from(expected)]);
        assert!(rest.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn variable_lengths_are_held_to() {
    let mut cdb = cdb32(0x09, 0, 1).to_vec();
    cdb[7] = 0x10;
    let short = decode(&cdb[..24]);
    assert_eq!((short.cdb_length, short.sense), (24, INVALID_FIELD_IN_CDB));
    cdb[7] = 0x20;
    cdb.resize(40, 0);
    assert_eq!(decode(&cdb).sense, INVALID_FIELD_IN_CDB);
    // Longer than its entry: the ring's fault.
    cdb[7] = 0xfc;
    assert_eq!(decode(&cdb).sense, INTERNAL_TARGET_FAILURE);
    cdb.resize(260, 0x11);
    let longest = decode(&cdb);
    assert_eq!(
        (longest.cdb_length, longest.sense),
        (255, INVALID_FIELD_IN_CDB)
    );
    assert_eq!(longest.cdb[..], cdb[..]);
    (cdb[7], cdb[9]) = (0xff, 0xee);
    cdb.resize(264, 0);
    assert_eq!(
        decode(&cdb).sense,
        INTERNAL_TARGET_FAILURE,
        "over CDB_LENGTH_MAX"
    );
}

#[test]
fn configure_refuses_what_is_not_exact() {
    let kernel = Kernel::new(4096, 4096, FLAGS_ALL);
    kernel.init();
    let mut engine = kernel.engine();
    let most = (1u64 << 53) as f64;
    assert_eq!(engine.configure(1, most, 0), 0);
    assert_eq!(engine.configure(512, most / 512.0, 0), 0);
    for (block_length, blocks) in [
        (512, most / 512.0 + 1.0),
        (1, most + 2.0),
        (0, most + 2.0),
        (512, -1.0),
        (512, 0.5),
        (512, f64::NAN),
        (512, f64::INFINITY),
        (512, f64::NEG_INFINITY),
    ] {
        assert_eq!(engine.configure(block_length, blocks, 0), ERROR_ARGUMENT);
    }
    assert_eq!(
        engine.state.block_count,
        (1 << 53) / 512,
        "what was good stays"
    );
}
