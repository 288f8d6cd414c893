/** The table of commands, and on which units there are fewer of them. */
import { makeIdentity } from "../../src/scsi/identity.ts";
import { LogicalUnit, type LogicalUnitDescription } from "../../src/scsi/logical_unit.ts";
import { type OperationCode, operationCodes } from "../../src/scsi/opcodes.ts";
import { supports } from "../../src/scsi/table.ts";
import { hex, list, table } from "./markdown.ts";

type Change = Partial<LogicalUnitDescription>;

const FEATURES = {
  writable: true,
  discard: true,
  writeZeroes: true,
  writeCache: true,
  atomic_write_bytes: 4096,
};

function makeUnit(change: Change): LogicalUnit {
  return new LogicalUnit({
    name: "disk",
    identity: makeIdentity("disk", "serial"),
    block_length: 512,
    block_count: 64,
    features: FEATURES,
    port: { relative_target_port: 1, target_port_group: 1 },
    targetCore: "embedded",
    ...change,
  });
}

/** What a unit may lack, and how that is said. */
const LACKS: readonly (readonly [string, Change])[] = [
  ["the handler cannot discard", { features: { ...FEATURES, discard: false } }],
  ["the handler promises no atomic writes", { features: { ...FEATURES, atomic_write_bytes: 0 } }],
  ["the fabric has no target port groups", { port: undefined }],
  ["the unit is above a kernel's ring", { targetCore: "kernel" }],
];

/** Who answers on the embedded fabrics, and above a kernel's ring. */
function answerers(row: OperationCode): [string, string] {
  if (row.answeredBy !== "target core") {
    const kernel = supports(makeUnit({ targetCore: "kernel" }), row) ? row.answeredBy : "nobody";
    return [row.answeredBy, kernel];
  }
  return ["target core", "LIO"];
}

function commandRow(row: OperationCode): string[] {
  const { name, code, serviceAction, clause, replay, exclusive } = row;
  const action = serviceAction === undefined ? "" : `/${hex(serviceAction)}`;
  const alone = exclusive === undefined ? "" : row.lba === undefined ? "medium" : "range";
  return [name, `${hex(code)}${action}`, clause, ...answerers(row), replay, alone];
}

/** The table of all commands. */
export function commandTable(): string {
  return table(
    ["Command", "Code", "Clause", "Embedded fabrics", "Kernel's ring", "Replay", "Alone on"],
    operationCodes.map(commandRow),
  );
}

/** Commands that a unit does not have, by what it lacks. */
export function missingCommands(): string {
  const whole = makeUnit({});
  const items = LACKS.map(([lack, change]) => {
    const unit = makeUnit(change);
    const names = operationCodes
      .filter((row) => supports(whole, row) && !supports(unit, row))
      .map(({ name }) => name);
    return `${names.join(", ")}, where ${lack};`;
  });
  return list(
    items.map((item, index) => index < items.length - 1 ? item : item.replace(/;$/, ".")),
  );
}
