/** A target, a poll set and a clock by hand, driven from the same thread as the tests' initiators. */
import { Epoll } from "../../src/sys/epoll.ts";
import type { SocketAddress } from "../../src/sys/socket.ts";
import {
  IscsiTarget,
  type IscsiTargetOptions,
  type TargetOptions,
} from "../../src/fabric/iscsi/target.ts";
import { FakePort, type FakePortOptions } from "./fake_port.ts";

/** The name of the first target. */
export const TARGET_NAME = "iqn.2026-01.org.example:one";

/** What a test wants of it. */
export interface HarnessOptions extends FakePortOptions {
  /** The device side's part of a turn. */
  readonly device?: () => void;
  readonly target?: Partial<TargetOptions>;
  readonly iscsi?: Partial<IscsiTargetOptions>;
  readonly address?: string;
}

/** One target object with one target. */
export class Harness {
  readonly epoll = new Epoll();
  readonly port: FakePort;
  readonly target: IscsiTarget;
  readonly portal: SocketAddress;
  readonly log: string[] = [];
  now_ms = 1000;
  readonly #device: (() => void) | undefined;

  constructor(options: HarnessOptions = {}) {
    this.#device = options.device;
    this.port = new FakePort(options);
    this.target = new IscsiTarget({
      epoll: this.epoll,
      clock: { now_ms: () => this.now_ms },
      log: (line) => this.log.push(line),
      ...options.iscsi,
    });
    this.target.addTarget({ name: TARGET_NAME, port: this.port, ...options.target });
    this.portal = this.target.listen({ address: options.address ?? "127.0.0.1", port: 0 });
  }

  /** One turn of the ring thread. */
  turn(timeout_ms = 0): void {
    this.epoll.wait(timeout_ms);
    this.target.flush();
    if (this.#device === undefined) return;
    this.#device();
    this.target.flush();
  }

  /** Lets time pass, in steps of a second. */
  pass(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.now_ms += 1000;
      this.epoll.wait(0);
      this.target.tick(this.now_ms);
      this.target.flush();
    }
  }

  close(): void {
    this.target.close();
    this.epoll.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
