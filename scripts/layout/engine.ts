import type { Layout } from "./describe.ts";

/** What the WASM engine and its host share inside the linear memory. Private to the daemon. */
export const engine: Layout = {
  name: "engine",
  source: "wasm/engine",
  constants: [
    {
      name: "SLOT_COUNT",
      value: 256,
      comment: "commands in flight on one device; more wait in the ring",
    },
    { name: "SLOT_NONE", value: 0xffff, comment: "no slot" },
    {
      name: "IOV_COUNT_MAX",
      value: 2048,
      comment: "iovecs taken over for one command (8 MiB of 4 KiB blocks)",
    },
    { name: "CDB_LENGTH_MAX", value: 260, comment: "longest CDB (SPC-6 4.2.3: 8 + 252)" },
    {
      name: "TMR_COMMAND_COUNT_MAX",
      value: 256,
      comment: "ids taken over from one task management request",
    },
    {
      name: "TRANSFER_LENGTH_MAX",
      value: 4194304,
      comment: "bytes one command may transfer (VPD B0)",
    },
    {
      name: "PROTECTION_BLOCK_MAX",
      value: 8192,
      comment: "blocks of one call of protection_check or protection_generate",
    },
    { name: "PROTECTION_CHECK_GUARD", value: 1, comment: "check the guard of each block" },
    { name: "PROTECTION_CHECK_APPLICATION_TAG", value: 2, comment: "check the application tag" },
    { name: "PROTECTION_CHECK_REFERENCE_TAG", value: 4, comment: "check the reference tag" },
    {
      name: "PROTECTION_TYPE_3",
      value: 8,
      comment: "reference tags do not count: FFFFFFFFh, and the rule of type 3 for no checks",
    },
    { name: "ARENA_CHUNK_LENGTH", value: 16384, comment: "unit of the arena allocator, bytes" },
    // Kinds of record that walk() hands out.
    { name: "RECORD_COMMAND", value: 1, comment: "a SCSI command" },
    { name: "RECORD_TMR", value: 2, comment: "a task management request; needs no completion" },
    // Command classes: what the hot path switches on.
    { name: "CLASS_OTHER", value: 0, comment: "the device server looks at the CDB" },
    { name: "CLASS_READ", value: 1, comment: "READ 6/10/12/16/32" },
    { name: "CLASS_WRITE", value: 2, comment: "WRITE 6/10/12/16/32" },
    { name: "CLASS_SYNCHRONIZE_CACHE", value: 3, comment: "SYNCHRONIZE CACHE 10/16" },
    { name: "CLASS_TEST_UNIT_READY", value: 4, comment: "TEST UNIT READY" },
    { name: "CLASS_VERIFY", value: 5, comment: "VERIFY 10/12/16/32" },
    { name: "CLASS_WRITE_AND_VERIFY", value: 6, comment: "WRITE AND VERIFY 10/12/16/32" },
    { name: "CLASS_WRITE_SAME", value: 7, comment: "WRITE SAME 10/16/32" },
    { name: "CLASS_PRE_FETCH", value: 8, comment: "PRE-FETCH 10/16" },
    // Flags that decoding found.
    { name: "FLAG_FUA", value: 1, comment: "force unit access" },
    { name: "FLAG_DPO", value: 2, comment: "disable page out" },
    { name: "FLAG_UNMAP", value: 4, comment: "WRITE SAME: UNMAP" },
    { name: "FLAG_ANCHOR", value: 8, comment: "WRITE SAME: ANCHOR" },
    { name: "FLAG_NDOB", value: 16, comment: "WRITE SAME: no data-out buffer" },
    { name: "FLAG_IMMEDIATE", value: 32, comment: "SYNCHRONIZE CACHE, PRE-FETCH: IMMED" },
    // Device flags given to engine_configure.
    {
      name: "DEVICE_WRITE_PROTECTED",
      value: 1,
      comment: "writes end in DATA PROTECT, WRITE PROTECTED",
    },
    {
      name: "DEVICE_NOT_READY",
      value: 2,
      comment: "media access is not checked here: the device server answers",
    },
    // Errors of the engine's exports (negative results).
    { name: "ERROR_VERSION", value: -1, comment: "mailbox version is not 2" },
    {
      name: "ERROR_GEOMETRY",
      value: -2,
      comment: "ring offset or size lies outside of the mapping or is not aligned",
    },
    {
      name: "ERROR_HEAD",
      value: -3,
      comment: "cmd_head lies outside of the ring or is not aligned",
    },
    {
      name: "ERROR_ENTRY",
      value: -4,
      comment: "an entry's length is 0, not aligned, or crosses the ring's end or cmd_head",
    },
    { name: "ERROR_SLOT", value: -5, comment: "no such slot in flight" },
    {
      name: "ERROR_ARGUMENT",
      value: -6,
      comment: "an address or length lies outside of the linear memory",
    },
    { name: "ERROR_LEDGER", value: -7, comment: "more entries outstanding than the ledger holds" },
    {
      name: "ERROR_MAILBOX_CHANGED",
      value: -8,
      comment: "the mailbox's geometry changed after init",
    },
  ],
  structs: [
    {
      name: "SLOT",
      comment: "One command in flight: everything that was copied out of shared memory, once.",
      size: 384,
      fields: [
        { name: "KIND", type: "u8", offset: 0, comment: "RECORD_*; 0 = free" },
        { name: "CLASS", type: "u8", offset: 1, comment: "CLASS_*" },
        { name: "OPERATION_CODE", type: "u8", offset: 2, comment: "CDB byte 0" },
        { name: "CDB_LENGTH", type: "u8", offset: 3, comment: "bytes in CDB" },
        { name: "COMMAND_ID", type: "u16", offset: 4, comment: "cmd_id" },
        {
          name: "SERVICE_ACTION",
          type: "u16",
          offset: 6,
          comment: "0xffff where the operation code has none",
        },
        {
          name: "SENSE",
          type: "u32",
          offset: 8,
          comment: "0, or the failure decoding found: sense key << 16 | ASC << 8 | ASCQ",
        },
        { name: "FLAGS", type: "u32", offset: 12, comment: "FLAG_*" },
        { name: "OFFSET_BYTES", type: "f64", offset: 16, comment: "media access: first byte" },
        { name: "LBA", type: "f64", offset: 24, comment: "media access: first logical block" },
        {
          name: "LENGTH_BLOCKS",
          type: "u32",
          offset: 32,
          comment: "media access: number of logical blocks",
        },
        {
          name: "LENGTH_BYTES",
          type: "u32",
          offset: 36,
          comment: "media access: bytes, 0 where over 4 GiB",
        },
        {
          name: "BUFFER_LENGTH",
          type: "u32",
          offset: 40,
          comment: "bytes in the data buffer (data-out; data-in if the command has only that)",
        },
        {
          name: "BIDI_LENGTH",
          type: "u32",
          offset: 44,
          comment: "bytes in the data-in buffer of a bidirectional command",
        },
        {
          name: "IOV_ADDRESS",
          type: "u32",
          offset: 48,
          comment: "linear address of IOV_COUNT + IOV_BIDI_COUNT pairs {address u32, length u32}",
        },
        { name: "IOV_COUNT", type: "u32", offset: 52, comment: "pairs of the data buffer" },
        {
          name: "IOV_BIDI_COUNT",
          type: "u32",
          offset: 56,
          comment: "pairs of the bidirectional data-in buffer, after the first",
        },
        {
          name: "ALLOCATION_LENGTH",
          type: "u32",
          offset: 60,
          comment:
            "allocation or parameter list length of the CDB, for the classes that have none of the above",
        },
        {
          name: "CDB",
          type: "u8",
          offset: 64,
          count: 260,
          comment: "the CDB, zeros after CDB_LENGTH",
        },
        { name: "TMR_TYPE", type: "u8", offset: 324, comment: "task management request: type" },
        {
          name: "TMR_COMMAND_COUNT",
          type: "u32",
          offset: 328,
          comment: "task management request: number of u16 ids at IOV_ADDRESS",
        },
        { name: "GENERATION", type: "u32", offset: 332, comment: "counts the uses of this slot" },
      ],
    },
    {
      name: "IOV_PAIR",
      comment: "An iovec after its check: both in the linear memory.",
      size: 8,
      fields: [
        { name: "ADDRESS", type: "u32", offset: 0, comment: "linear address" },
        { name: "LENGTH", type: "u32", offset: 4, comment: "bytes" },
      ],
    },
  ],
};
