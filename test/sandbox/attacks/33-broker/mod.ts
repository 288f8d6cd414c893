/**
 * Family 33: the daemon is asked to go where the operator has not allowed: to other ports, names and
 * forms of addresses, by redirects, by header fields; and to keep more than it should.
 */
import { hostile, type Phase, plan, type Scene, type Variant } from "../attack.ts";

const phases: readonly Phase[] = ["io"];
const ally = `http://127.0.0.1:${plan.ally_port}`;

/** What came of a request that shall be refused. */
async function fetched(
  { context }: Scene,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<string> {
  const response = await context!.http("web").fetch({ url, headers, method });
  return `${response.status} from ${response.url}: ${(await response.text()).slice(0, 80)}`;
}

const elsewhere = (name: string, url: string): Variant => ({
  name,
  phases,
  timeout_ms: 4000,
  run: (scene) => fetched(scene, url),
});

const withField = (name: string, field: string, value: string): Variant => ({
  name,
  phases,
  timeout_ms: 4000,
  run: (scene) => fetched(scene, `${ally}/`, { [field]: value }),
});

const port = plan.tcp_port;
const places: readonly Variant[] = [
  elsewhere("other-port", `http://127.0.0.1:${port}/`),
  elsewhere("name-of-loopback", `http://localhost:${port}/`),
  elsewhere("allowed-port-other-name", `http://localhost:${plan.ally_port}/`),
  elsewhere("other-scheme", `https://127.0.0.1:${plan.ally_port}/`),
  elsewhere("number", `http://2130706433:${port}/`),
  elsewhere("octal", `http://0177.0.0.1:${port}/`),
  elsewhere("short", `http://127.1:${port}/`),
  elsewhere("mapped", `http://[::ffff:127.0.0.1]:${port}/`),
  elsewhere("mapped-allowed-port", `http://[::ffff:127.0.0.1]:${plan.ally_port}/`),
  elsewhere("unspecified", `http://0.0.0.0:${plan.ally_port}/`),
  elsewhere("other-loopback", `http://127.0.0.2:${plan.ally_port}/`),
  elsewhere("metadata", "http://169.254.169.254/latest/meta-data/"),
  elsewhere("user-in-url", `http://127.0.0.1:${plan.ally_port}@127.0.0.1:${port}/`),
  elsewhere("file", `file://${plan.secret_path}`),
  elsewhere("data", "data:text/plain,reached"),
  elsewhere("unix", `unix:${plan.unix_path}`),
];

const redirects: readonly Variant[] = [
  "port",
  "name",
  "metadata",
  "file",
  "relative",
  "user",
  "itself",
].map((to) => elsewhere(`redirect-to-${to}`, `${ally}/to-${to}`));

const fields: readonly Variant[] = [
  withField("host", "Host", `127.0.0.1:${port}`),
  withField("line-break", "X-A", "b\r\nHost: other"),
  withField("line-break-in-name", "X-A: b\r\nHost", "other"),
  withField("transfer-encoding", "Transfer-Encoding", "chunked"),
  withField("upgrade", "Upgrade", "websocket"),
  withField("proxy", "Proxy-Authorization", "Basic YTpi"),
  { name: "method", phases, run: (scene) => fetched(scene, `${ally}/`, {}, "DELETE") },
  { name: "method-connect", phases, run: (scene) => fetched(scene, `${ally}/`, {}, "CONNECT") },
  {
    name: "method-line-break",
    phases,
    run: (scene) => fetched(scene, `${ally}/`, {}, "GET / HTTP/1.1\r\nHost: other\r\n\r\nGET"),
  },
];

const floods: readonly Variant[] = [
  {
    name: "endless-answer",
    phases,
    timeout_ms: 5000,
    run: (scene) => fetched(scene, `${ally}/endless`),
  },
  {
    name: "many-streams",
    phases,
    timeout_ms: 5000,
    run: async ({ context }) => {
      const open = Array.from({ length: 64 }, () => context!.http("web").fetch(`${ally}/endless`));
      const ends = await Promise.allSettled(open);
      const count = ends.filter(({ status }) => status === "fulfilled").length;
      for (const end of ends) if (end.status === "fulfilled") await end.value.body.cancel();
      if (count > 32) return `${count} exchanges at a time`;
      throw ends.find((end) => end.status === "rejected")?.reason ?? new Error("got nothing");
    },
  },
  {
    name: "other-capability",
    phases,
    run: ({ context }) => context!.http("notes") && "a store as HTTP servers",
  },
  {
    name: "prototype-as-capability",
    phases,
    run: ({ context }) => context!.tcp("__proto__") && "something",
  },
];

const stores: readonly Variant[] = [
  {
    name: "store-of-empty-values",
    phases,
    timeout_ms: 8000,
    run: async ({ context }) => {
      const store = context!.state("notes");
      const key = (at: number) => `${at}`.padStart(250, "k");
      for (let count = 0; count < 400; count += 40) {
        await Promise.all(
          Array.from({ length: 40 }, (_, at) => store.set(key(count + at), new Uint8Array())),
        );
      }
      return "100,000 bytes of keys";
    },
  },
  {
    name: "store-value-too-long",
    phases,
    run: ({ context }) => context!.state("notes").set("a", new Uint8Array(65537)),
  },
  {
    name: "store-key-as-path",
    phases,
    run: async ({ context }) => {
      const store = context!.state("notes");
      await store.delete(`${"0".padStart(250, "k")}`);
      await store.set(`../../../../../..${plan.drop_folder}/key`, new Uint8Array(1));
      // The runner looks into that folder.
      return undefined;
    },
  },
  {
    name: "store-not-text",
    phases,
    run: ({ context }) =>
      context!.state("notes").set(Symbol.iterator as unknown as string, new Uint8Array(1)),
  },
  {
    name: "store-flood-of-lists",
    phases,
    timeout_ms: 5000,
    run: async ({ context }) => {
      const store = context!.state("notes");
      const end_ms = performance.now() + (plan.quick ? 500 : 3000);
      while (performance.now() < end_ms) {
        await Promise.all(Array.from({ length: 60 }, () => store.list()));
      }
      return undefined;
    },
  },
];

export const open = await hostile([...places, ...redirects, ...fields, ...floods, ...stores]);
