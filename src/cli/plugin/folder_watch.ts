/** Tells of changes in a handler's folder, once for those that come together. */
import { relative } from "node:path";

/** Editors write a file in several steps, and several files at a time. */
const QUIET_MS = 120;
/** What is made from the folder, or by others. */
const IGNORED = /^(dist|node_modules|\.git)(\/|$)|(^|\/)(\.#|#)|~$|\.(swp|swx|tmp)$/;

/** Whether a change of this file, relative to the folder, may change the handler. */
export function matters(path: string): boolean {
  return path !== "" && !IGNORED.test(path);
}

/** See the module. */
export class FolderWatch {
  readonly #watcher: Deno.FsWatcher;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `changed` is not called again before it has ended; what changes meanwhile calls it after that. */
  constructor(folder: string, changed: () => Promise<void>) {
    const root = Deno.realPathSync(folder);
    this.#watcher = Deno.watchFs(root);
    let running = false;
    let again = false;
    const run = async () => {
      if (running) {
        again = true;
        return;
      }
      running = true;
      do {
        again = false;
        await changed();
      } while (again);
      running = false;
    };
    this.#follow(root, run);
  }

  async #follow(root: string, run: () => Promise<void>): Promise<void> {
    for await (const { kind, paths } of this.#watcher) {
      if (kind === "access") continue;
      if (!paths.some((path) => matters(relative(root, path)))) continue;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(run, QUIET_MS);
    }
  }

  /** Ends it. */
  close(): void {
    clearTimeout(this.#timer);
    this.#watcher.close();
  }
}
