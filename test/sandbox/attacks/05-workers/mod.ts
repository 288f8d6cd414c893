/** Family 5: Workers in the Worker, of every kind, that ask for more than this one has. */
import { Worker as NodeWorker } from "node:worker_threads";
import { call, hostile, plan, secretIn, type Variant } from "../attack.ts";

const theft = `
const tries = [
  () => Deno.readTextFileSync(${JSON.stringify(plan.secret_path)}),
  () => Deno.dlopen("libc.so.6", {}),
  () => Deno.env.toObject(),
  () => new Deno.Command("/bin/true").outputSync(),
];
const got = [], refused = [];
for (const attempt of tries) {
  try { got.push(String(attempt())); } catch (error) { refused.push(error.name + ": " + error.message); }
}
`;
const source = `${theft} postMessage({ got: got.join(), refused: refused[0] }); close();`;
const nodeSource =
  `${theft} require("node:worker_threads").parentPort.postMessage({ got: got.join(), refused: refused[0] });`;
const dataUrl = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;

type Permissions = Deno.PermissionOptions;
interface Answer {
  readonly got: string;
  readonly refused: string;
}

function judge({ got, refused }: Answer): string | undefined {
  if (got !== "") return secretIn(got) ?? got;
  throw new Error(refused);
}

function ask(url: string, permissions?: Permissions): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const deno = permissions === undefined ? {} : { deno: { permissions } };
    const worker = new Worker(url, { type: "module", ...deno });
    worker.onmessage = ({ data }) => {
      worker.terminate();
      Promise.resolve().then(() => judge(data)).then(resolve, reject);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      reject(new Error(event.message));
    };
  });
}

const blob = () => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
const nested = `
const worker = new Worker(${
  JSON.stringify(dataUrl(source))
}, { type: "module", deno: { permissions: "inherit" } });
worker.onmessage = ({ data }) => { postMessage(data); close(); };
`;
const wait = 4000;

const variants: readonly Variant[] = [
  { name: "data", timeout_ms: wait, run: () => ask(dataUrl(source)) },
  { name: "blob", timeout_ms: wait, run: () => ask(blob()) },
  { name: "inherit", timeout_ms: wait, run: () => ask(dataUrl(source), "inherit") },
  { name: "none", timeout_ms: wait, run: () => ask(dataUrl(source), "none") },
  { name: "escalate-read", timeout_ms: wait, run: () => ask(dataUrl(source), { read: true }) },
  { name: "escalate-ffi", timeout_ms: wait, run: () => ask(dataUrl(source), { ffi: true }) },
  {
    name: "escalate-path",
    timeout_ms: wait,
    run: () => ask(dataUrl(source), { read: [plan.secret_path] }),
  },
  { name: "escalate-run", timeout_ms: wait, run: () => ask(dataUrl(source), { run: true }) },
  {
    name: "escalate-all",
    timeout_ms: wait,
    run: () =>
      ask(dataUrl(source), {
        read: true,
        write: true,
        net: true,
        env: true,
        run: true,
        ffi: true,
        sys: true,
      }),
  },
  { name: "nested-twice", timeout_ms: wait, run: () => ask(dataUrl(nested)) },
  { name: "outside-module", timeout_ms: wait, run: () => ask(plan.outside_module) },
  { name: "remote", timeout_ms: wait, run: () => ask(`http://127.0.0.1:${plan.tcp_port}/evil.ts`) },
  {
    name: "node",
    timeout_ms: wait,
    run: () =>
      new Promise((resolve, reject) => {
        const worker = new NodeWorker(nodeSource, { eval: true, env: {} });
        call(worker, ["on"], "message", (answer: Answer) =>
          Promise.resolve().then(() =>
            judge(answer)
          ).then(resolve, reject));
        call(worker, ["on"], "error", reject);
      }),
  },
  {
    name: "op-create-worker",
    run: () =>
      call(Deno, [Reflect.get(Deno, "internal"), "core", "ops", "op_create_worker"], {
        hasSourceCode: true,
        sourceCode: source,
        specifier: "data:,",
        permissions: null,
        name: "x",
        closeOnIdle: false,
        workerType: "module",
      }) && "a Worker with the process's rights",
  },
];

export const open = await hostile(variants);
