/** What is measured on a kernel; shared by host and guest. */
import type { FioLoad } from "./fio.ts";

const small = 4096;
const large = 131072;

/** The loads, and what lunette promises of the ratio to tcmu-runner. */
export const umlLoads: readonly {
  readonly load: FioLoad;
  readonly goal_thread?: number;
  readonly goal_sandboxed?: number;
}[] = [
  ...([1, 16, 64].flatMap((depth) =>
    (["randread", "randwrite"] as const).map((rw) => ({
      load: { rw, length_bytes: small, depth },
      goal_thread: depth === 1 ? 1.0 : 1.6,
      goal_sandboxed: depth === 1 ? 0.5 : 1.1,
    }))
  )),
  ...(["read", "write"] as const).map((rw) => ({ load: { rw, length_bytes: large, depth: 16 } })),
];

/** Who is measured. */
export const umlServers = ["file in thread", "file sandboxed", "tcmu-runner"] as const;

/** What the guest leaves for the host: commands per second by load, server and round. */
export interface UmlFigures {
  readonly tcmu_runner: string;
  readonly kernel: string;
  readonly values: readonly (readonly (readonly number[])[])[];
}
