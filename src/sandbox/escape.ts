/**
 * Text from outside in visible form: what a handler, a manifest or a package says ends in a terminal
 * and in logs.
 *
 * @module
 */

// What moves the cursor, hides text, takes no room or turns its direction must not reach a terminal:
// control and format characters, those without a meaning here, and those that are not shown.
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Text with all that could fool a terminal or a log's reader in visible form. */
export function escapeLine(line: string): string {
  return line.replaceAll(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
    const digits = code.toString(16).padStart(4, "0");
    return code < 0x10000 ? `\\u${digits}` : `\\u{${digits}}`;
  });
}

/** JSON text, of one line or several, with the same characters as JSON's own escapes. */
export function escapeJson(json: string): string {
  return json.split("\n").map((line) =>
    line.replaceAll(UNSAFE, (character) =>
      Array.from(
        { length: character.length },
        (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
      ).join(""))
  ).join("\n");
}
