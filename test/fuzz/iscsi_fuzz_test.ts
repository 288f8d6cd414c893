import { fuzz } from "./iscsi_fuzz.ts";

function number(variable: string, fallback: number): number {
  const text = Deno.env.get(variable);
  return text === undefined ? fallback : Number(text);
}

Deno.test("the iSCSI target withstands PDUs that are nearly right", () => {
  fuzz(number("LUNETTE_FUZZ_SEED", 1), number("LUNETTE_FUZZ_ITERATIONS", 200));
});
