/** Type checks in the background, with the author's own Deno. */

/** Deno cannot be started: a compiled program has none of its own. */
export class NoDeno extends Error {
  override readonly name = "NoDeno";
}

/** Checks one module at a time: a new check ends the one before. */
export class TypeChecker {
  readonly #folder: string;
  #running: AbortController | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The program: this one, where it is Deno; else what is installed. */
  static get program(): string {
    return Deno.build.standalone ? "deno" : Deno.execPath();
  }

  /**
   * Checks modules, named relative to the folder. Returns what is wrong, "" where nothing is; undefined
   * where a later check took its place. Throws {@linkcode NoDeno}.
   */
  async check(modules: readonly string[]): Promise<string | undefined> {
    this.stop();
    const running = this.#running = new AbortController();
    const { signal } = running;
    const command = new Deno.Command(TypeChecker.program, {
      args: ["check", "--quiet", ...modules],
      cwd: this.#folder,
      stdin: "null",
      stdout: "null",
      signal,
    });
    const output = await Promise.try(() => command.output()).catch((error: Error) => error);
    if (signal.aborted) return undefined;
    if (output instanceof Error) throw new NoDeno(output.message);
    return output.code === 0 ? "" : new TextDecoder().decode(output.stderr).trimEnd();
  }

  /** Ends a check that runs. */
  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }
}
