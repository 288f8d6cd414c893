/** Family 13: Workers that start Workers, and threads. Gives up at a number that proves the point. */
import { Worker as NodeWorker } from "node:worker_threads";
import { hostile, type Phase, type Variant } from "../attack.ts";

const phases: readonly Phase[] = ["io"];
const LIMIT = 300;
const source = "postMessage(1); setInterval(() => {}, 1e9);";
const url = `data:text/javascript,${encodeURIComponent(source)}`;

async function bomb(start: () => Promise<unknown>): Promise<string> {
  for (let count = 0; count < LIMIT; count++) await start();
  return `${LIMIT} threads at once`;
}

function one(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(url, { type: "module" });
    worker.onmessage = resolve;
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
}

function oneOfNode(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const worker = new NodeWorker(
      "require('node:worker_threads').parentPort.postMessage(1); setInterval(() => {}, 1e9)",
      { eval: true },
    );
    worker.on("message", resolve);
    worker.on("error", reject);
  });
}

/** Each starts two, which start two. */
const tree = `
const source = ${JSON.stringify("SOURCE")};
let count = 0;
onmessage = ({ data: [text, depth] }) => {
  if (depth === 0) return postMessage(1);
  for (let child = 0; child < 2; child++) {
    const worker = new Worker("data:text/javascript," + encodeURIComponent(text), { type: "module" });
    worker.onmessage = ({ data }) => { count += data; if (count >= 2 ** depth) postMessage(count + 1); };
    worker.postMessage([text, depth - 1]);
  }
};
`;

function grow(): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(`data:text/javascript,${encodeURIComponent(tree)}`, {
      type: "module",
    });
    worker.onmessage = ({ data }) => resolve(`a tree of ${data} threads`);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage([tree, 5]);
  });
}

const variants: readonly Variant[] = [
  { name: "workers", phases, timeout_ms: 0, run: () => bomb(one) },
  { name: "node-workers", phases, slow: true, timeout_ms: 0, run: () => bomb(oneOfNode) },
  { name: "tree", phases, slow: true, timeout_ms: 20_000, run: grow },
];

export const open = await hostile(variants);
