/** Offloaded copies between loopback disks. */
import { odx as scenario } from "../scenarios/odx.ts";
import { umlPart } from "../uml_part.ts";

/** See the module. */
export const odx = umlPart("odx", scenario.shows, [scenario]);
