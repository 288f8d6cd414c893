/**
 * Serves the fake disk by iSCSI, for trying real initiators by hand:
 * `deno run -A test/iscsi/serve_fake.ts [port] [MiB]`. It blocks in epoll as the ring thread does.
 */
import { Epoll } from "../../src/sys/epoll.ts";
import { IscsiTarget } from "../../src/fabric/iscsi/target.ts";
import { formatSocketAddress } from "../../src/sys/socket.ts";
import { FakePort } from "./fake_port.ts";

const [port = "3260", size_mib = "64"] = Deno.args;
const epoll = new Epoll();
const clock = { now_ms: () => performance.now() };
const target = new IscsiTarget({ epoll, clock, log: (line) => console.log(line) });
target.addTarget({
  name: "iqn.2026-01.org.example:fake",
  port: new FakePort({ blocks: Number(size_mib) * 2048, arena_length: 64 * 1_048_576 }),
});
const at = target.listen({ port: Number(port), fallback: true });
console.log(`iscsi://${formatSocketAddress(at)}/iqn.2026-01.org.example:fake/0`);
let ticked_ms = clock.now_ms();
for (;;) {
  epoll.wait(1000);
  const now_ms = clock.now_ms();
  if (now_ms - ticked_ms >= 1000) {
    target.tick(now_ms);
    ticked_ms = now_ms;
  }
  target.flush();
}
