/** sg3-utils against loopback disks. */
import { sg3 as scenario } from "../scenarios/sg3.ts";
import { umlPart } from "../uml_part.ts";

/** See the module. */
export const sg3 = umlPart("sg3", scenario.shows, [scenario]);
