/** Processes that do nothing to themselves, for tests. */
import type { Program } from "./execute.ts";
import { placeDescriptors, spawn } from "./spawn.ts";

/** Starts a program with these descriptors: present numbers by the wanted ones. Returns its id. */
export function spawnProgram(program: Program, descriptors: ReadonlyMap<number, number>): number {
  return spawn((child) => {
    placeDescriptors(child, descriptors);
    return program;
  });
}
