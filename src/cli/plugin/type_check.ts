/** Type checks in the background, with the author's own Deno. */

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
   * where a later check took its place. Throws NotFound where there is no Deno.
   */
  async check(modules: readonly string[]): Promise<string | undefined> {
    this.stop();
    const running = this.#running = new AbortController();
    const { signal } = running;
    try {
      const { code, stderr } = await new Deno.Command(TypeChecker.program, {
        args: ["check", "--quiet", ...modules],
        cwd: this.#folder,
        stdin: "null",
        stdout: "null",
        signal,
      }).output();
      if (signal.aborted) return undefined;
      return code === 0 ? "" : new TextDecoder().decode(stderr).trimEnd();
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  /** Ends a check that runs. */
  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }
}
