/** An I_T nexus of the emulated target core (SAM-6 4.7.6). */
import type { Nexus, NexusRequest, Task, TaskRequest } from "../target_port.ts";
import { decodeLun } from "./lun.ts";
import { manageTasks } from "./task_management.ts";
import type { LogicalUnit } from "./logical_unit.ts";
import type { EmulatedTask } from "./task.ts";
import { type SenseCode, unitSense } from "./sense.ts";
import type { TaskRouter } from "./task_router.ts";
import { UnitAttentions } from "./unit_attentions.ts";

/** What a nexus needs of the core. */
export interface NexusHost {
  readonly router: TaskRouter;
  /** Logical units by number. */
  readonly units: readonly (LogicalUnit | undefined)[];
  /** All nexuses. */
  readonly nexuses: ReadonlySet<EmulatedNexus>;
  /** A unit was reset: all nexuses are told, also those that are lost when they come again. */
  wasReset(unit: LogicalUnit, code: SenseCode): void;
  /** The nexus is no more. */
  closed(nexus: EmulatedNexus): void;
}

export class EmulatedNexus implements Nexus {
  readonly initiator_port: string;
  readonly attentions = new UnitAttentions();
  readonly #host: NexusHost;
  readonly #done: (task: Task) => void;
  #closed = false;

  constructor(host: NexusHost, request: NexusRequest) {
    this.#host = host;
    this.initiator_port = request.initiator_port;
    this.#done = request.done;
  }

  prepare(request: TaskRequest): EmulatedTask | undefined {
    if (this.#closed) return undefined;
    const lun = decodeLun(request.lun);
    const unit = lun < 0 ? undefined : this.#host.units[lun];
    if (unit === undefined) return this.#host.router.prepare(this, request);
    // The kernel refuses what can never fit (queue_cmd_ring).
    if (request.data_out_length + request.data_in_length > unit.ring.data_size_bytes) {
      return this.#host.router.prepareTooLong(this, request);
    }
    return unit.prepare(this, request);
  }

  /** Tells the fabric that a task has ended. */
  report(task: EmulatedTask): void {
    if (!this.#closed) this.#done(task);
  }

  manage(
    taskFunction: number,
    lun: Uint8Array,
    referencedTag: number,
    responded: (response: number) => void,
  ): void {
    if (this.#closed) return;
    manageTasks(this.#host, this, taskFunction, decodeLun(lun), referencedTag, (response) => {
      if (!this.#closed) responded(response);
    });
  }

  sense(lun: Uint8Array, code: number): Uint8Array {
    const number = decodeLun(lun);
    return unitSense(number < 0 ? undefined : this.#host.units[number]?.scsi, code);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const unit of this.#host.units) unit?.closeNexus(this);
    this.#host.router.closeNexus(this);
    this.#host.closed(this);
  }
}
