/**
 * Generates `docs/scsi.md` from the table of operation codes, the device server's pages and limits,
 * and the test vectors, which say what is refused.
 *
 * `deno run -A scripts/generate_scsi_docs.ts` writes; with `--check` it fails where the file is not
 * current.
 *
 * @module
 */
import { commandTable, missingCommands } from "./scsi_docs/commands.ts";
import { limitTable } from "./scsi_docs/limits.ts";
import { list, paragraph } from "./scsi_docs/markdown.ts";
import { logTable, modeTable, vitalProductTable } from "./scsi_docs/pages.ts";
import { refusalTable } from "./scsi_docs/refusals.ts";
import { senseTable } from "./scsi_docs/senses.ts";
import { sidesSection, taskManagementSection } from "./scsi_docs/sides.ts";

const PATH = "docs/scsi.md";

interface Section {
  readonly title: string;
  /** Paragraphs, tables, lists. */
  readonly parts: readonly string[];
}

const sections = (): readonly Section[] => [
  {
    title: "Commands",
    parts: [
      paragraph(`_Engine_ answers from the decoded CDB alone; _handler_, by one operation of the
        handler; _device server_, by an answer or a sequence of operations; _target core_ and _LIO_
        sit above the unit (see "Who answers what").`),
      paragraph(
        `"Replay" says what happens to a command that was in flight when its handler crashed:
        _always_, it is run again from its beginning; _resume_, only its last operation on the medium
        is; _never_, it fails with 4/08/00. "Alone on" says on what no other command comes between
        its steps: its range of blocks, or the whole medium.`,
      ),
      commandTable(),
      paragraph("REPORT SUPPORTED OPERATION CODES gives the same list, less"),
      missingCommands(),
      paragraph(`and with the commands that a handler claims. Its time-outs are what a command needs
        while the handler is well, and what it may need if the handler has to be started again.`),
    ],
  },
  {
    title: "What is refused",
    parts: [
      paragraph("Before a command is looked into, in this order:"),
      list([
        "a unit attention, once (not for INQUIRY, REPORT LUNS, REQUEST SENSE): 6/xx/xx;",
        "a reservation of another initiator: RESERVATION CONFLICT;",
        `a command that the unit does not have: 5/20/00; a service action that it does not have, of an
          operation code that it has: 5/24/00;`,
        "an error of an earlier command that is still to be told (deferred error), once;",
        `an access state that does not serve (2/04/0B, 2/04/0C), a unit that is not ready (2/04/xx,
          2/3A/00), a sanitize or format operation that has failed (3/31/xx);`,
        "NACA, and bits of the CDB that ask for what is not there: 5/24/00 with a field pointer;",
        "a command that writes, where the unit is write protected: 7/27/00, by SWP 7/27/02;",
        "blocks beyond the end: 5/21/00.",
      ]),
      paragraph(`All of a command and its parameter list is checked before anything changes. What
        single commands refuse beyond that, as the test vectors have it:`),
      refusalTable(),
    ],
  },
  {
    title: "Sense data",
    parts: [
      paragraph(
        `Fixed or descriptor format, by D_SENSE of the Control mode page. Invalid fields come
        with a field pointer, medium errors with the LBA in INFORMATION where it is known, sanitize
        and format operations with their progress. What fails after its command was answered (IMMED)
        is reported as a deferred error (71h, 73h) with the next command.`,
      ),
      senseTable(),
    ],
  },
  {
    title: "Vital product data pages",
    parts: [
      paragraph(
        `Designators (NAA, T10 vendor ID, EUI-64, UUID) follow from name and serial number of
        the LUN, and are the same after every restart.`,
      ),
      vitalProductTable(),
    ],
  },
  {
    title: "Mode pages",
    parts: [
      paragraph(
        `Current, changeable, default and saved values. MODE SELECT with SP makes them durable
        before it is answered; a reset, and a restart of the daemon, bring the saved ones back.`,
      ),
      modeTable(),
    ],
  },
  {
    title: "Log pages",
    parts: [
      paragraph("Counters count from when the LUN was attached. Nothing is saved (SP is refused)."),
      logTable(),
    ],
  },
  { title: "Who answers what", parts: [sidesSection()] },
  { title: "Task management", parts: [taskManagementSection()] },
  {
    title: "Protection information",
    parts: [
      paragraph(`Types 1 and 3 (SBC-4 4.21), on units whose handler keeps 8 bytes beside each block,
        and on the embedded fabrics only. READ CAPACITY(16) and VPD page 86h say so.`),
      list([
        `READ, WRITE and VERIFY of 10, 12 and 16 bytes take RDPROTECT, WRPROTECT and VRPROTECT 000b to
          101b; everywhere else, and on other units, a value but 000b is 5/24/00.`,
        `The guard is checked in the engine, and of type 1 the reference tag. The application tag is
          the initiators' own; FFFFh switches the checks of its block off (type 3: with a reference tag
          of all ones).`,
        "What was sent is checked before it is written, what was read before it is sent: B/10/01 to 03.",
        "FORMAT UNIT keeps the type that the unit has; another is refused.",
      ]),
    ],
  },
  {
    title: "Raw commands",
    parts: [
      paragraph(`A handler whose manifest claims operation codes (\`commands\` in \`handler.json\`)
        answers exactly these itself, by its \`command\` method. Everything else stays emulated;
        \`lunette show --commands\` prints who answers what.`),
      list([
        "A claim may be of one service action, or of all of an operation code.",
        `Claims come before the table: also a command that is emulated otherwise can be claimed, but
          for what the target core or LIO answers above the unit.`,
        `Unit attentions, access state, readiness, NACA and write protection are looked at first. A
          claimed command that sends data counts as a write.`,
        `The handler gets the CDB as it came and all of the data-out, and gives a status, sense data
          and data-in; what it does not fill is residual. A status that SAM does not know, or CHECK
          CONDITION without sense data, becomes 4/44/00.`,
        `It is repeated after a crash of the handler only if the claim says so; else it ends with
          4/08/00.`,
        "With another initiator's reservation it conflicts as a write does.",
      ]),
    ],
  },
  {
    title: "Limits",
    parts: [
      paragraph("What is more is refused with ILLEGAL REQUEST and a pointer to the field."),
      limitTable(),
    ],
  },
];

/** The whole document. */
export function scsiDocument(): string {
  const body = sections().map(({ title, parts }) => `## ${title}\n\n${parts.join("\n")}`);
  const introduction = paragraph(`A lunette LUN is a disk (SPC-4, SBC-4). This page says which
    commands it has, who answers them, and what is refused. It is generated from the one table of
    operation codes, from the code of the device server, and from the vectors in \`test/vectors\`
    that test it.`);
  return `<!-- Generated by scripts/generate_scsi_docs.ts: do not edit. -->\n\n` +
    `# SCSI commands of a disk\n\n${[introduction, ...body].join("\n")}`;
}

async function main(check: boolean): Promise<number> {
  const url = new URL(`../${PATH}`, import.meta.url);
  const text = scsiDocument();
  if (await Deno.readTextFile(url).catch(() => "") === text) return 0;
  if (check) {
    console.error(`${PATH} is not current: run "deno task generate"`);
    return 1;
  }
  await Deno.mkdir(new URL(".", url), { recursive: true });
  await Deno.writeTextFile(url, text);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args.includes("--check")));
