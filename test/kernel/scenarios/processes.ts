/** What the daemon and its handlers are to the kernel: I/O flushers, and when they may be killed. */
import { strict as assert } from "node:assert";
import type { Scenario } from "../scenario.ts";
import { Lunette } from "../guest/lunette.ts";
import { shell } from "../guest/shell.ts";

/** PF_MEMALLOC_NOIO | PF_LOCAL_THROTTLE (include/linux/sched.h): what PR_SET_IO_FLUSHER sets. */
const IO_FLUSHER_FLAGS = 0x00080000 | 0x00100000;

/** Names of a process's threads that are no I/O flushers, and the number of all. */
function inspectThreads(pid: number | "self"): { wrong: string[]; count: number } {
  const wrong: string[] = [];
  const threads = [...Deno.readDirSync(`/proc/${pid}/task`)];
  for (const { name } of threads) {
    const stat = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`);
    // The second field is a name in parentheses, which may hold anything; flags is the ninth.
    const end = stat.lastIndexOf(")");
    const flags = Number(stat.slice(end + 2).split(" ")[6]);
    if ((flags & IO_FLUSHER_FLAGS) !== IO_FLUSHER_FLAGS) wrong.push(stat.slice(0, end + 1));
  }
  return { wrong, count: threads.length };
}

function oomScore(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/oom_score_adj`));
}

export const processes: Scenario = {
  name: "processes",
  shows: "daemon and handlers are I/O flushers; OOM scores; the control socket is private",
  slowInQemu: true,
  async run(guest) {
    const lunette = await guest.step("start the daemon", () => Lunette.start(guest));
    await lunette.createDisk("one", "--handler", "memory", "--size", "64M");
    const path = `path=${guest.scratch}/two.img`;
    const disk = await lunette.createDisk(
      "two",
      ...["--handler", "file", "--set", path, "--size", "64M", "--isolation", "thread"],
    );
    await shell(`dd if=/dev/zero of=${disk} bs=1M count=64 oflag=direct`);
    await guest.step("every thread is an I/O flusher", async () => {
      assert.ok(inspectThreads("self").wrong.length > 0, "a program like any other is none");
      const { handler_pid } = await lunette.show("one");
      assert.ok(handler_pid !== undefined);
      for (const pid of [lunette.pid, handler_pid]) {
        const { wrong, count } = inspectThreads(pid);
        assert.deepEqual(wrong, [], `threads of process ${pid}`);
        guest.note(`${count} threads of ${pid === handler_pid ? "the handler" : "the daemon"}`);
      }
      assert.equal(oomScore(lunette.pid), -900);
      assert.equal(oomScore(handler_pid), 300);
    });
    await guest.step("the control socket is private", async () => {
      assert.equal((await shell("stat -c %a /run/lunette/control.sock")).trim(), "600");
      // Users of guests pass through it to the guests' modules, and find nothing else.
      assert.equal((await shell("stat -c %a /run/lunette")).trim(), "711");
      for (const { name } of Deno.readDirSync("/run/lunette")) {
        const { mode } = Deno.statSync(`/run/lunette/${name}`);
        assert.equal((mode ?? 0) & 0o077, /^guest-\d+$/.test(name) ? 0o055 : 0, name);
      }
    });
    await lunette.finish("one", "two");
  },
};
