/**
 * Writes cpio archives in the "newc" format, the one that Linux unpacks as its
 * initial file system (Documentation/driver-api/early-userspace/buffer-format).
 *
 * @module
 */

/** A file or folder of an archive. */
export interface CpioEntry {
  /** Path without a leading slash. */
  path: string;
  /** Content of a file; a folder has none. */
  content?: Uint8Array;
  /** Permission bits; default 0755. */
  permissions?: number;
}

const FOLDER = 0o040000;
const FILE = 0o100000;
const TRAILER = "TRAILER!!!";

/** Makes an archive of the entries; folders must come before what is in them. */
export function writeCpio(entries: CpioEntry[]): Uint8Array {
  const parts = entries.map((entry, index) => record(entry, index + 1));
  parts.push(record({ path: TRAILER, content: new Uint8Array(), permissions: 0 }, 0));
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    archive.set(part, offset);
    offset += part.length;
  }
  return archive;
}

function record(entry: CpioEntry, inode: number): Uint8Array {
  const name = new TextEncoder().encode(`${entry.path}\0`);
  const content = entry.content ?? new Uint8Array();
  const type = entry.content === undefined ? FOLDER : FILE;
  const mode = entry.path === TRAILER ? 0 : type | (entry.permissions ?? 0o755);
  const fields = [
    inode,
    mode,
    0, // uid
    0, // gid
    1, // links
    0, // time of last change
    content.length,
    0, // device, major and minor
    0,
    0, // device that a special file stands for, major and minor
    0,
    name.length,
    0, // checksum, unused in this format
  ];
  const header = new TextEncoder().encode(
    "070701" + fields.map((field) => field.toString(16).padStart(8, "0")).join(""),
  );
  const contentOffset = aligned(header.length + name.length);
  const bytes = new Uint8Array(aligned(contentOffset + content.length));
  bytes.set(header, 0);
  bytes.set(name, header.length);
  bytes.set(content, contentOffset);
  return bytes;
}

function aligned(length: number): number {
  return Math.ceil(length / 4) * 4;
}
