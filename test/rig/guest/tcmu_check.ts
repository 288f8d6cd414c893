/** Run in a guest: the kernel makes a TCMU device, and Deno can call C functions. */
import { strict as assert } from "node:assert";
import { createTcmuBackstore, findUio, removeBackstore } from "./configfs.ts";

const backstore = await createTcmuBackstore({
  name: "check",
  size_bytes: 16 << 20,
  config: "check/words of the handler",
});
const uio = await findUio(backstore);
const name = (await Deno.readTextFile(`/sys/class/uio/${uio}/name`)).trim();
assert.equal(name, "tcm-user/0/check/check/words of the handler");
assert.ok((await Deno.stat(`/dev/${uio}`)).isCharDevice);
await removeBackstore(backstore);

const libc = Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } });
assert.equal(libc.symbols.getpid(), Deno.pid);
libc.close();

// Whatever a guest writes outside of $RIG_OUT stays in the guest.
await Deno.writeTextFile(`${Deno.env.get("RIG_OUT")}/release`, Deno.osRelease());
await Deno.writeTextFile("/etc/rig-check", "gone when the guest is");
console.log("checked");
