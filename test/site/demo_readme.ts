/** READMEs of the demo index. */

/** A short one. */
export function README(id: string, description: string): string {
  const name = id.slice(id.indexOf(".") + 1);
  return `# ${name}

${description}.

\`\`\`
lunette create disk0 --handler ${id} --size 10G
\`\`\`

| setting     | meaning                                             |
| ----------- | --------------------------------------------------- |
| \`blockSize\` | bytes in a logical block: 512 (default), 4096       |
| \`readOnly\`  | refuses writes; default false                       |

See [the notes](https://example.org/${name}) for what it does not do.
`;
}

/** A long one, with everything that Markdown has. */
export const LONG_README = `# object-store

Serves a volume whose blocks are objects of an **S3-compatible** store. What is read often stays in
memory; what is written is acknowledged when the store has it.

![How the parts fit together](https://example.org/parts.png)

## Quick start

\`\`\`sh
lunette create photos --handler acme.object-store --size 2T \\
  --set bucket=https://s3.example.org \\
  --set name=photos \\
  --set objectSize=4194304
\`\`\`

1. Make a bucket that nobody else writes to.
2. Allow its origin: \`--set bucket=https://s3.example.org\`.
3. Create the LUN, and make a file system on it.

> A bucket belongs to one LUN. Two that share one lose data, and neither can notice.

## Settings

| setting      | default | meaning                                                                    |
| ------------ | ------- | -------------------------------------------------------------------------- |
| \`bucket\`     |         | the origin that may be reached; nothing else is                            |
| \`name\`       |         | of the bucket                                                              |
| \`objectSize\` | 4 MiB   | bytes in one object; a write of less reads the rest first, unless cached   |
| \`prefix\`     |         | before each object's name                                                  |
| \`readAhead\`  | 2       | objects that are fetched before they are asked for, when reads are in order |

### What it costs

A write of 4 KiB sends 4 MiB, once its object is full or a flush comes. So:

- file systems with large extents do well: XFS, ext4 with \`bigalloc\`;
- databases do badly
  - unless their pages are gathered before,
  - or \`objectSize\` is small;
- *discard* deletes objects.

## How it keeps your data

A write that has returned is in the store. An object is written under a new name, and the list of
names is changed after: a crash between the two leaves an object that nobody names, which the next
start deletes. The list is kept in the state of the LUN, and in the bucket itself every thousand
changes.

\`\`\`ts
const object = await this.#store.get(name, { range: [offset, offset + length] });
if (object.etag !== expected) throw new MediumError("another one has written to the bucket");
\`\`\`

## What it does not do

It does not encrypt: put [acme.encrypt](https://example.org/encrypt) above it. It knows no
multi-region buckets. See the [settings](#settings) for what can be changed without making the LUN
anew, and <https://example.org/object-store> for all else, or write to <help@example.org>.

---

Changes: **2.4.0** keeps notes of its objects, which makes starts ~~slow~~ fast. **2.3.1** repeats
what the store has refused with 503.
`;
