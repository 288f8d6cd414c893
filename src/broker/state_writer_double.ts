/** A process that changes a store for ever and says what was acknowledged: to be killed. */
import { stateFile, StateStore } from "./state_store.ts";

const store = new StateStore(stateFile(Deno.args[0]));
const before = await store.get("count");
let count = before === undefined ? 0 : Number(new TextDecoder().decode(before));
for (;;) {
  count++;
  const value = new TextEncoder().encode(String(count));
  await Promise.all([store.set("count", value), store.set("copy", value.slice())]);
  Deno.stdout.writeSync(new TextEncoder().encode(`${count}\n`));
}
