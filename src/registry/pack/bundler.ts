/** Bundles apart from the rest of the program: see bundle_worker.ts. */
import { RegistryError } from "../artifact_store.ts";
import type { Bundle } from "./bundle.ts";
import type { BundleAnswer, BundleRequest } from "./bundle_worker.ts";

async function ask(request: BundleRequest): Promise<BundleAnswer> {
  const worker = new Worker(new URL("./bundle_worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise<BundleAnswer>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        resolve({ kind: "failed", message: event.message });
      };
      worker.postMessage(request);
    });
  } finally {
    worker.terminate();
  }
}

/** Bundles a module of a folder and all that it imports. Throws RegistryError. */
export async function bundleApart(request: BundleRequest): Promise<Bundle> {
  const answer = await ask(request);
  if (answer.kind === "bundle") return answer.bundle;
  if (answer.kind === "failed") throw new Error(`assertion: ${answer.message}`);
  const { kind, message, advice } = answer.error;
  throw new RegistryError(kind, message, advice);
}
