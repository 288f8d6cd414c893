/** The device server alone, and the volume of a vector: no engine, no ring. */
import { resultOfError } from "../../src/backend/volume_backend.ts";
import { HandlerError } from "../../src/plugin/error.ts";
import { LogicalUnit } from "../../src/scsi/logical_unit.ts";
import { MediaResult } from "../../src/scsi/media.ts";
import type {
  CommandOutcome,
  Operation,
  OperationResult,
  RunCommand,
} from "../../src/scsi/procedure.ts";
import { findRow } from "../../src/scsi/table.ts";
import { makePeer, type Performer, run } from "../scsi/driver.ts";
import { answerClaimed, Medium } from "./medium.ts";
import type { Ended, Site } from "./run.ts";
import { describePeers, describeUnit, findByDesignator, type UnitName } from "./units.ts";

const NOTHING = new Uint8Array(0);
const DONE: OperationResult = { result: MediaResult.OK, bytes: NOTHING };

/** Does operations of procedures on a medium. */
class MediumPerformer implements Performer {
  readonly saved = new Map<string, unknown>();
  readonly #medium: Medium;

  constructor(medium: Medium) {
    this.#medium = medium;
  }

  perform(operation: Operation, unit: LogicalUnit): OperationResult {
    announce(operation, unit);
    try {
      return this.#perform(operation);
    } catch (error) {
      if (!(error instanceof HandlerError)) throw error;
      const failed_offset_bytes = error.offset;
      return { result: resultOfError(error), bytes: NOTHING, failed_offset_bytes };
    }
  }

  #perform(operation: Operation): OperationResult {
    const medium = this.#medium;
    switch (operation.kind) {
      case "read": {
        const bytes = new Uint8Array(operation.length_bytes);
        medium.read(operation.offset_bytes, bytes);
        return { ...DONE, bytes };
      }
      case "write":
        medium.write(operation.offset_bytes, operation.bytes, operation.fua);
        return DONE;
      case "flush":
        medium.flush();
        return DONE;
      case "discard":
        medium.discard(operation.offset_bytes, operation.length_bytes);
        return DONE;
      case "write-zeroes": {
        const { offset_bytes, length_bytes, unmap, fua } = operation;
        medium.writeZeroes(offset_bytes, length_bytes, unmap, fua);
        return DONE;
      }
      case "save":
        this.saved.set(operation.part, operation.value);
        return DONE;
      default:
        return this.#ask(operation);
    }
  }

  #ask(operation: Operation): OperationResult {
    const medium = this.#medium;
    switch (operation.kind) {
      case "extents": {
        const extents = medium.extents(operation.offset_bytes, operation.length_bytes);
        return {
          ...DONE,
          extents: extents.map(({ offset, length, mapped }) => ({
            offset_bytes: offset,
            length_bytes: length,
            mapped,
          })),
        };
      }
      case "space": {
        const { used, available } = medium.space();
        return { ...DONE, space: { used_bytes: used, available_bytes: available } };
      }
      case "command":
        return { ...DONE, command: claimed(medium, operation) };
      default:
        throw new Error(`assertion: a procedure asks for ${operation.kind}`);
    }
  }
}

function claimed(medium: Medium, { cdb, dataOut, data_in_length }: RunCommand): CommandOutcome {
  const dataIn = new Uint8Array(data_in_length);
  const { status, sense, dataInLength } = answerClaimed(medium, cdb, dataOut, dataIn);
  return {
    status: status ?? 0,
    sense: sense ?? NOTHING,
    dataIn: dataIn.subarray(0, dataInLength ?? 0),
  };
}

/** As the device does before it changes anything. */
function announce(operation: Operation, { changeListener }: LogicalUnit): void {
  switch (operation.kind) {
    case "write":
      return changeListener?.(operation.offset_bytes, operation.bytes.length);
    case "discard":
    case "write-zeroes":
      return changeListener?.(operation.offset_bytes, operation.length_bytes);
  }
}

/** A unit, and the others that its copies may reach. */
export function makeServerSite(name: UnitName): Site {
  const all: { readonly unit: LogicalUnit; readonly performer: MediumPerformer }[] = [];
  const findPeer = (designator: Uint8Array) =>
    findByDesignator(all.map(({ unit, performer }) => makePeer(unit, performer)), designator);
  const media = [describeUnit(name), ...describePeers(name)].map((description) => {
    const medium = new Medium(description);
    const performer = new MediumPerformer(medium);
    all.push({ unit: new LogicalUnit({ ...description, findPeer }), performer });
    return medium;
  });
  const [{ unit, performer }] = all;
  const [medium] = media;
  return {
    unit,
    medium,
    saved: performer.saved,
    zerosAreNothing: false,
    prepared() {},
    execute(cdb, dataOut, room): Ended {
      const answer = run(unit, performer, cdb, { dataOut, room });
      return {
        status: answer.status,
        sense: answer.sense ?? NOTHING,
        dataIn: answer.dataIn ?? NOTHING,
      };
    },
    close() {},
  };
}

/** Commands that no row has. */
const CLAIM_DIRECTIONS: ReadonlyMap<number, string> = new Map([
  [0xc1, "in"],
  [0xc2, "out"],
  [0xc3, "none"],
  [0x9f, "in"],
]);

/** Where a command's data go, by its row; a buffer that goes the other way is as if none were. */
export function directionOf(cdb: Uint8Array): string {
  const claim = CLAIM_DIRECTIONS.get(cdb[0]);
  if (claim !== undefined) return claim;
  const serviceAction = cdb[0] === 0x7f ? cdb[8] << 8 | cdb[9] : cdb[1] & 0x1f;
  return findRow(cdb[0], serviceAction)?.direction ?? "none";
}
