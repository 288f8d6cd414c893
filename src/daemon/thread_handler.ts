/** Handlers that run on the ring thread: built-in ones, trusted, synchronous, bound to memory. */
import type { FileCapability, Handler, MemoryCapability, Volume } from "../plugin/mod.ts";
import { GrantedFile, GrantedMemory } from "../sandbox/capability.ts";
import { makeContext } from "../sandbox/context.ts";
import { describeVolume, featuresOf } from "../sandbox/volume_description.ts";
import type { VolumeFeatures } from "../engine/ports.ts";
import { FileCalls } from "../sys/file.ts";
import { errno, libc } from "../sys/libc.ts";
import { map, unmap } from "../sys/mapping.ts";
import { PresentPages } from "../sys/present_pages.ts";
import type {
  BackendSource,
  GrantedFile as FileGrant,
  GrantedMemory as MemoryGrant,
  LogLevel,
} from "./ring_messages.ts";

export type ThreadSource = Extract<BackendSource, { kind: "thread" }>;

/** A volume that was opened in thread. */
export interface ThreadVolume {
  readonly volume: Volume;
  readonly features: VolumeFeatures;
  /** The file that the volume is, byte for byte, if it says so. */
  readonly backing: FileGrant | undefined;
  /** The memory that the volume is, byte for byte, if it says so. */
  readonly memory: MemoryGrant | undefined;
  /** Which pages of that memory hold data. */
  readonly pages: PresentPages | undefined;
  /** Gives its mappings back; nobody uses the volume any more. */
  readonly release: () => void;
}

function isHandler(module: unknown): module is Handler {
  return typeof module === "object" && module !== null && "open" in module &&
    typeof module.open === "function";
}

/** Opens a handler on this thread with what was granted to it. */
export async function openInThread(
  name: string,
  source: ThreadSource,
  log: (level: LogLevel, message: string) => void,
): Promise<ThreadVolume> {
  const module: unknown = await import(source.module);
  if (!isHandler(module)) throw new TypeError(`Cannot open ${source.module}: it exports no open`);
  const pieces: ArrayBuffer[] = [];
  const mapPiece = (fd: number, length: number, offset: number) => {
    const piece = map(fd, length, offset);
    pieces.push(piece);
    return piece;
  };
  const release = () => {
    for (const piece of pieces.splice(0)) unmap(piece);
  };
  try {
    return { ...await openVolume(name, module, source, mapPiece, log), release };
  } catch (error) {
    release();
    throw error;
  }
}

async function openVolume(
  name: string,
  handler: Handler,
  source: ThreadSource,
  mapPiece: (fd: number, length: number, offset: number) => ArrayBuffer,
  log: (level: LogLevel, message: string) => void,
): Promise<Omit<ThreadVolume, "release">> {
  const calls = new FileCalls(libc, errno);
  const memories = new Map<string, MemoryCapability>();
  const grants = new Map<unknown, FileGrant>();
  const memoryGrants = new Map<unknown, { grant: MemoryGrant; pages: PresentPages }>();
  for (const grant of source.memories) {
    const { fd, size_bytes } = grant;
    const pages = new PresentPages(size_bytes, calls.extents(fd, 0, size_bytes));
    const memory = new GrantedMemory(fd, size_bytes, mapPiece, calls, pages);
    memories.set(grant.name, memory);
    memoryGrants.set(memory, { grant, pages });
  }
  const files = new Map<string, FileCapability>();
  for (const grant of source.files) {
    const file = new GrantedFile(grant.fd, grant.size_bytes, grant.writable, calls);
    files.set(grant.name, file);
    grants.set(file, grant);
  }
  const logger = {
    debug: (message: string) => log("debug", message),
    info: (message: string) => log("info", message),
    warn: (message: string) => log("warn", message),
    error: (message: string) => log("error", message),
  };
  const context = makeContext(name, logger, memories, files);
  const volume = await handler.open(context, source.configuration);
  const features = featuresOf(describeVolume(volume), source.claims);
  const memory = memoryGrants.get(volume.backing);
  // A volume that is longer than its memory is wrong about being it: its methods will tell.
  const whole = memory !== undefined && features.size_bytes <= memory.grant.size_bytes;
  return {
    volume,
    features,
    backing: grants.get(volume.backing),
    memory: whole ? memory.grant : undefined,
    pages: whole ? memory.pages : undefined,
  };
}
