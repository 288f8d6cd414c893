/** Reservations, which the target core answers: what is said where a command comes past it. */
import { always, checkCondition } from "../response.ts";
import { Sense } from "../sense.ts";
import { reservationCommands } from "./reservation_opcodes.ts";

export const reservationResponses = reservationCommands.map(({ name }) =>
  always(name, (unit) => checkCondition(unit, Sense.INVALID_OPERATION_CODE))
);
