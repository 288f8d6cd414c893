/**
 * Words of the shell's language.
 *
 * @module
 */

/** Quotes one word so that sh takes it as it stands. */
export function quote(word: string): string {
  if (/^[A-Za-z0-9_\/.:=,@%+-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** One line of shell that runs the command with these very arguments. */
export function commandLine(words: string[]): string {
  return words.map(quote).join(" ");
}
