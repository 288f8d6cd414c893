import assert from "node:assert/strict";
import { makePipe } from "../sys/descriptor.ts";
import { closeDescriptor } from "../sys/descriptor.ts";
import { Reactor } from "../sys/reactor.ts";
import { LINE_LENGTH_MAX, LineFilter, LINES_BURST, LINES_PER_SECOND, LogPipe } from "./log_pipe.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function filter() {
  const lines: string[] = [];
  const clock = { now_ms: 0 };
  const made = new LineFilter(
    "info",
    (level, line) => void lines.push(`${level} ${line}`),
    () => clock.now_ms,
  );
  return { lines, clock, filter: made };
}

Deno.test("LineFilter holds against a flood of control characters, and of bytes that are no text", () => {
  const { lines, clock, filter: one } = filter();
  const flood = new Uint8Array(65536).map((_, index) => index * 7919 >> 3);
  for (let turn = 0; turn < 100; turn++) {
    clock.now_ms = turn * 10;
    one.push(flood);
  }
  one.push(bytes("\x1b]0;title\x07\x1b[2J".repeat(100_000)));
  one.end();
  const most = LINES_BURST + LINES_PER_SECOND + 100;
  assert.ok(lines.length <= most, `${lines.length} lines in a second`);
  for (const line of lines) {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/);
    // An escaped character takes at most 10.
    assert.ok(line.length <= 10 * LINE_LENGTH_MAX + 20);
  }
});

Deno.test("LineFilter cuts at line ends, in whatever pieces bytes come", () => {
  const { lines, filter: one } = filter();
  const text = bytes("first\nzweite ä\n<3>bad\n<9>odd\nrest");
  for (const byte of text) one.push(new Uint8Array([byte]));
  assert.deepEqual(lines, ["info first", "info zweite ä", "error bad", "info <9>odd"]);
  one.end();
  assert.equal(lines.at(-1), "info rest");
});

Deno.test("LineFilter cuts a line that is too long and drops its rest", () => {
  const { lines, filter: one } = filter();
  for (let part = 0; part < 100; part++) one.push(bytes("x".repeat(1000)));
  one.push(bytes("end\nnext\n"));
  assert.equal(lines.length, 2);
  assert.ok(lines[0].length < LINE_LENGTH_MAX + 20 && lines[0].endsWith("[cut]"));
  assert.equal(lines[1], "info next");
});

Deno.test("LineFilter lets a burst through, then so many a second, and says what it dropped", () => {
  const { lines, clock, filter: one } = filter();
  one.push(bytes("x\n".repeat(1000)));
  assert.equal(lines.length, LINES_BURST);
  clock.now_ms = 1000;
  one.push(bytes("y\n".repeat(1000)));
  assert.equal(
    lines[LINES_BURST],
    `warn ${1000 - LINES_BURST} more lines were dropped: too many at once`,
  );
  assert.equal(lines.length, LINES_BURST + 1 + LINES_PER_SECOND);
  one.end();
  assert.match(lines.at(-1) as string, /^warn 950 more lines/);
});

Deno.test("LogPipe reads to the end, and does not let a flood take the thread", async () => {
  const reactor = new Reactor((error) => console.error(error));
  const [read, write] = makePipe();
  const lines: string[] = [];
  const pipe = new LogPipe(
    reactor,
    read,
    "warn",
    (level, line) => void lines.push(`${level} ${line}`),
  );
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", `echo hello >/proc/${Deno.pid}/fd/${write}; yes >/proc/${Deno.pid}/fd/${write}`],
  }).spawn();
  const begin_ms = performance.now();
  let turns = 0;
  while (performance.now() - begin_ms < 300) {
    await new Promise((end) => setTimeout(end, 1));
    turns++;
  }
  child.kill("SIGKILL");
  await child.status;
  assert.ok(turns > 30, `only ${turns} turns of the event loop in 300 ms`);
  closeDescriptor(write);
  pipe.close();
  pipe.close();
  await reactor.close();
  assert.equal(lines[0], "warn hello");
  assert.match(lines.at(-1) as string, /more lines were dropped/);
  assert.ok(lines.length < LINES_BURST + LINES_PER_SECOND + 5);
});

Deno.test("LineFilter lets no line grow past its limit where characters are shown as several", () => {
  const lines: string[] = [];
  const filter = new LineFilter("info", (_level, line) => lines.push(line), () => 0);
  filter.push(new TextEncoder().encode("\u{e0001}".repeat(LINE_LENGTH_MAX / 2) + "\n"));
  assert.equal(lines.length, 1);
  assert.equal(lines[0].length, LINE_LENGTH_MAX + " [cut]".length);
});
