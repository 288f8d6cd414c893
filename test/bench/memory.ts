/** Resident memory of processes, from /proc (proc(5), smaps). */

/** Stored data, which is not the daemon's own memory: the memfds of handlers' capabilities. */
function isStored(path: string): boolean {
  return /^\/memfd:lunette:[^:]+:(?!channel )/.test(path);
}

/** Proportional set size of a process in MB, without the data it stores for handlers. */
export async function proportionalSize_mb(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/smaps`);
  let path = "";
  let sum_kb = 0;
  for (const line of text.split("\n")) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/.exec(line);
    if (mapping !== null) path = mapping[1];
    const size = /^Pss: +(\d+) kB$/.exec(line);
    if (size !== null && !isStored(path)) sum_kb += Number(size[1]);
  }
  return sum_kb / 1024;
}

/** A process and all processes below it. */
export async function familyOf(pid: number): Promise<number[]> {
  const family = [pid];
  for (const member of family) {
    const tasks = Deno.readDir(`/proc/${member}/task`);
    for await (const { name } of tasks) {
      const children = await Deno.readTextFile(`/proc/${member}/task/${name}/children`);
      family.push(...children.split(" ").filter((text) => text !== "").map(Number));
    }
  }
  return family;
}

/** Proportional set size of a process and all below it, in MB. */
export async function familySize_mb(pid: number): Promise<number> {
  let sum_mb = 0;
  for (const member of await familyOf(pid)) sum_mb += await proportionalSize_mb(member);
  return sum_mb;
}
