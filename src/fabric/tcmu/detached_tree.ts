/**
 * A tree whose blocking operations run in processes of their own, for commands that must be able to
 * give up. A thread that waits in the kernel cannot be ended, not even by the end of its process: a
 * command whose own thread hangs in unlink(2) would report the timeout and then never return to the
 * shell. A child process in its place is left behind, and ends when the kernel lets it.
 *
 * @module
 */
import { isGone, KernelTree } from "./tree.ts";

/** What the tools of coreutils and busybox print in the C locale, and the error's name. */
const MESSAGES: [RegExp, string][] = [
  [/No such file or directory/, "ENOENT"],
  [/File exists/, "EEXIST"],
  [/Not a directory/, "ENOTDIR"],
  [/Directory not empty/, "ENOTEMPTY"],
  [/Device or resource busy|Resource busy/, "EBUSY"],
  [/Invalid argument/, "EINVAL"],
  [/Permission denied/, "EACCES"],
  [/Operation not permitted/, "EPERM"],
];

/** Like {@linkcode KernelTree}, for processes that live for one command. */
export class DetachedTree extends KernelTree {
  /** The folder of a LUN cannot be opened while somebody links or unlinks it. */
  override async list(path: string): Promise<string[]> {
    if (!path.startsWith(`${this.paths.target}/`)) return await super.list(path);
    try {
      const text = await runDetached("ls", ["-A", "--", path], path);
      return text.split("\n").filter((name) => name !== "").sort();
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  }

  override async rmdir(path: string): Promise<void> {
    await runDetached("rmdir", ["--", path], path);
  }

  override async unlink(path: string): Promise<void> {
    await runDetached("unlink", [path], path);
  }

  override async writeBlocking(path: string, text: string): Promise<void> {
    // The attribute is an argument of its own, so that nothing in it is read as a command.
    const script = 'exec printf %s "$2" > "$1"';
    await runDetached("sh", ["-c", script, "sh", path, text], path);
  }
}

async function runDetached(command: string, args: string[], path: string): Promise<string> {
  const child = new Deno.Command(command, {
    args,
    env: { LC_ALL: "C", PATH: `${Deno.env.get("PATH") ?? ""}:/usr/bin:/bin:/usr/sbin:/sbin` },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // A group of its own: Ctrl-C ends the command, and what must be finished goes on.
    detached: true,
  }).spawn();
  const output = await child.output();
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout);
  const text = decoder.decode(output.stderr);
  const code = MESSAGES.find(([pattern]) => pattern.test(text))?.[1] ?? "";
  const reason = text.trim() === "" ? `${command} ended with ${output.code}` : text.trim();
  throw Object.assign(new Error(`${reason}: '${path}'`), { code });
}
