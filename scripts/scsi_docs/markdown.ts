/** Markdown as `deno fmt` leaves it. */

const LINE_LENGTH = 100;

/** A table with columns as wide as their longest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, 3, ...rows.map((row) => row[column].length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |\n`;
  return line(head) + line(widths.map((width) => "-".repeat(width))) + rows.map(line).join("");
}

/** A paragraph, wrapped. */
export function paragraph(text: string): string {
  return `${wrap(text.replace(/\s+/g, " ").trim(), "")}\n`;
}

/** A list of items, wrapped. */
export function list(items: readonly string[]): string {
  return items.map((item) => `${wrap(`- ${item.replace(/\s+/g, " ").trim()}`, "  ")}\n`).join("");
}

function wrap(text: string, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length > LINE_LENGTH && line.trim() !== "") {
      lines.push(line);
      line = indent + word;
    } else line = longer;
  }
  return [...lines, line].join("\n");
}

/** "2Ah". */
export function hex(value: number): string {
  return `${value.toString(16).toUpperCase().padStart(2, "0")}h`;
}

/** "5/24/00" of a triple. */
export function triple(sense: number): string {
  const byte = (value: number) => (value & 0xff).toString(16).toUpperCase().padStart(2, "0");
  return `${(sense >>> 16).toString(16).toUpperCase()}/${byte(sense >>> 8)}/${byte(sense)}`;
}
