/**
 * Tells what a guest's script printed from all else on the guest's console.
 *
 * @module
 */

/** Lines by which the guest tells where its script begins and ends. */
export interface Markers {
  /** Printed just before the script starts. */
  begin: string;
  /** Printed after the script, followed by its exit code. */
  exit: string;
}

/** Markers that no script prints by chance. */
export function makeMarkers(nonce: string = crypto.randomUUID()): Markers {
  return { begin: `@@rig-begin ${nonce}`, exit: `@@rig-exit ${nonce} ` };
}

/** Splits a console's text into the boot log and the script's output. */
export class ConsoleScanner {
  /** What came before the script. */
  bootLog = "";
  /** What the script printed. */
  output = "";
  /** What came after the script. */
  endLog = "";
  /** The script's exit code, once it has ended. */
  exitCode: number | undefined;
  /** Whether the script has started. */
  begun = false;

  #markers: Markers;
  #rest = "";
  #blankHeld = false;

  constructor(markers: Markers) {
    this.#markers = markers;
  }

  /** Takes in more of the console's text; returns the script's part of it. */
  feed(text: string): string {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    const before = this.output.length;
    for (const line of lines) this.#line(line.replace(/\r+$/, ""));
    return this.output.slice(before);
  }

  /** Takes in a last line that had no end. */
  finish(): string {
    return this.#rest === "" ? "" : this.feed("\n");
  }

  #line(line: string): void {
    if (this.exitCode !== undefined) this.endLog += `${line}\n`;
    else if (line.endsWith(this.#markers.begin)) this.begun = true;
    else if (!this.begun) this.bootLog += `${line}\n`;
    else if (line.startsWith(this.#markers.exit)) {
      this.exitCode = Number(line.slice(this.#markers.exit.length));
    } else this.#outputLine(line);
  }

  // The guest puts a line end before its exit marker, since the script's last
  // line may lack one: an empty line is held back until another line follows.
  #outputLine(line: string): void {
    if (this.#blankHeld) this.output += "\n";
    this.#blankHeld = line === "";
    if (!this.#blankHeld) this.output += `${line}\n`;
  }
}
