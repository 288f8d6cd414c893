/** The man page, made from the verbs and options themselves. man(7) says what the macros mean. */
import type { Command } from "commander";
import { VERSION } from "../../src/version.ts";

/** Text as roff takes it: no line begins with a macro, dashes are those of options. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/gm, "\\&$1");
}

function synopsis(command: Command, above: string): string {
  const operands = command.registeredArguments.map((one) => {
    const name = one.variadic ? `${one.name()}...` : one.name();
    return one.required ? `<${name}>` : `[${name}]`;
  });
  return [above, command.name(), ...operands].join(" ");
}

function describe(command: Command, above: string): string[] {
  const name = synopsis(command, above);
  const lines = [`.SS ${escape(name)}`, escape(command.description())];
  for (const { flags, description, hidden } of command.options) {
    if (!hidden) lines.push(".TP", `.B ${escape(flags)}`, escape(description));
  }
  return [
    ...lines,
    ...command.commands.flatMap((one) => describe(one, `${above} ${command.name()}`)),
  ];
}

/** The page lunette(8). @param date ISO date of the build. */
export function manPage(program: Command, date: string): string {
  return [
    `.TH LUNETTE 8 ${date} "lunette ${VERSION}" "System administration"`,
    ".SH NAME",
    "lunette \\- SCSI logical units from handlers in JavaScript",
    ".SH SYNOPSIS",
    ".B lunette",
    ".I verb",
    "[options]",
    ".SH DESCRIPTION",
    escape(program.description()),
    ".SH VERBS",
    ...program.commands.flatMap((command) => describe(command, "lunette")),
    ".SH FILES",
    ".TP",
    ".I /etc/lunette/lunette.json",
    "Configuration of the service: where it listens, logical units to make.",
    ".TP",
    ".I /var/lib/lunette",
    "Records of logical units, what handlers store, installed packages.",
    ".TP",
    ".I /run/lunette",
    "Control socket and locks.",
    "",
  ].join("\n");
}
