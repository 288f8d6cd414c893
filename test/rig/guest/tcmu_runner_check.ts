/** Run in a guest: tcmu-runner serves a raw image, fio reads and writes it. */
import { startTcmuRunner } from "../tcmu_runner.ts";

await using runner = await startTcmuRunner();
console.log(`version ${runner.version}`);
const disk = await runner.addRawDisk({ name: "raw0", size_bytes: 64 << 20 });
console.log(`disk ${disk.device}`);
for (const [rw, depth] of [["randread", 1], ["randread", 16], ["randwrite", 16]]) {
  const { stdout, success } = await new Deno.Command("fio", {
    args: [
      "--name=check",
      `--filename=${disk.device}`,
      "--direct=1",
      "--ioengine=libaio",
      "--bs=4k",
      `--rw=${rw}`,
      `--iodepth=${depth}`,
      "--runtime=2",
      "--time_based",
      "--output-format=json",
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("fio failed");
  const [job] = JSON.parse(new TextDecoder().decode(stdout)).jobs;
  const iops = rw === "randread" ? job.read.iops : job.write.iops;
  console.log(`${rw} depth ${depth}: ${Math.round(iops)} IOPS, error ${job.error}`);
}
await disk.remove();
console.log("removed");
