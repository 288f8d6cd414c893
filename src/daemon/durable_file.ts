/** Files that hold what was answered for; they are written in one place. */
export { ensureFolder, removeDurably, writeDurably } from "../sys/durable_file.ts";
