import { setLatch } from "./latch.ts";

/** Loads a handler with all that it imports, calls `close`, and only then evaluates it. */
export async function importHandler(module: string, close: () => void): Promise<unknown> {
  setLatch(close);
  const gate = import.meta.resolve("./gate.ts");
  const source = `import ${JSON.stringify(gate)}; export * from ${JSON.stringify(module)};`;
  return await import(`data:text/javascript,${encodeURIComponent(source)}`);
}
