/** Changes of a unit while it is served. Initiators get their unit attentions. */
import type { LogicalUnit } from "../scsi/logical_unit.ts";
import { MediaResult } from "../scsi/media.ts";
import { Sense } from "../scsi/sense.ts";
import type { Attached, RingContext } from "./ring_context.ts";
import type { RingVerbs, UnitChange } from "./ring_messages.ts";

/** How long a volume that is to become smaller, or not to be written, waits for commands in flight. */
const QUIET_TIMEOUT_MS = 30_000;

type ChangeReply = RingVerbs["change"]["reply"];
type ResizeRequest = RingVerbs["resize"]["request"];
type ResizeReply = RingVerbs["resize"]["reply"];

export class RingChanges {
  readonly #context: RingContext;

  constructor(context: RingContext) {
    this.#context = context;
  }

  /** Changes what initiators see. */
  change(change: UnitChange, reply: (reply: ChangeReply) => void): void {
    const { name, write_protected, medium_present, size_bytes, queue_depth, deadline_ms } = change;
    const { device, sandbox } = this.#find(name);
    const { unit } = device;
    if (write_protected !== undefined && write_protected !== unit.operatorWriteProtect) {
      unit.operatorWriteProtect = write_protected;
      // WP stands in the header of mode parameter lists (SBC-4 6.5.1): they have changed.
      unit.attend(Sense.MODE_PARAMETERS_CHANGED);
    }
    if (medium_present !== undefined) setMedium(unit, medium_present);
    if (size_bytes !== undefined) {
      unit.resize(size_bytes / unit.block_length);
      device.backend.resize?.(size_bytes);
    }
    if (sandbox !== undefined) {
      if (queue_depth !== undefined) sandbox.queue_depth = queue_depth;
      if (deadline_ms !== undefined) this.#context.loop.setDeadline(device, deadline_ms);
    }
    device.refresh();
    this.#context.loop.activate(device);
    if (write_protected !== true && medium_present !== false) return reply({ settled: true });
    // Whoever asked for it may take the medium away, or copy it, when this is answered.
    const ended = device.writesEnded();
    const isQuiet = () => device.stopped || ended();
    this.#context.when(isQuiet, QUIET_TIMEOUT_MS, (settled) => reply({ settled }));
  }

  /**
   * Has the handler change the size of its volume. Where it `shrinks`, no command may be in flight:
   * one that was checked against the old size could write behind the new end.
   */
  resize(request: ResizeRequest, reply: (reply: ResizeReply) => void): void {
    const attached = this.#find(request.name);
    if (!request.shrinks) return this.#perform(attached, request, reply);
    const { device } = attached;
    const ended = (outcome: ResizeReply) => {
      device.resume();
      this.#context.loop.activate(device);
      reply(outcome);
    };
    device.quiesce();
    this.#context.when(() => device.inFlight === 0, QUIET_TIMEOUT_MS, (quiet) => {
      if (!quiet || device.stopped) return ended({ done: false });
      this.#perform(attached, request, ended);
    });
    this.#context.loop.activate(device);
  }

  #perform(
    { device }: Attached,
    { size_bytes }: ResizeRequest,
    ended: (reply: ResizeReply) => void,
  ): void {
    device.perform({ kind: "resize", size_bytes }, ({ result }) => {
      ended({ done: result === MediaResult.OK });
    });
    this.#context.loop.activate(device);
  }

  #find(name: string): Attached {
    const attached = this.#context.attached.get(name);
    if (attached === undefined) throw new Error(`LUN "${name}" has no device`);
    return attached;
  }
}

/** The operator takes the medium out or puts it back; whether initiators prevent it does not count. */
function setMedium(unit: LogicalUnit, present: boolean): void {
  if (present) {
    if (unit.state === "no-medium") unit.state = "ready";
    return;
  }
  if (unit.state === "ready") return unit.eject();
  if (unit.state === "no-medium") return;
  throw new Error(`The medium of LUN "${unit.name}" cannot be taken out: it is ${unit.state}`);
}
