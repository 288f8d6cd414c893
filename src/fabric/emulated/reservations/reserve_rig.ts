/** CDBs and parameter lists of reservations, and initiators that send them, for tests. */
import { writeUint16, writeUint32 } from "../../../scsi/big_endian.ts";
import { CoreRig } from "../core_rig.ts";
import { Initiator, type InitiatorResult, senseCode } from "../initiator.ts";
import { ReserveOut } from "./parameter_list.ts";

/** What a parameter list and its CDB say; what is left out is 0. */
export interface OutOptions {
  readonly key?: number | bigint;
  readonly actionKey?: number | bigint;
  readonly scope?: number;
  readonly type?: number;
  readonly persist?: boolean;
  readonly allTargetPorts?: boolean;
  /** SPEC_I_PT, with these TransportIDs. */
  readonly transportIds?: readonly Uint8Array[];
  /** PARAMETER LIST LENGTH where it is not that of the list. */
  readonly list_length?: number;
}

export function outCdb(serviceAction: number, options: OutOptions, length: number): Uint8Array {
  const cdb = new Uint8Array(10);
  cdb[0] = 0x5f;
  cdb[1] = serviceAction;
  cdb[2] = (options.scope ?? 0) << 4 | (options.type ?? 0);
  writeUint32(cdb, 5, options.list_length ?? length);
  return cdb;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

export function outList(options: OutOptions): Uint8Array {
  const { transportIds } = options;
  const ids = joined(transportIds ?? []);
  const list = new Uint8Array(transportIds === undefined ? 24 : 28 + ids.length);
  const view = new DataView(list.buffer);
  view.setBigUint64(0, BigInt(options.key ?? 0));
  view.setBigUint64(8, BigInt(options.actionKey ?? 0));
  list[20] = (transportIds === undefined ? 0 : 8) | (options.allTargetPorts ? 4 : 0) |
    (options.persist ? 1 : 0);
  if (transportIds !== undefined) {
    writeUint32(list, 24, ids.length);
    list.set(ids, 28);
  }
  return list;
}

export interface MoveOptions {
  readonly key: number;
  readonly actionKey: number;
  readonly transportId: Uint8Array;
  readonly unregister?: boolean;
  readonly persist?: boolean;
  readonly relative_target_port?: number;
}

export function moveList(options: MoveOptions): Uint8Array {
  const { transportId } = options;
  const list = new Uint8Array(24 + transportId.length);
  const view = new DataView(list.buffer);
  view.setBigUint64(0, BigInt(options.key));
  view.setBigUint64(8, BigInt(options.actionKey));
  list[17] = (options.unregister ? 2 : 0) | (options.persist ? 1 : 0);
  writeUint16(list, 18, options.relative_target_port ?? 1);
  writeUint32(list, 20, transportId.length);
  list.set(transportId, 24);
  return list;
}

export function inCdb(serviceAction: number, allocation_length = 0xffff): Uint8Array {
  const cdb = new Uint8Array(10);
  cdb[0] = 0x5e;
  cdb[1] = serviceAction;
  writeUint16(cdb, 7, allocation_length);
  return cdb;
}

/** Status, or the sense code of a CHECK CONDITION. */
export function outcome({ status, sense }: InitiatorResult): number {
  return status === 2 ? senseCode(sense) : status;
}

export const CONFLICT = 0x18;

/** An initiator of LUN 0 that speaks of reservations. */
export class Reserver {
  readonly initiator: Initiator;
  readonly port: string;

  constructor(rig: CoreRig, port: string) {
    this.port = port;
    this.initiator = new Initiator(rig.core, rig.pump, port);
    this.initiator.clearAttentions(0);
  }

  out(serviceAction: number, options: OutOptions = {}): number {
    const list = outList(options);
    return outcome(this.initiator.execute(0, outCdb(serviceAction, options, list.length), list));
  }

  register(key: number, actionKey: number, options: OutOptions = {}): number {
    return this.out(ReserveOut.REGISTER, { ...options, key, actionKey });
  }

  reserve(key: number, type: number): number {
    return this.out(ReserveOut.RESERVE, { key, type });
  }

  release(key: number, type: number): number {
    return this.out(ReserveOut.RELEASE, { key, type });
  }

  preempt(key: number, actionKey: number, type: number, abort = false): number {
    const action = abort ? ReserveOut.PREEMPT_AND_ABORT : ReserveOut.PREEMPT;
    return this.out(action, { key, actionKey, type });
  }

  move(options: MoveOptions): number {
    const list = moveList(options);
    const cdb = outCdb(ReserveOut.REGISTER_AND_MOVE, {}, list.length);
    return outcome(this.initiator.execute(0, cdb, list));
  }

  /** The parameter data of PERSISTENT RESERVE IN. */
  in(serviceAction: number, allocation_length?: number): Uint8Array {
    const cdb = inCdb(serviceAction, allocation_length);
    const result = this.initiator.execute(0, cdb, undefined, 65_536);
    if (result.status !== 0) throw new Error(`PERSISTENT RESERVE IN: ${outcome(result)}`);
    return result.dataIn;
  }

  keys(): { generation: number; keys: number[] } {
    const data = this.in(0);
    const view = new DataView(data.buffer, data.byteOffset);
    const keys: number[] = [];
    for (let at = 8; at < 8 + view.getUint32(4); at += 8) keys.push(Number(view.getBigUint64(at)));
    return { generation: view.getUint32(0), keys };
  }

  /** Key and type of the reservation. */
  reservation(): { key: number; type: number } | undefined {
    const data = this.in(1);
    const view = new DataView(data.buffer, data.byteOffset);
    if (view.getUint32(4) === 0) return undefined;
    return { key: Number(view.getBigUint64(8)), type: data[21] };
  }

  /** How a command without data ends. */
  run(...cdb: number[]): number {
    return outcome(this.initiator.execute(0, new Uint8Array(cdb)));
  }

  attentions(): number[] {
    return this.initiator.clearAttentions(0);
  }
}

/** The iSCSI initiator port of a number. */
export function portName(number: number): string {
  return `iqn.2026-01.example:${number},i,0x00000000000${number}`;
}

export { CoreRig, ReserveOut };
