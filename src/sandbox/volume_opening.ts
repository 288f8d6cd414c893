/**
 * Waits until a process that was let begin has opened its volume: for the guest's reply, its end, or
 * the time limit. Only what the reply says and what the kernel says of the process are believed.
 *
 * @module
 */
import { EPOLLET, EPOLLIN } from "../sys/epoll.ts";
import type { Reactor } from "../sys/reactor.ts";
import { GuestError } from "./guest_error.ts";
import type { HandlerProcess } from "./handler_process.ts";
import type { InstanceChannel } from "./instance_channel.ts";
import { STATE_FAILED, STATE_OPEN, STATE_STARTING } from "./layout.ts";
import type { LayerState } from "./lockdown/layers.ts";
import { verifyGuest } from "./lockdown/verify.ts";
import { parseDescription, type VolumeDescription } from "./volume_description.ts";

/** Signals that a guest may give before it has replied: one is enough. */
const START_SIGNALS_MAX = 100;

/** A process that opens its volume. */
export interface VolumeOpening {
  readonly process: HandlerProcess;
  readonly channel: InstanceChannel;
  readonly reactor: Reactor;
  /** What the process was locked down with; verified before its volume is served. */
  readonly layers: readonly LayerState[];
  readonly timeout_ms: number;
}

/**
 * Resolves when the volume is open; the process's end is reported from then on. Throws
 * {@linkcode GuestError} where it does not open; the process may run then.
 */
export async function waitForVolume(opening: VolumeOpening): Promise<VolumeDescription> {
  const { process, channel, reactor, timeout_ms } = opening;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waits = true;
  try {
    const state = await new Promise<number>((resolve, reject) => {
      let looks = 0;
      const look = () => {
        const state = channel.guest_state;
        if (state !== STATE_STARTING) resolve(state);
        // The main thread has other handlers to look after.
        else if (++looks > START_SIGNALS_MAX) {
          reject(new GuestError("The handler floods signals"));
        }
      };
      reactor.add(channel.eventfd, EPOLLIN | EPOLLET, look);
      process.exited.then(async (status) => {
        look();
        if (!waits || channel.guest_state !== STATE_STARTING) return;
        const reason = await process.explain(status);
        reject(new GuestError(`The handler ended at its start: ${reason}`));
      });
      timer = setTimeout(
        () => reject(new GuestError(`The handler did not open within ${timeout_ms} ms`)),
        timeout_ms,
      );
    });
    return describe(state, opening);
  } finally {
    waits = false;
    clearTimeout(timer);
    reactor.remove(channel.eventfd);
  }
}

function describe(
  state: number,
  { process, channel, layers }: VolumeOpening,
): VolumeDescription {
  const reply = channel.readReply();
  if (reply === undefined) throw new GuestError("The handler's reply cannot be read");
  if (state === STATE_FAILED) throw new GuestError(`The handler did not open: ${reply}`);
  if (state !== STATE_OPEN) throw new GuestError(`The handler is in state ${state}`);
  try {
    const description = parseDescription(reply);
    if (!process.isRunning) throw new GuestError("The handler ended after its start");
    verifyGuest(process.pid, layers);
    process.supervise();
    return description;
  } catch (error) {
    throw new GuestError(error instanceof Error ? error.message : String(error));
  }
}
