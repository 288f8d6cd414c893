import { broker } from "./broker.ts";
import { engine } from "./engine.ts";
import { media } from "./media.ts";
import { sandbox } from "./sandbox.ts";
import { tcmu } from "./tcmu.ts";
import type { Layout } from "./describe.ts";

/** Where each layout is generated to. */
export interface Target {
  readonly layout: Layout;
  readonly typescript: string;
  readonly rust?: string;
}

export const targets: readonly Target[] = [
  { layout: tcmu, typescript: "src/abi/tcmu.ts", rust: "wasm/engine/src/abi.rs" },
  { layout: engine, typescript: "src/abi/engine.ts", rust: "wasm/engine/src/layout.rs" },
  { layout: media, typescript: "src/abi/media.ts" },
  { layout: sandbox, typescript: "src/sandbox/layout.ts" },
  { layout: broker, typescript: "src/sandbox/broker_layout.ts" },
];
