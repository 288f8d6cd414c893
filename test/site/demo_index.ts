/** An index as a marketplace may have it, for tests and pictures of its site: the same one each time. */
import { createHash } from "node:crypto";
import type { CapabilityRequest, DeviceType } from "../../src/plugin/mod.ts";
import type { Digest } from "../../src/registry/artifact_store.ts";
import { publisherOf } from "../../src/registry/package.ts";
import type {
  Index,
  IndexPackage,
  IndexVersion,
  PublicKey,
} from "../../src/registry/signed_index.ts";
import type { VerifiedIndex } from "../../src/registry/site/build.ts";
import { LONG_README, README } from "./demo_readme.ts";

type Capabilities = Readonly<Record<string, CapabilityRequest>>;

const DAY_MS = 86_400_000;
const ISSUED = "2026-11-20T09:00:00Z";

/** The same 32 bytes for a name, as a key and as a digest. */
function hash(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha256").update(text).digest());
}

/** A key that belongs to nobody. */
export function demoKey(name: string): PublicKey {
  const bytes = hash(`key ${name}`);
  // Not above the field's prime.
  bytes[31] &= 0x3f;
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The digest of a version. */
export function demoDigest(id: string, version: string): Digest {
  return `sha256:${hash(`${id} ${version}`).toHex()}`;
}

const none: Capabilities = {};
const memory: Capabilities = { data: { kind: "memory", size: "volume" } };
const file: Capabilities = {
  backing: {
    kind: "file",
    access: "read-write",
    create: true,
    direct: "direct",
    description: "holds the blocks of the volume",
  },
};
const image: Capabilities = {
  image: { kind: "file", access: "read-only", description: "the image that is served" },
};
const store: Capabilities = {
  bucket: {
    kind: "http",
    methods: ["GET", "HEAD", "PUT", "DELETE"],
    description: "the object store that has the blocks",
  },
  cache: { kind: "memory", size: 67_108_864, description: "blocks that were read lately" },
  notes: { kind: "state", maxBytes: 262_144, description: "which objects there are" },
};
const mirror: Capabilities = {
  first: { kind: "file", access: "read-write", description: "one half of the mirror" },
  second: { kind: "file", access: "read-write", description: "the other half" },
  dirty: { kind: "state", description: "which blocks differ after a crash" },
};
const peer: Capabilities = {
  upstream: { kind: "tcp", description: "the server that has the volume" },
};
const web: Capabilities = {
  image: {
    kind: "http",
    origins: ["https://images.example.org", "https://*.example.net"],
    methods: ["GET"],
    description: "servers that have images",
  },
  cache: { kind: "memory", size: 33_554_432 },
};
const random: Capabilities = {
  faults: { kind: "random", description: "which commands fail" },
  clock: { kind: "clock", description: "how late they are" },
};

/** id, kind of device, description, capabilities, versions (newest first), days before the issue. */
type Row = readonly [string, string, string, Capabilities, readonly string[], number];

const rows: readonly Row[] = [
  [
    "acme.object-store",
    "disk",
    "Blocks in an S3-compatible object store, with a cache in memory",
    store,
    ["2.4.0", "2.3.1", "2.3.0", "1.9.2"],
    1,
  ],
  ["acme.mirror", "disk", "Two files or block devices that hold the same: RAID 1", mirror, [
    "1.2.1",
    "1.2.0",
    "1.1.0",
  ], 9],
  [
    "acme.encrypt",
    "disk",
    "XTS-AES encryption over a file or block device",
    { ...file, key: { kind: "state", maxBytes: 4096, description: "the wrapped key" } },
    ["3.0.0", "2.1.0"],
    3,
  ],
  [
    "acme.snapshot",
    "disk",
    "Copy-on-write snapshots over one file",
    { ...file, tree: { kind: "state", maxBytes: 1_048_576 } },
    ["0.9.4", "0.9.3"],
    17,
  ],
  ["acme.compress", "disk", "Transparent compression with Zstandard, in 64 KiB extents", file, [
    "1.4.2",
    "1.4.1",
  ], 30],
  ["acme.dedup", "disk", "Stores equal blocks once", file, ["0.3.0"], 64],
  [
    "acme.stripe",
    "disk",
    "Stripes over two block devices: RAID 0",
    { first: mirror.first, second: mirror.second },
    ["1.0.2"],
    120,
  ],
  ["acme.thin", "disk", "A thin pool: volumes that grow as they are written", file, [
    "2.0.0",
    "1.8.0",
  ], 22],
  [
    "acme.iso-shelf",
    "optical",
    "A folder of ISO images as a DVD drive that is changed by command",
    image,
    ["1.1.0", "1.0.0"],
    45,
  ],
  ["acme.virtual-tape", "tape", "An LTO-8 drive whose cartridge is a file", file, [
    "1.3.0",
    "1.2.2",
  ], 12],
  [
    "acme.tape-library",
    "changer",
    "A changer with 24 slots for acme.virtual-tape",
    { ...file, slots: { kind: "state", description: "which cartridge is where" } },
    ["1.3.0", "1.2.2"],
    12,
  ],
  [
    "acme-labs.host-managed",
    "zoned",
    "A host-managed zoned disk in a file: ZBC without the drive",
    file,
    ["0.5.0", "0.4.0"],
    6,
  ],
  ["acme-labs.host-aware", "zoned", "A host-aware zoned disk in a file", file, ["0.2.1"], 80],
  [
    "acme-labs.fault-injection",
    "disk",
    "Fails and delays commands as a script says: for tests of what sits above",
    { ...memory, ...random },
    ["1.0.0"],
    33,
  ],
  [
    "acme-labs.slow-disk",
    "disk",
    "A disk in memory that takes as long as a hard disk of 1996",
    { ...memory, clock: random.clock },
    ["1.0.1"],
    91,
  ],
  ["acme-labs.zeros", "disk", "Reads as zeros, forgets what is written", none, ["1.0.0"], 200],
  ["example.disk", "disk", "The handler of the tutorial", memory, ["1.0.0"], 210],
  ["example.http-image", "disk", "A read-only disk from an image on a web server", web, [
    "1.2.0",
    "1.1.0",
  ], 14],
  [
    "example.nbd-client",
    "disk",
    "A volume on an NBD server, as a LUN",
    peer,
    ["1.0.3", "1.0.2"],
    28,
  ],
  ["example.postgres-blocks", "disk", "Blocks as rows of a PostgreSQL table", peer, ["0.1.0"], 150],
  [
    "example.replicate",
    "disk",
    "Writes to a file and, behind it, to another machine",
    { ...file, ...peer },
    ["0.7.0", "0.6.0"],
    19,
  ],
  [
    "example.journal",
    "disk",
    "Writes go to a journal on a fast device first",
    { ...file, journal: { kind: "file", access: "read-write", description: "the fast device" } },
    ["1.1.1"],
    55,
  ],
  [
    "example.read-cache",
    "disk",
    "Keeps what is read often in memory",
    { ...image, cache: { kind: "memory", size: 1_073_741_824 } },
    ["1.0.0"],
    70,
  ],
  [
    "example.qcow2",
    "disk",
    "QCOW2 images, version 2 and 3, with backing files",
    { ...file, base: { kind: "file", access: "read-only", description: "the image below" } },
    ["2.2.0", "2.1.4", "2.1.3"],
    8,
  ],
  ["example.vhdx", "disk", "VHDX images", file, ["0.8.0"], 40],
  ["example.cd-web", "optical", "A CD drive with an image from a web server", web, ["1.0.0"], 95],
  [
    "example.tape-to-object-store",
    "tape",
    "A tape drive that keeps its cartridges in an object store",
    store,
    ["0.4.0"],
    37,
  ],
  [
    "example-storage.a-handler-with-a-long-name-for-narrow-screens-00",
    "disk",
    "A description that is as long as descriptions are when somebody wants to say everything at once: it mirrors, compresses, encrypts, deduplicates and replicates what is written",
    { ...store, ...mirror, ...peer },
    ["10.20.30-preview.2026.11.18"],
    2,
  ],
  ["example-storage.bit-rot", "disk", "Checksums for each block, kept beside it", file, [
    "1.0.0",
    "0.9.0",
  ], 26],
  [
    "example-storage.worm",
    "disk",
    "Write once, read many: what was written stays",
    file,
    ["1.0.0"],
    60,
  ],
];

function versionsOf([id, , , capabilities, names, days]: Row): IndexVersion[] {
  return names.map((version, index) => {
    // Former versions of what keeps state now did without it.
    const { notes: _notes, tree: _tree, ...fewer } = capabilities;
    const age_days = days + index * 41 + (index * index * 7) % 13;
    return {
      version,
      digest: demoDigest(id, version),
      size_bytes: 9_000 + (hash(`${id} ${version}`)[0] << 10) - index * 700,
      published: new Date(Date.parse(ISSUED) - age_days * DAY_MS).toISOString(),
      capabilities: index === 0 ? capabilities : fewer,
      api_version: 1,
    };
  });
}

function packageOf(row: Row): IndexPackage {
  const [id, device_type, description] = row;
  return {
    id,
    publisher: publisherOf(id),
    description,
    // An index may be newer than the program: it knows more kinds of devices.
    device_type: device_type as DeviceType,
    versions: versionsOf(row),
    readme: id === "acme.object-store" ? LONG_README : README(id, description),
  };
}

function rotation(name: string, old_name: string) {
  const bytes = new Uint8Array([...hash(name), ...hash(old_name)]);
  const signature = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  return {
    old_key: demoKey(old_name),
    new_key: demoKey(name),
    signature,
    new_signature: signature,
  };
}

/** The index. */
export const demoIndex: Index = {
  type: "lunette.index.v1",
  name: "Example marketplace",
  version: 42,
  issued: ISSUED,
  expires: "2036-12-20T09:00:00Z",
  packages: rows.map(packageOf),
  publishers: [
    { name: "acme", key: demoKey("acme"), rotations: [rotation("acme", "acme 2025")] },
    { name: "acme-labs", key: demoKey("acme-labs"), rotations: [] },
    { name: "example", key: demoKey("example"), rotations: [] },
    { name: "example-storage", key: demoKey("example-storage"), rotations: [] },
  ],
  revocations: [
    {
      what: "digest",
      value: demoDigest("acme.mirror", "1.2.1"),
      reason:
        "After a crash the wrong half could be taken for the newer one. Use 1.2.0, or wait for 1.2.2.",
      revoked: "2026-11-18T16:30:00Z",
    },
    {
      what: "digest",
      value: demoDigest("example.postgres-blocks", "0.1.0"),
      reason: "Given up: it has lost data, and nobody looks after it.",
      revoked: "2026-09-02T08:00:00Z",
    },
    {
      what: "key",
      value: demoKey("acme 2025"),
      reason: "The machine that held it was sold. Nothing else is known to be signed with it.",
      revoked: "2026-01-12T10:00:00Z",
    },
  ],
};

/** The index, as if it had been verified. */
export const demoVerifiedIndex: VerifiedIndex = { index: demoIndex, key: demoKey("marketplace") };
