/** Family 3: HTTP, WebSocket, TCP, UDP, unix sockets, names. */
import { builtin, call, hostile, make, plan, secretIn, type Variant } from "../attack.ts";

const dgram = () => builtin<typeof import("node:dgram")>("dgram");
const dns = () => builtin<typeof import("node:dns")>("dns");
const http = () => builtin<typeof import("node:http")>("http");
const net = () => builtin<typeof import("node:net")>("net");

const url = `http://127.0.0.1:${plan.tcp_port}/`;
const address = { hostname: "127.0.0.1", port: plan.tcp_port };

/** An emitter's end: the named event, or its error. */
function event(emitter: unknown, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    call(emitter, ["on"], name, () => resolve(name));
    call(emitter, ["on"], "error", reject);
  });
}

function target(events: EventTarget): Promise<string> {
  return new Promise((resolve, reject) => {
    events.addEventListener("open", () => resolve("a connection"));
    events.addEventListener("error", (event) => {
      const { message } = event as ErrorEvent;
      reject(new Error(message || "no connection (error event)"));
    });
  });
}

const variants: readonly Variant[] = [
  { name: "fetch", run: async () => secretIn(await (await fetch(url)).text()) },
  {
    name: "fetch-metadata",
    run: async () => secretIn(await (await fetch("http://169.254.169.254/")).text()),
  },
  { name: "web-socket", run: () => target(new WebSocket(`ws://127.0.0.1:${plan.tcp_port}/`)) },
  {
    name: "web-socket-stream",
    run: async () =>
      await (make(globalThis, ["WebSocketStream"], url.replace("http", "ws")) as {
        opened: Promise<unknown>;
      }).opened && "a stream",
  },
  {
    name: "event-source",
    run: () => target(make(globalThis, ["EventSource"], url) as EventTarget),
  },
  { name: "connect-tcp", run: async () => await Deno.connect(address) && "a connection" },
  {
    name: "connect-unix",
    run: async () =>
      await Deno.connect({ transport: "unix", path: plan.unix_path }) && "a connection",
  },
  {
    name: "connect-abstract-unix",
    run: async () => await Deno.connect({ transport: "unix", path: "\0lunette" }) && "a connection",
  },
  { name: "connect-tls", run: async () => await Deno.connectTls(address) && "a connection" },
  {
    name: "connect-vsock",
    run: async () =>
      await call(Deno, ["connect"], { transport: "vsock", cid: 2, port: 22 }) && "a connection",
  },
  {
    name: "connect-quic",
    run: async () => await call(Deno, ["connectQuic"], address) && "a connection",
  },
  {
    name: "web-transport",
    run: async () =>
      await reachReady(make(globalThis, ["WebTransport"], url.replace("http:", "https:"))),
  },
  {
    name: "listen-tcp",
    run: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }) && "a listener",
  },
  {
    name: "listen-unix",
    run: () =>
      Deno.listen({ transport: "unix", path: `${plan.drop_folder}/socket` }) && "a listener",
  },
  {
    name: "serve",
    run: () => Deno.serve({ port: 0, hostname: "127.0.0.1" }, () => new Response()) && "a server",
  },
  {
    name: "datagram",
    run: () =>
      call(Deno, ["listenDatagram"], { transport: "udp", hostname: "127.0.0.1", port: 0 }) &&
      "a socket",
  },
  { name: "resolve", run: async () => secretIn(await Deno.resolveDns("example.com", "A")) },
  { name: "interfaces", run: () => secretIn(Deno.networkInterfaces()) },
  { name: "http-client", run: () => Deno.createHttpClient({ proxy: { url } }) && secretFetch() },
  { name: "node-net", run: () => event(net().connect(plan.tcp_port, "127.0.0.1"), "connect") },
  { name: "node-net-unix", run: () => event(net().connect(plan.unix_path), "connect") },
  {
    name: "node-listen",
    run: () => event(net().createServer().listen(0, "127.0.0.1"), "listening"),
  },
  { name: "node-http", run: () => event(http().get(url), "response") },
  {
    name: "node-udp",
    run: () => {
      const socket = dgram().createSocket("udp4");
      const sent = event(socket, "listening");
      socket.send("x", plan.udp_port, "127.0.0.1");
      return sent;
    },
  },
  { name: "node-dns", run: async () => secretIn(await dns().promises.lookup("localhost")) },
  {
    name: "node-dns-server",
    run: async () => secretIn(await dns().promises.resolve4("example.com")),
  },
];

async function secretFetch(): Promise<string | undefined> {
  using client = Deno.createHttpClient({ proxy: { url } });
  const init: RequestInit & { client: Deno.HttpClient } = { client };
  return secretIn(await (await fetch("http://example.com/", init)).text());
}

async function reachReady(transport: unknown): Promise<string> {
  await (transport as { ready: Promise<unknown> }).ready;
  return "a transport";
}

export const open = await hostile(variants);
