/**
 * The reservations of one logical unit: persistent ones (SPC-4 5.13) and those of SPC-2 (RESERVE and
 * RELEASE). Answers their commands, and says which other commands conflict.
 */
import type { StateStore } from "../../../engine/ports.ts";
import { type Answer, Status } from "../../../scsi/answer.ts";
import { readUint16 } from "../../../scsi/big_endian.ts";
import { AccessState, type LogicalUnit as ScsiUnit } from "../../../scsi/logical_unit.ts";
import type { FieldPointer } from "../../../scsi/sense.ts";
import { RESERVE_OUT_LENGTH_MAX } from "../limits.ts";
import type { EmulatedNexus } from "../nexus.ts";
import type { EmulatedTask } from "../task.ts";
import { Sense, type SenseCode, unitSense } from "../sense.ts";
import { refusedField, rowOf } from "../opcode_row.ts";
import { accessOf, passesReserve } from "./access.ts";
import { reserveIn } from "./reserve_in.ts";
import { reserveOut, reserveOutLength } from "./reserve_out.ts";
import { RESERVATIONS_PART, restoreReservations, saveReservations } from "./saved.ts";
import {
  type Change,
  conflicts,
  isForRegistrants,
  isHolder,
  type PortAttention,
  type ReservationState,
} from "./state.ts";

const PERSISTENT_RESERVE_IN = 0x5e;
const PERSISTENT_RESERVE_OUT = 0x5f;
const RESERVE_6 = 0x16;
const RELEASE_6 = 0x17;
const RESERVE_10 = 0x56;
const RELEASE_10 = 0x57;

/** No initiator port has this name, so it is never registered. */
const NO_PORT = "";

const GOOD: Answer = { status: Status.GOOD };
const CONFLICT: Answer = { status: Status.RESERVATION_CONFLICT };

/** Whether the operation code is one of reservations. */
const answered = Uint8Array.from(
  { length: 256 },
  (_, code) =>
    [PERSISTENT_RESERVE_IN, PERSISTENT_RESERVE_OUT, RESERVE_6, RELEASE_6, RESERVE_10, RELEASE_10]
        .includes(code)
      ? 1
      : 0,
);

/** A command of reservations as its logical unit hands it over. */
export interface ReservationCommand {
  readonly nexus: EmulatedNexus;
  readonly cdb: Uint8Array;
  /** The first `length` bytes of data-out, or what there is. */
  dataOut(length: number): Uint8Array;
  /** Nobody waits for it any more: it shall have no effect. */
  readonly cancelled: boolean;
  /** Whether it is this task. */
  isOf(task: EmulatedTask): boolean;
  answer(answer: Answer): void;
}

/** What the logical unit does for its reservations. */
export interface ReservationHost {
  readonly unit: ScsiUnit | undefined;
  /** Initiator ports with a nexus. */
  knownPorts(): Iterable<string>;
  establish(attentions: readonly PortAttention[]): void;
  /** Aborts all commands of some ports but `command`; `ended` is called once they have ended. */
  abortPorts(ports: readonly string[], command: ReservationCommand, ended: () => void): void;
}

export class ReservationServer {
  readonly #host: ReservationHost;
  readonly #store: StateStore | undefined;
  #state: ReservationState;
  /** Who has the SPC-2 reservation. */
  #reserver: EmulatedNexus | undefined;
  /** Whether a change is being kept: others have to wait for it. */
  #saving = false;
  readonly #waiting: ReservationCommand[] = [];

  /** Throws a `SavedReservationsError` where what was kept cannot be read. */
  constructor(host: ReservationHost, store: StateStore | undefined, saved: unknown) {
    this.#host = host;
    this.#store = store;
    this.#state = restoreReservations(saved);
  }

  get state(): ReservationState {
    return this.#state;
  }

  /** Whether this answers the command, and no one else. */
  answers(operation: number): boolean {
    return answered[operation] === 1;
  }

