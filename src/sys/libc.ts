/**
 * The C library through FFI: the one place where symbols are declared. Every other file of
 * `src/sys` wraps some of them; nothing outside of `src/sys` calls `Deno.dlopen`.
 *
 * Buffers are passed as typed arrays, linear addresses as `Deno.PointerValue` or bigint.
 *
 * @module
 */
const symbols = {
  __errno_location: { parameters: [], result: "pointer" },
  syscall3: { name: "syscall", parameters: ["i64", "i64", "i64", "i64"], result: "i64" },
  syscall6: {
    name: "syscall",
    parameters: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"],
    result: "i64",
  },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // For a few bytes on a hot path: no bigint is made of the result.
  read_short: { name: "read", parameters: ["i32", "buffer", "usize"], result: "i32" },
  write_short: { name: "write", parameters: ["i32", "buffer", "usize"], result: "i32" },
  // 32-bit results: no call moves 2 GiB or more (MAX_RW_COUNT), and a bigint costs.
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  pwrite: { parameters: ["i32", "buffer", "usize", "i64"], result: "i32" },
  preadv2: { parameters: ["i32", "buffer", "i32", "i64", "i32"], result: "i32" },
  pwritev2: { parameters: ["i32", "buffer", "i32", "i64", "i32"], result: "i32" },
  fdatasync: { parameters: ["i32"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  fstatfs: { parameters: ["i32", "buffer"], result: "i32" },
  fstatvfs: { parameters: ["i32", "buffer"], result: "i32" },
  // The call and not the function, which the C library has since 2.33 only. Not statx: a filter of
  // system calls cannot tell whether it names a path.
  fstat: { name: "syscall", parameters: ["i32", "i32", "buffer"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i64"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  mmap: { parameters: ["u64", "usize", "i32", "i32", "i32", "i64"], result: "u64" },
  munmap: { parameters: ["u64", "usize"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  epoll_wait_async: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  recvfrom: {
    parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"],
    result: "isize",
  },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  readv: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  writev: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // 32-bit results: no call moves 2 GiB, and a bigint costs.
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C library's functions. */
export type LibC = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** The symbols of the C library, opened once for this isolate. */
export const libc: LibC = Deno.dlopen("libc.so.6", symbols).symbols;

// Each thread has an errno of its own, and each isolate stays on its thread.
const errnoPointer = libc.__errno_location() as Deno.PointerObject;
const errnoView = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(errnoPointer, 4));

/** errno of the last call that failed on this thread. Ask at once: any later call may change it. */
export function errno(): number {
  return errnoView[0];
}
