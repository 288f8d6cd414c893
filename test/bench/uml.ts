/**
 * A real kernel's ring, in User Mode Linux on one CPU: lunette beside tcmu-runner, in turns. System
 * calls and context switches cost some fifty times as much there as on a machine: the comparison
 * rewards whoever makes fewer of them.
 *
 * @module
 */
import { bootUml } from "../rig/uml.ts";
import { rigAvailable } from "../rig/host.ts";
import { fioLabel } from "./fio.ts";
import { type Group, type Run, SkipError } from "./group.ts";
import { findProgram } from "./programs.ts";
import { makeResult, type Unit } from "./result.ts";
import { type UmlFigures, umlLoads, umlServers } from "./uml_plan.ts";

const program = new URL("guest/uml.ts", import.meta.url).pathname;

async function boot(run: Run, outFolder: string): Promise<UmlFigures> {
  const rounds = run.quick ? 3 : 5;
  const seconds = run.quick ? 1 : 2;
  const { exitCode, output } = await bootUml({
    script: `exec deno run -A --unstable-worker-options '${program}' ${rounds} ${seconds}\n`,
    timeout_ms: 1_200_000,
    outFolder,
    onOutput: (text) => {
      const line = text.trim().split("\n").at(-1);
      if (line?.includes(", round ")) run.progress(line);
    },
    log: (line) => run.progress(line),
  });
  if (exitCode !== 0) throw new Error(`the guest's program failed (${exitCode}): ${output}`);
  return JSON.parse(await Deno.readTextFile(`${outFolder}/uml.json`)) as UmlFigures;
}

/** See the module. */
export const uml: Group = {
  name: "uml",
  what: "a real kernel's ring beside tcmu-runner, in User Mode Linux",
  async run(run) {
    const { available, reason } = rigAvailable("uml");
    if (!available) throw new SkipError(reason ?? "User Mode Linux cannot run here");
    const missing = ["fio", "tcmu-runner", "dbus-daemon"].filter((name) => !findProgram(name));
    if (missing.length > 0) throw new SkipError(`missing: apt-get install ${missing.join(" ")}`);
    run.progress("boots");
    const folder = await Deno.makeTempDir({ prefix: "lunette-bench-" });
    try {
      const figures = await boot(run, folder);
      run.note(`Linux ${figures.kernel} on one CPU; peer: ${figures.tcmu_runner}, raw file`);
      umlLoads.forEach(({ load, goal_thread, goal_sandboxed }, index) => {
        const sequential = !load.rw.startsWith("rand");
        const unit: Unit = sequential ? "MB/s" : "IOPS";
        const lists = figures.values[index].map((list) =>
          sequential ? list.map((iops) => iops * load.length_bytes / 1e6) : list
        );
        [goal_thread, goal_sandboxed].forEach((goal, server) => {
          const peer = { name: umlServers[2], values: lists[2], goal };
          run.report(
            makeResult(`${umlServers[server]}, ${fioLabel(load)}`, unit, lists[server], peer),
          );
        });
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};
