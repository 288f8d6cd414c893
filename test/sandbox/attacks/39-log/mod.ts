/** Family 39: lines that would fool who reads the log: other units' names, levels, escapes, floods. */
import { hostile, type Phase, plan, sleep, type Variant } from "../attack.ts";

const phases: readonly Phase[] = ["io"];
const encoder = new TextEncoder();
const raw = (bytes: Uint8Array) => void Deno.stderr.writeSync(bytes);
const line = (text: string) => raw(encoder.encode(`${text}\n`));
/** Rates and lengths of lines: what is told comes after it. */
const PAUSE_MS = 700;

const writes = (name: string, ...texts: readonly string[]): Variant => ({
  name,
  phases,
  run: () => texts.forEach(line),
});

const FORGED = "2026-01-01T00:00:00.000Z error victim: the disk is broken";

const variants: readonly Variant[] = [
  writes("other-unit", FORGED, `\r${FORGED}`, `x\r${FORGED}`, `x\v${FORGED}`, `x\u2028${FORGED}`),
  writes("as-message", `<3>${FORGED}`, `<3>\n${FORGED}`),
  writes("levels", "<0>panic", "<1>alert", "<2>critical", "<9>none", "<3", "<33>x", "<3><0>x"),
  writes("restart", "The handler is started again: it ended: signal 31", "<3>assertion: forged"),
  writes(
    "escapes",
    "\x1b[2J\x1b[1;1H",
    "\x1b]8;;http://evil/\x07click\x1b]8;;\x07",
    "\x9b2J",
    "\x90x",
  ),
  writes("unseen", "\u202egnp.exe", "a\u200bb\u2060c\ufeffd", "\u{e0041}\u{e0042}", "\ud800"),
  {
    name: "by-logger",
    phases,
    run: ({ context }) => {
      context!.log.info(`a\n${FORGED}`);
      context!.log.error("\x1b[31m\u2029" + FORGED);
      context!.log.warn({ toString: () => FORGED } as unknown as string);
    },
  },
  {
    name: "not-text",
    phases,
    run: () => {
      raw(Uint8Array.from({ length: 256 }, (_, at) => at));
      raw(Uint8Array.of(0xff, 0xfe, 0x0a, 0xf0, 0x9f, 0x0a));
    },
  },
  {
    name: "half-characters",
    phases,
    run: async () => {
      for (const byte of encoder.encode("ä\u202e€\n")) {
        raw(Uint8Array.of(byte));
        await sleep(1);
      }
    },
  },
  {
    name: "line-without-end",
    phases,
    timeout_ms: 0,
    run: async () => {
      const piece = encoder.encode("x".repeat(4096));
      for (let count = 0; count < (plan.quick ? 64 : 1024); count++) raw(piece);
      line("");
      await sleep(PAUSE_MS);
    },
  },
  {
    name: "growing-lines",
    phases,
    timeout_ms: 0,
    // Each of these takes many characters where it is shown.
    run: async () => {
      const wide = "\u{e0001}".repeat(1000);
      const end_ms = performance.now() + (plan.quick ? 1000 : 5000);
      while (performance.now() < end_ms) {
        for (let count = 0; count < 4; count++) line(wide);
        await sleep(1);
      }
      await sleep(PAUSE_MS);
    },
  },
];

export const open = await hostile(variants);
