/** LOG SENSE. */
import { badField, vectorsOf } from "../vector.ts";

export const logVectors = vectorsOf("LOG SENSE", "SPC-4 6.8", [
  { what: "no such page", cdb: "4d 00 7b 00 00 0000 00ff 00", ...badField("cd 0002") },
  { what: "no such subpage", cdb: "4d 00 40 01 00 0000 00ff 00", ...badField("c0 0003") },
  { what: "NACA", cdb: "4d 00 40 00 00 0000 00ff 04", ...badField("ca 0009") },
]);
