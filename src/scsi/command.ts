/** What the device server may see of a command: a record of the engine, read only. */
export interface CommandView {
  /** CDB byte 0. */
  readonly operationCode: number;
  /** 0xffff where the operation code has none. */
  readonly serviceAction: number;
  /** CLASS_* of `src/abi/engine.ts`. */
  readonly commandClass: number;
  /** The CDB, CDB_LENGTH_MAX bytes, zeros after `cdbLength`. Valid until the command ends. */
  readonly cdb: Uint8Array;
  readonly cdbLength: number;
  /** Failure that decoding found: sense key << 16 | ASC << 8 | ASCQ; 0 if none. */
  readonly sense: number;
  /** FLAG_* of `src/abi/engine.ts`. */
  readonly flags: number;
  readonly lba: number;
  readonly offset_bytes: number;
  readonly length_blocks: number;
  readonly length_bytes: number;
  /** Bytes the initiator gave or takes: data-out, or data-in where the command has only that. */
  readonly buffer_length: number;
  /** Bytes of data-in of a bidirectional command. */
  readonly bidi_length: number;
  /** Allocation length or parameter list length of the CDB. */
  readonly allocation_length: number;
}
