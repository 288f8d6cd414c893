import assert from "node:assert/strict";
import { readVerdict, runProgram, verdictOf } from "./bpf_double.ts";
import {
  AUDIT_ARCHITECTURE,
  compileFilter,
  encodeProgram,
  type Filter,
  type Rule,
} from "./seccomp.ts";
import { type Machine, SYSCALL_NAMES, syscallNumber } from "./syscall_numbers.ts";

const MACHINES: readonly Machine[] = ["x86_64", "aarch64"];

const filter: Filter = {
  otherwise: "kill",
  rules: [
    { name: "read" },
    { name: "socket", verdict: { errno: 1 } },
    {
      name: "write",
      alternatives: [
        [{ argument: 0, test: { equal: 4 } }],
        [{ argument: 0, test: { between: [7, 9] } }, { argument: 2, test: { equal: 8 } }],
      ],
      otherwise: { errno: 9 },
    },
    {
      name: "clone",
      alternatives: [[
        { argument: 0, test: { all: 0x300 } },
        { argument: 0, test: { none: 0x80 } },
      ]],
    },
  ],
};

for (const machine of MACHINES) {
  Deno.test(`a filter decides by call and arguments on ${machine}`, () => {
    const verdict = verdictOf.bind(undefined, filter, machine);
    assert.equal(verdict("read", 99), "allow");
    assert.deepEqual(verdict("socket"), { errno: 1 });
    assert.equal(verdict("execve"), "kill", "what is not named");
    assert.equal(verdict("write", 4, 0, 1), "allow");
    for (const fd of [7, 8, 9]) assert.equal(verdict("write", fd, 0, 8), "allow");
    for (const fd of [0, 3, 5, 6, 10, 0xffff_ffff]) {
      assert.deepEqual(verdict("write", fd, 0, 8), { errno: 9 }, `descriptor ${fd}`);
    }
    assert.deepEqual(verdict("write", 7, 0, 7), { errno: 9 }, "both tests must hold");
    assert.equal(verdict("clone", 0x1300), "allow");
    assert.equal(verdict("clone", 0x1100), "kill");
    assert.equal(verdict("clone", 0x1380), "kill");
  });

  Deno.test(`a filter looks at what the kernel looks at: 32 bits of a descriptor, on ${machine}`, () => {
    assert.equal(verdictOf(filter, machine, "write", (1n << 32n) | 4n, 0, 1), "allow");
    assert.deepEqual(verdictOf(filter, machine, "write", (4n << 32n) | 5n, 0, 1), { errno: 9 });
  });

  Deno.test(`calls of another architecture end the process on ${machine}`, () => {
    const program = encodeProgram(compileFilter({ otherwise: "allow", rules: [] }, machine));
    const run = (architecture: number, number: number) =>
      readVerdict(runProgram(program, { number, architecture, parameters: [] }));
    assert.equal(run(AUDIT_ARCHITECTURE[machine], 1), "allow");
    // i386, ARM, and the other one.
    const other = machine === "x86_64" ? AUDIT_ARCHITECTURE.aarch64 : AUDIT_ARCHITECTURE.x86_64;
    for (const architecture of [0x4000_0003, 0x4000_0028, other, 0]) {
      assert.equal(run(architecture, 1), "kill");
    }
  });
}

Deno.test("calls of the x32 ABI end the process", () => {
  assert.equal(verdictOf({ otherwise: "allow", rules: [] }, "x86_64", 0x4000_0001), "kill");
  assert.equal(verdictOf(filter, "x86_64", 0x4000_0000), "kill");
});

Deno.test("a rule may be longer than a conditional jump, and no filter longer than BPF's", () => {
  const values = (count: number) =>
    Array.from({ length: count }, (_, value) => [{ argument: 0, test: { equal: value * 2 } }]);
  const long = (count: number): Filter => ({
    otherwise: { errno: 1 },
    rules: [
      { name: "read", alternatives: values(count), otherwise: { errno: 2 } },
      { name: "write" },
    ],
  });
  for (const count of [84, 85, 86, 500]) {
    const verdict = verdictOf.bind(undefined, long(count), "x86_64");
    assert.equal(verdict("read", 2 * count - 2), "allow");
    assert.deepEqual(verdict("read", 2 * count), { errno: 2 });
    assert.equal(verdict("write"), "allow");
    assert.deepEqual(verdict("close"), { errno: 1 });
  }
  assert.throws(() => compileFilter(long(2000), "x86_64"), /too long/);
});

Deno.test("compileFilter() refuses two rules for a call", () => {
  const rules: Rule[] = [{ name: "read" }, { name: "read" }];
  assert.throws(() => compileFilter({ otherwise: "kill", rules }, "x86_64"), /two rules/);
});

const HEADERS: Readonly<Record<Machine, string>> = {
  x86_64: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
  aarch64: "/usr/include/asm-generic/unistd.h",
};

