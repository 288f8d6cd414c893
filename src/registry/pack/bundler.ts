/** Bundles apart from the rest of the program: see bundle_worker.ts. */
import { RegistryError } from "../artifact_store.ts";
import type { Bundle } from "./bundle.ts";
import type { BundleAnswer, BundleRequest } from "./bundle_worker.ts";

/** A thread with esbuild; whoever bundles often keeps it, and spares its start. */
export class Bundler implements Disposable {
  readonly #worker = new Worker(new URL("./bundle_worker.ts", import.meta.url), { type: "module" });
  #last: Promise<unknown> = Promise.resolve();

  /** Bundles a module of a folder and all that it imports. Throws RegistryError. */
  async bundle(request: BundleRequest): Promise<Bundle> {
    const asked = this.#last.then(() => this.#ask(request));
    this.#last = asked;
    const answer = await asked;
    if (answer.kind === "bundle") return answer.bundle;
    if (answer.kind === "failed") throw new Error(`assertion: ${answer.message}`);
    const { kind, message, advice } = answer.error;
    throw new RegistryError(kind, message, advice);
  }

  #ask(request: BundleRequest): Promise<BundleAnswer> {
    return new Promise((resolve) => {
      this.#worker.onmessage = ({ data }) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        resolve({ kind: "failed", message: event.message });
      };
      this.#worker.postMessage(request);
    });
  }

  /** Ends the thread. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
