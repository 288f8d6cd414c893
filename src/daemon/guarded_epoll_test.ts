import assert from "node:assert/strict";
import { closeDescriptor, makeEventfd, readEventfd, signalEventfd } from "../sys/descriptor.ts";
import { EPOLLIN } from "../sys/epoll.ts";
import { GuardedEpoll } from "./guarded_epoll.ts";

Deno.test("GuardedEpoll outlives a callback that throws, and gives up on it in the end", () => {
  const failures: string[] = [];
  const epoll = new GuardedEpoll((message) => failures.push(message));
  const [bad, good] = [makeEventfd(), makeEventfd()];
  let calls = 0;
  epoll.add(bad, EPOLLIN, () => {
    throw new TypeError("a bug");
  });
  epoll.add(good, EPOLLIN, () => {
    calls++;
    readEventfd(good);
  });
  signalEventfd(bad);
  for (let round = 0; round < 10; round++) {
    signalEventfd(good);
    epoll.wait(0);
  }
  assert.equal(calls, 10);
  assert.equal(failures.length, 3);
  assert.match(failures[0], /TypeError: a bug/);
  epoll.close();
  closeDescriptor(bad);
  closeDescriptor(good);
});
