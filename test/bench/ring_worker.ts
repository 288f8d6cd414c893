/**
 * One rig of the ring benchmark in a thread of its own: compiled code is specialised to what it has
 * seen, as it is in a daemon whose LUNs are of one kind, and rigs do not spoil it for one another.
 */
/// <reference lib="deno.worker" />
import { loadModule } from "../integration/harness.ts";
import { makeSandboxRig, makeThreadRig, type RingCase, type RingRig } from "./ring_rig.ts";

/** How the handler runs: `direct` from its backing memory, `called` in thread, or sandboxed. */
export type RigKind = "direct" | "called" | "sync" | "async";

/** What the thread is asked; it answers with ns a command, and at first with null. */
export type RigRequest =
  | { readonly ask: "open"; readonly kind: RigKind }
  | { readonly ask: "serve" | "memcpy"; readonly ringCase: RingCase; readonly time_ms: number }
  | { readonly ask: "close" };

let rig: RingRig | undefined;
let store = 0;

async function open(kind: RigKind): Promise<void> {
  const module = await loadModule();
  if (kind === "sync" || kind === "async") rig = await makeSandboxRig(module, kind);
  else ({ rig, store } = await makeThreadRig(module, kind === "direct"));
}

async function answer(request: RigRequest): Promise<number | null> {
  switch (request.ask) {
    case "open":
      await open(request.kind);
      return null;
    case "serve":
      return rig?.measure(request.ringCase, request.time_ms) ?? null;
    case "memcpy":
      return rig?.measureCopy(request.ringCase, store, request.time_ms) ?? null;
    case "close":
      await rig?.close();
      return null;
  }
}

self.onmessage = async ({ data }: MessageEvent<RigRequest>) => {
  self.postMessage(await answer(data));
  if (data.ask === "close") self.close();
};
