import type { Layout } from "./describe.ts";

/** The memfd that the daemon shares with one handler process. Hostile to both sides. */
export const sandbox: Layout = {
  name: "sandbox",
  source: "src/sandbox/protocol.ts",
  constants: [
    { name: "MAGIC", value: 0x4e554c31, comment: "first word of the channel" },
    { name: "PROTOCOL_VERSION", value: 3, comment: "version of this layout" },
    {
      name: "REQUEST_COUNT",
      value: 265,
      comment: "requests in flight: TAG_COUNT of src/engine/ports.ts, and the daemon's own",
    },
    {
      name: "QUEUE_LENGTH",
      value: 512,
      comment: "entries of each queue: a power of two, more than REQUEST_COUNT",
    },
    { name: "CONFIGURATION_LENGTH_MAX", value: 65536, comment: "bytes of JSON from the daemon" },
    { name: "REPLY_LENGTH_MAX", value: 65536, comment: "bytes of JSON from the guest" },
    { name: "REQUEST_FLAG_FUA", value: 1, comment: "force unit access" },
    { name: "REQUEST_FLAG_UNMAP", value: 2, comment: "storage may be given back" },
    { name: "STATE_STARTING", value: 0, comment: "guest state: not open yet" },
    { name: "STATE_OPEN", value: 1, comment: "guest state: REPLY holds the volume's description" },
    { name: "STATE_FAILED", value: 2, comment: "guest state: REPLY holds the error" },
    { name: "STATE_CLOSED", value: 3, comment: "guest state: the volume was closed, as asked" },
  ],
  structs: [
    {
      name: "CHANNEL",
      comment:
        "The channel: header, queues, configuration, reply; the data arena follows, page aligned.",
      size: 0x28000,
      fields: [
        // Written by the daemon before the guest starts.
        { name: "MAGIC", type: "u32", offset: 0, comment: "MAGIC" },
        { name: "VERSION", type: "u32", offset: 4, comment: "PROTOCOL_VERSION" },
        {
          name: "EPOCH",
          type: "u32",
          offset: 8,
          comment:
            "counts the processes this channel has had; a guest echoes it in every completion",
        },
        {
          name: "ARENA_OFFSET",
          type: "u32",
          offset: 12,
          comment: "arena from the beginning of the channel",
        },
        { name: "ARENA_LENGTH", type: "u32", offset: 16, comment: "bytes in the arena" },
        {
          name: "CONFIGURATION_LENGTH",
          type: "u32",
          offset: 20,
          comment: "bytes in CONFIGURATION",
        },
        // Each word below has a cache line of its own.
        {
          name: "SUBMIT_TAIL",
          type: "u32",
          offset: 64,
          comment: "daemon: entries submitted, free running; also the futex the guest sleeps on",
        },
        {
          name: "GUEST_WAITING",
          type: "u32",
          offset: 128,
          comment: "guest: 1 while it sleeps or is about to; the daemon takes it back to 0",
        },
        {
          name: "COMPLETE_TAIL",
          type: "u32",
          offset: 192,
          comment: "guest: completions published, free running",
        },
        {
          name: "DAEMON_WAITING",
          type: "u32",
          offset: 256,
          comment:
            "daemon: 1 while it sleeps or is about to; the guest takes it back to 0 and writes the eventfd",
        },
        { name: "GUEST_STATE", type: "u32", offset: 320, comment: "guest: STATE_*" },
        { name: "REPLY_LENGTH", type: "u32", offset: 324, comment: "guest: bytes in REPLY" },
        {
          name: "CLOSING",
          type: "u32",
          offset: 384,
          comment: "daemon: 1 asks the guest to close the volume and to end",
        },
        {
          name: "CONFINED",
          type: "u32",
          offset: 448,
          comment:
            "daemon: 1 when the process is in its control group; the futex that a guest sleeps on before it loads its handler",
        },
        {
          name: "SUBMISSION",
          type: "u8",
          offset: 4096,
          count: 16384,
          comment: "queue of REQUEST entries, 512 of 32 bytes",
        },
        {
          name: "COMPLETION",
          type: "u8",
          offset: 20480,
          count: 12288,
          comment: "queue of COMPLETION entries, 512 of 24 bytes",
        },
        {
          name: "CONFIGURATION",
          type: "u8",
          offset: 32768,
          count: 65536,
          comment: "JSON from the daemon",
        },
        { name: "REPLY", type: "u8", offset: 98304, count: 65536, comment: "JSON from the guest" },
      ],
    },
    {
      name: "REQUEST",
      comment: "One request, written by the daemon into the submission queue.",
      size: 32,
      fields: [
        { name: "SEQUENCE", type: "u32", offset: 0, comment: "echoed in the completion" },
        { name: "REQUEST", type: "u16", offset: 4, comment: "0 to REQUEST_COUNT - 1, echoed" },
        { name: "OPERATION", type: "u8", offset: 6, comment: "OPERATION_*" },
        { name: "FLAGS", type: "u8", offset: 7, comment: "REQUEST_FLAG_*" },
        { name: "OFFSET_BYTES", type: "f64", offset: 8, comment: "first byte on the volume" },
        { name: "LENGTH_BYTES", type: "f64", offset: 16, comment: "bytes" },
        {
          name: "DATA_OFFSET",
          type: "u32",
          offset: 24,
          comment: "data from the beginning of the arena; contiguous",
        },
      ],
    },
    {
      name: "COMPLETION",
      comment: "One completion, written by the guest.",
      size: 24,
      fields: [
        { name: "REQUEST", type: "u32", offset: 0, comment: "of the request" },
        { name: "SEQUENCE", type: "u32", offset: 4, comment: "of the request" },
        { name: "EPOCH", type: "u32", offset: 8, comment: "of the channel" },
        { name: "RESULT", type: "u32", offset: 12, comment: "RESULT_*" },
        {
          name: "FAILED_OFFSET_BYTES",
          type: "f64",
          offset: 16,
          comment: "READ, WRITE: first byte on the volume that failed; -1 where it is not known",
        },
      ],
    },
  ],
};
