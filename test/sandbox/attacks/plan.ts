/** Stands in for the plan that the runner writes into a staged handler. */
import type { Plan } from "./plan_type.ts";

const channel = {
  length: 0,
  submit_tail: 0,
  guest_waiting: 0,
  complete_tail: 0,
  daemon_waiting: 0,
  guest_state: 0,
  reply_length: 0,
  closing: 0,
  epoch: 0,
  submission: 0,
  submission_words: 0,
  completion: 0,
  completion_words: 0,
  queue_length: 0,
  request: { SEQUENCE: 0, WHAT: 0 },
  completion_word: { REQUEST: 0, SEQUENCE: 0, EPOCH: 0, RESULT: 0 },
};

export const plan: Plan = {
  skip: [],
  phases: [],
  quick: false,
  folder: "",
  secret_path: "",
  secret: "",
  drop_folder: "",
  outside_module: "",
  tcp_port: 0,
  udp_port: 0,
  unix_path: "",
  ally_port: 0,
  daemon_pid: 0,
  victim_pid: 0,
  runner_pid: 0,
  cache_folder: "",
  marker: "",
  guest_folder: "",
  channel,
};
