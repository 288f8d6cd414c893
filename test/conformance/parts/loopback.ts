/** The suites over /dev/sg of loopback disks. */
import { loopback as scenario } from "../scenarios/loopback.ts";
import { umlPart } from "../uml_part.ts";

/** See the module. */
export const loopback = umlPart("loopback", scenario.shows, [scenario]);