for (const machine of MACHINES) {
  const ignore = !existsSync(HEADERS[machine]);
  if (ignore) console.log(`system call numbers of ${machine}: skipped, no ${HEADERS[machine]}`);
  Deno.test({ name: `numbers of system calls are the kernel's on ${machine}`, ignore }, () => {
    const text = Deno.readTextFileSync(HEADERS[machine]);
    const numbers = new Map<string, number>();
    for (const [, name, number] of text.matchAll(/^#define __NR(?:3264)?_(\w+) (\d+)$/gm)) {
      // asm-generic has the call of 64-bit machines under its older name.
      numbers.set(name === "fstatat" ? "newfstatat" : name, Number(number));
    }
    for (const name of SYSCALL_NAMES) {
      // A header that is older than the call does not know it.
      const known = numbers.get(name);
      const number = syscallNumber(name, machine);
      if (known === undefined && (number ?? 0) > 435) continue;
      assert.equal(number, known, name);
    }
  });
}

function existsSync(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Constants of src/sys and src/sandbox/lockdown by their names in the kernel's headers. */
const CONSTANTS: Readonly<Record<string, number>> = {
  AUDIT_ARCH_X86_64: 0xc000_003e,
  AUDIT_ARCH_AARCH64: 0xc000_00b7,
  SECCOMP_SET_MODE_FILTER: 1,
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_RET_KILL_PROCESS: 0x8000_0000,
  SECCOMP_RET_ERRNO: 0x0005_0000,
  SECCOMP_RET_ALLOW: 0x7fff_0000,
  "BPF_LD | BPF_W | BPF_ABS": 0x20,
  "BPF_JMP | BPF_JEQ | BPF_K": 0x15,
  "BPF_JMP | BPF_JGT | BPF_K": 0x25,
  "BPF_JMP | BPF_JGE | BPF_K": 0x35,
  "BPF_JMP | BPF_JA": 0x05,
  "BPF_ALU | BPF_AND | BPF_K": 0x54,
  "BPF_RET | BPF_K": 0x06,
  "sizeof(struct seccomp_data)": 64,
  "offsetof(struct seccomp_data, args)": 16,
  "sizeof(struct sock_filter)": 8,
  "sizeof(struct sock_fprog)": 16,
  LANDLOCK_ACCESS_FS_EXECUTE: 1,
  LANDLOCK_ACCESS_FS_READ_FILE: 4,
  LANDLOCK_ACCESS_FS_READ_DIR: 8,
  LANDLOCK_RULE_PATH_BENEATH: 1,
  LANDLOCK_CREATE_RULESET_VERSION: 1,
  "sizeof(struct landlock_path_beneath_attr)": 12,
  CLONE_NEWNS: 0x0002_0000,
  CLONE_NEWCGROUP: 0x0200_0000,
  CLONE_NEWUTS: 0x0400_0000,
  CLONE_NEWIPC: 0x0800_0000,
  CLONE_NEWNET: 0x4000_0000,
  CLONE_VM: 0x100,
  CLONE_THREAD: 0x1_0000,
  PR_SET_PDEATHSIG: 1,
  PR_SET_NAME: 15,
  PR_GET_NAME: 16,
  PR_CAPBSET_READ: 23,
  PR_CAPBSET_DROP: 24,
  PR_SET_SECUREBITS: 28,
  PR_SET_NO_NEW_PRIVS: 38,
  PR_CAP_AMBIENT: 47,
  PR_CAP_AMBIENT_CLEAR_ALL: 4,
  PR_SET_VMA: 0x5356_4d41,
  _LINUX_CAPABILITY_VERSION_3: 0x2008_0522,
  "SECBIT_NOROOT | SECBIT_NOROOT_LOCKED": 3,
  CAP_SYS_RESOURCE: 24,
  MS_PRIVATE: 1 << 18,
  MS_BIND: 4096,
  MS_MOVE: 8192,
  MS_REMOUNT: 32,
  F_DUPFD_CLOEXEC: 1030,
  TCGETS: 0x5401,
  "FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE": 0x03,
  "FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE": 0x11,
};
const INCLUDES = [
  ...["stddef.h", "linux/audit.h", "linux/seccomp.h", "linux/filter.h", "linux/landlock.h"],
  ...["linux/sched.h", "linux/prctl.h", "linux/capability.h", "linux/securebits.h"],
  ...["linux/mount.h", "linux/fcntl.h", "asm/ioctls.h", "linux/falloc.h"],
];

Deno.test("constants are those of the kernel's headers", async () => {
  const compile = async (source: string) => {
    const child = new Deno.Command("cc", {
      args: ["-fsyntax-only", "-x", "c", "-std=gnu11", "-"],
      stdin: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(source));
    await writer.close();
    return await child.output();
  };
  const includes = INCLUDES.map((name) => `#include <${name}>\n`).join("");
  let probe: Deno.CommandOutput;
  try {
    probe = await compile(includes);
  } catch {
    return console.log("skipped: there is no C compiler");
  }
  if (!probe.success) {
    return console.log(`skipped: headers are missing: ${new TextDecoder().decode(probe.stderr)}`);
  }
  const assertions = Object.entries(CONSTANTS).map(([name, value]) =>
    `_Static_assert((unsigned)(${name}) == ${value}u, ${JSON.stringify(name)});\n`
  );
  const result = await compile(includes + assertions.join(""));
  assert.ok(result.success, new TextDecoder().decode(result.stderr));
});
