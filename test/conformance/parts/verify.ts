/** fio's verification: mixed sizes and discards, and LUNs that change meanwhile. */
import { verifyChange } from "../scenarios/verify_change.ts";
import { verifyMixed } from "../scenarios/verify_mixed.ts";
import { umlPart } from "../uml_part.ts";

/** See the module. */
export const verify = umlPart(
  "verify",
  "fio verifies mixed sizes, discards, and LUNs that change under it",
  [verifyMixed, verifyChange],
);
