import type { Layout } from "./describe.ts";

/** Frames between one handler process and the daemon's broker, over a pair of sockets. */
export const broker: Layout = {
  name: "broker",
  source: "src/sandbox/broker_frame.ts",
  constants: [
    {
      name: "PAYLOAD_LENGTH_MAX",
      value: 66560,
      comment: "bytes of one frame's payload: a piece of data, or a key and a value",
    },
    { name: "DATA_LENGTH_MAX", value: 65536, comment: "bytes of data in one frame" },
    {
      name: "OPEN_COUNT_MAX",
      value: 64,
      comment: "requests of one guest that may wait for their answers",
    },
    {
      name: "STREAM_COUNT_MAX",
      value: 32,
      comment: "streams (HTTP exchanges, connections) of one guest",
    },
    { name: "KEY_LENGTH_MAX", value: 256, comment: "bytes of a key of a store" },
    { name: "VALUE_LENGTH_MAX", value: 65536, comment: "bytes of a value of a store" },
    { name: "VERB_FETCH", value: 1, comment: "begins an HTTP exchange; answered with its head" },
    { name: "VERB_CONNECT", value: 2, comment: "makes a connection" },
    { name: "VERB_READ", value: 3, comment: "reads a piece of a stream; no bytes at its end" },
    { name: "VERB_WRITE", value: 4, comment: "writes a piece to a stream" },
    { name: "VERB_END", value: 5, comment: "ends what is written to a stream" },
    { name: "VERB_CLOSE", value: 6, comment: "closes a stream; its number is free when answered" },
    { name: "VERB_GET", value: 7, comment: "reads a value: a byte 1 and the value, or a byte 0" },
    { name: "VERB_SET", value: 8, comment: "u16 length of the key, key, value" },
    { name: "VERB_DELETE", value: 9, comment: "deletes a key: a byte 1 where there was one" },
    {
      name: "VERB_LIST",
      value: 10,
      comment: "u16 length of a prefix, prefix, key to begin after: some keys as JSON",
    },
    { name: "STATUS_OK", value: 0, comment: "done" },
    { name: "STATUS_DENIED", value: 1, comment: "CapabilityError denied" },
    { name: "STATUS_REVOKED", value: 2, comment: "CapabilityError revoked" },
    { name: "STATUS_INVALID", value: 3, comment: "CapabilityError invalid" },
    { name: "STATUS_TOO_LARGE", value: 4, comment: "CapabilityError too-large" },
    { name: "STATUS_NO_SPACE", value: 5, comment: "CapabilityError no-space" },
    { name: "STATUS_UNREACHABLE", value: 6, comment: "CapabilityError unreachable" },
    { name: "STATUS_TIMEOUT", value: 7, comment: "CapabilityError timeout" },
    { name: "STATUS_ENDED", value: 8, comment: "CapabilityError ended" },
    { name: "STATUS_FAILED", value: 9, comment: "CapabilityError failed" },
  ],
  structs: [
    {
      name: "FRAME",
      comment: "Before each payload.",
      size: 16,
      fields: [
        { name: "LENGTH", type: "u32", offset: 0, comment: "bytes of the payload that follows" },
        { name: "ID", type: "u32", offset: 4, comment: "of the request; echoed in its answer" },
        { name: "WHAT", type: "u16", offset: 8, comment: "VERB_* of a request, STATUS_* else" },
        {
          name: "CAPABILITY",
          type: "u16",
          offset: 10,
          comment: "requests: index in the configuration's list; answers: 0",
        },
        {
          name: "STREAM",
          type: "u32",
          offset: 12,
          comment: "requests: number of the stream, chosen by the guest; answers: 0",
        },
      ],
    },
  ],
};