  /** Whether a command conflicts with what another nexus has reserved. */
  conflicts(nexus: EmulatedNexus, cdb: Uint8Array): boolean {
    const { reservation } = this.#state;
    const reserver = this.#reserver;
    if (reservation === undefined && reserver === undefined) return false;
    const claims = this.#host.unit?.features.claims ?? [];
    if (reserver !== undefined && reserver !== nexus && !passesReserve(cdb, claims)) return true;
    return reservation !== undefined &&
      conflicts(this.#state, nexus.initiator_port, accessOf(cdb, claims));
  }

  /** Whether copies of other units are kept out: a copy manager is registered with nobody. */
  keepsCopiesOut(writes: boolean): boolean {
    if (this.#reserver !== undefined) return true;
    return this.#state.reservation !== undefined &&
      conflicts(this.#state, NO_PORT, writes ? "write" : "read");
  }

  /** Performs one of the commands it answers. */
  execute(command: ReservationCommand): void {
    const { cdb } = command;
    const refused = this.#refusal(cdb);
    if (refused !== undefined) return command.answer(refused);
    switch (cdb[0]) {
      case PERSISTENT_RESERVE_IN:
        return command.answer(this.#reserveIn(cdb));
      case PERSISTENT_RESERVE_OUT:
        if (this.#saving) this.#waiting.push(command);
        else this.#reserveOut(command);
        return;
      case RESERVE_6:
      case RESERVE_10:
        return command.answer(this.#reserve(command.nexus));
      default:
        return command.answer(this.#release(command.nexus));
    }
  }

  /** What the table of operation codes and the access state say against a command. */
  #refusal(cdb: Uint8Array): Answer | undefined {
    const row = rowOf(cdb);
    if (row === undefined) return this.#invalidField(1, 4);
    const field = refusedField(row, cdb);
    if (field !== undefined) return this.#check(Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB, field);
    const legacy = cdb[0] !== PERSISTENT_RESERVE_IN && cdb[0] !== PERSISTENT_RESERVE_OUT;
    // Third parties and extents of SPC-2.
    if (legacy && (cdb[1] & 0x1f) !== 0) return this.#invalidField(1, 4);
    return this.#accessRefusal(legacy);
  }

  /** SPC-4 5.16.2.4: persistent reservations can be changed in standby, not where unavailable. */
  #accessRefusal(legacy: boolean): Answer | undefined {
    const state = this.#host.unit?.accessState ?? AccessState.ACTIVE_OPTIMIZED;
    if (state === AccessState.UNAVAILABLE) return this.#check(Sense.NOT_READY_UNAVAILABLE);
    if (state === AccessState.STANDBY && legacy) return this.#check(Sense.NOT_READY_STANDBY);
    return undefined;
  }

  #check(sense: SenseCode, field?: FieldPointer): Answer {
    const details = field === undefined ? {} : { field };
    return { status: Status.CHECK_CONDITION, sense: unitSense(this.#host.unit, sense, details) };
  }

  #invalidField(byte: number, bit: number): Answer {
    return this.#check(Sense.ILLEGAL_REQUEST_INVALID_FIELD_IN_CDB, { inCdb: true, byte, bit });
  }

  get #context() {
    return {
      canPersist: this.#store !== undefined,
      relative_target_port: this.#host.unit?.port?.relative_target_port ?? 1,
    };
  }

  #reserveIn(cdb: Uint8Array): Answer {
    // SPC-2 7.12: neither command goes beside RESERVE, whoever sent that.
    if (this.#reserver !== undefined) return CONFLICT;
    const data = reserveIn(this.#state, cdb[1] & 0x1f, this.#context);
    if (data === undefined) return this.#invalidField(1, 4);
    return { status: Status.GOOD, dataIn: data.subarray(0, readUint16(cdb, 7)) };
  }

  #reserveOut(command: ReservationCommand): void {
    if (command.cancelled) return command.answer(GOOD);
    if (this.#reserver !== undefined) return command.answer(CONFLICT);
    const { cdb, nexus } = command;
    const parameters = command.dataOut(Math.min(reserveOutLength(cdb), RESERVE_OUT_LENGTH_MAX));
    const change = reserveOut(this.#state, cdb, parameters, {
      ...this.#context,
      initiator_port: nexus.initiator_port,
      knownPorts: () => this.#knownPorts(),
    });
    if ("refused" in change) {
      const { refused, field } = change;
      return command.answer(refused === "conflict" ? CONFLICT : this.#check(refused, field));
    }
    this.#keep(command, change);
  }

  *#knownPorts(): Generator<string> {
    yield* this.#host.knownPorts();
    yield* this.#state.registrations.keys();
  }

  /** Has a change kept if that was asked for; only then it takes effect. */
  #keep(command: ReservationCommand, change: Change): void {
    const store = this.#store;
    const changes = change.state !== this.#state;
    const kept = changes && (change.state.persistent || this.#state.persistent);
    if (store === undefined || !kept) return this.#commit(command, change);
    this.#saving = true;
    store.save(RESERVATIONS_PART, saveReservations(change.state), (ok) => {
      this.#saving = false;
      if (ok) this.#commit(command, change);
      else command.answer(this.#check(Sense.HARDWARE_ERROR_INTERNAL_TARGET_FAILURE));
      this.#advance();
    });
  }

  #advance(): void {
    while (!this.#saving) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#reserveOut(next);
    }
  }

  #commit(command: ReservationCommand, { state, attentions, aborted }: Change): void {
    this.#state = state;
    this.#host.establish(attentions);
    if (aborted.length === 0) return command.answer(GOOD);
    this.#host.abortPorts(aborted, command, () => command.answer(GOOD));
  }

  /** SPC-4 5.13.3 (CRH = 1): undefined where RESERVE and RELEASE are as in SPC-2. */
  #compatible(nexus: EmulatedNexus): Answer | undefined {
    const { initiator_port } = nexus;
    const { reservation, registrations } = this.#state;
    if (registrations.size === 0) return undefined;
    const shared = reservation !== undefined && isForRegistrants(reservation.type) &&
      registrations.has(initiator_port);
    return shared || isHolder(this.#state, initiator_port) ? GOOD : CONFLICT;
  }

  /** SPC-2 7.21, 7.22. */
  #reserve(nexus: EmulatedNexus): Answer {
    // Whoever registers right now was first.
    if (this.#saving) return CONFLICT;
    const answer = this.#compatible(nexus);
    if (answer !== undefined) return answer;
    if (this.#reserver !== undefined && this.#reserver !== nexus) return CONFLICT;
    this.#reserver = nexus;
    return GOOD;
  }

  /** SPC-2 7.16, 7.17: it is no error to release what another has reserved; nothing happens. */
  #release(nexus: EmulatedNexus): Answer {
    const answer = this.#compatible(nexus);
    if (answer !== undefined) return answer;
    this.releaseReserve(nexus);
    return GOOD;
  }

  /** Ends the SPC-2 reservation: that of a nexus, or whoever has it. */
  releaseReserve(nexus?: EmulatedNexus): void {
    if (nexus === undefined || this.#reserver === nexus) this.#reserver = undefined;
  }
}
