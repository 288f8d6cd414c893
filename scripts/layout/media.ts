import type { Layout } from "./describe.ts";

/**
 * Media operations and how they end, as daemon and handler's process name them to each other. And
 * exchanges: media operations whose one buffer carries what is asked and what is answered. It lies
 * in the scratch arena of the engine, and is copied to the handler's process and back.
 */
export const media: Layout = {
  name: "media",
  source: "src/scsi/media.ts",
  constants: [
    { name: "OPERATION_READ", value: 1, comment: "fill the data area" },
    { name: "OPERATION_WRITE", value: 2, comment: "store the data area" },
    { name: "OPERATION_FLUSH", value: 3, comment: "make writes durable" },
    { name: "OPERATION_DISCARD", value: 4, comment: "give storage back" },
    { name: "OPERATION_WRITE_ZEROES", value: 5, comment: "make the range zeros" },
    { name: "OPERATION_EXTENTS", value: 6, comment: "exchange: which parts hold data" },
    { name: "OPERATION_SPACE", value: 7, comment: "exchange: storage used and left" },
    { name: "OPERATION_RESIZE", value: 8, comment: "exchange: change the size" },
    { name: "OPERATION_COMMAND", value: 9, comment: "exchange: a command that was claimed" },
    {
      name: "OPERATION_READ_PROTECTED",
      value: 10,
      comment: "exchange: blocks with protection information",
    },
    {
      name: "OPERATION_WRITE_PROTECTED",
      value: 11,
      comment: "exchange: blocks with protection information",
    },
    { name: "RESULT_OK", value: 0, comment: "done" },
    { name: "RESULT_MEDIUM_ERROR", value: 1, comment: "HandlerError medium-error" },
    { name: "RESULT_NO_SPACE", value: 2, comment: "HandlerError no-space" },
    { name: "RESULT_WRITE_PROTECTED", value: 3, comment: "HandlerError write-protected" },
    { name: "RESULT_NOT_READY", value: 4, comment: "HandlerError not-ready" },
    { name: "RESULT_NO_MEDIUM", value: 5, comment: "HandlerError no-medium" },
    { name: "RESULT_INTERNAL", value: 6, comment: "anything else that was thrown" },
    { name: "EXTENTS_COUNT_MAX", value: 1024, comment: "extents of one exchange" },
    { name: "COMMAND_CDB_LENGTH_MAX", value: 260, comment: "bytes of a CDB" },
    { name: "COMMAND_SENSE_LENGTH_MAX", value: 252, comment: "bytes of sense data" },
    {
      name: "COMMAND_DATA_IN_ALIGNMENT",
      value: 64,
      comment: "COMMAND: data-in begins at a multiple of this",
    },
    {
      name: "PROTECTION_LENGTH",
      value: 8,
      comment: "bytes of protection information of a block (SBC-4 4.21.2)",
    },
  ],
  structs: [
    {
      name: "EXTENTS",
      comment: "EXTENTS: which parts of a range hold data. EXTENT records follow.",
      size: 32,
      fields: [
        { name: "OFFSET_BYTES", type: "f64", offset: 0, comment: "asked: first byte" },
        { name: "LENGTH_BYTES", type: "f64", offset: 8, comment: "asked: length of the range" },
        { name: "COUNT", type: "u32", offset: 16, comment: "answered: records" },
      ],
    },
    {
      name: "EXTENT",
      comment: "One extent.",
      size: 24,
      fields: [
        { name: "OFFSET_BYTES", type: "f64", offset: 0, comment: "first byte" },
        { name: "LENGTH_BYTES", type: "f64", offset: 8, comment: "length" },
        { name: "MAPPED", type: "u32", offset: 16, comment: "1 where storage is assigned" },
      ],
    },
    {
      name: "SPACE",
      comment: "SPACE: how much storage is used and left.",
      size: 16,
      fields: [
        { name: "USED_BYTES", type: "f64", offset: 0, comment: "answered" },
        { name: "AVAILABLE_BYTES", type: "f64", offset: 8, comment: "answered" },
      ],
    },
    {
      name: "RESIZE",
      comment: "RESIZE: change the size of the volume.",
      size: 8,
      fields: [
        { name: "SIZE_BYTES", type: "f64", offset: 0, comment: "asked" },
      ],
    },
    {
      name: "COMMAND",
      comment:
        "COMMAND: a command that the handler has claimed. DATA_OUT_LENGTH bytes follow, then, from the next multiple of 64 on, DATA_IN_LENGTH bytes of room.",
      size: 576,
      fields: [
        { name: "CDB_LENGTH", type: "u32", offset: 0, comment: "asked" },
        { name: "DATA_OUT_LENGTH", type: "u32", offset: 4, comment: "asked" },
        { name: "DATA_IN_LENGTH", type: "u32", offset: 8, comment: "asked: room for data-in" },
        { name: "STATUS", type: "u32", offset: 12, comment: "answered: SCSI status" },
        { name: "DATA_IN_VALID", type: "u32", offset: 16, comment: "answered: bytes of data-in" },
        { name: "SENSE_LENGTH", type: "u32", offset: 20, comment: "answered: bytes of sense" },
        { name: "CDB", type: "u8", offset: 32, count: 260, comment: "asked" },
        { name: "SENSE", type: "u8", offset: 320, count: 252, comment: "answered" },
      ],
    },
    {
      name: "PROTECTED",
      comment:
        "READ_PROTECTED, WRITE_PROTECTED: blocks with their protection information. LENGTH_BYTES bytes of data follow, then 8 bytes for each block.",
      size: 64,
      fields: [
        { name: "OFFSET_BYTES", type: "f64", offset: 0, comment: "asked: first byte" },
        { name: "LENGTH_BYTES", type: "f64", offset: 8, comment: "asked: bytes of data" },
        { name: "FUA", type: "u32", offset: 16, comment: "asked: 1 for force unit access" },
      ],
    },
  ],
};
