/**
 * Where esbuild runs: a Worker, which is ended when nothing is to be bundled soon. What the runtime
 * still compiles of esbuild in the background, for seconds, ends with it; other WebAssembly of this
 * process would wait for that.
 *
 * @module
 */
import { RegistryError, type RegistryErrorKind } from "../artifact_store.ts";
import { type Bundle, bundle, type BundleOptions } from "./bundle.ts";
import { SourceFolder } from "./source_folder.ts";

/** What is to be bundled. */
export interface BundleRequest {
  readonly folder: string;
  readonly module: string;
  readonly options: BundleOptions;
}

/** What came of it. */
export type BundleAnswer =
  | { readonly kind: "bundle"; readonly bundle: Bundle }
  | {
    readonly kind: "refused";
    readonly error: { kind: RegistryErrorKind; message: string; advice: string };
  }
  | { readonly kind: "failed"; readonly message: string };

async function answer({ folder, module, options }: BundleRequest): Promise<BundleAnswer> {
  try {
    const made = await bundle(await SourceFolder.open(folder), module, options);
    return { kind: "bundle", bundle: made };
  } catch (error) {
    if (error instanceof RegistryError) {
      const { kind, message, advice } = error;
      return { kind: "refused", error: { kind, message, advice } };
    }
    return { kind: "failed", message: error instanceof Error ? error.stack ?? "" : String(error) };
  }
}

self.onmessage = async ({ data }: MessageEvent<BundleRequest>) => {
  self.postMessage(await answer(data));
};
