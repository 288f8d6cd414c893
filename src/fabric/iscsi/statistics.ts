/** Counters of the iSCSI target. They only grow, except where a name says "open". */
export class Statistics {
  connections_open = 0;
  connections_accepted = 0;
  connections_refused = 0;
  sessions_open = 0;
  logins = 0;
  logins_failed = 0;
  login_timeouts = 0;
  commands = 0;
  bytes_received = 0;
  bytes_sent = 0;
  receive_calls = 0;
  send_calls = 0;
  /** Commands answered with TASK SET FULL, as the core had no room. */
  task_set_full = 0;
  rejects = 0;
  header_digest_errors = 0;
  data_digest_errors = 0;
  /** Commands outside of the CmdSN window, ignored (RFC 7143 4.2.2.1). */
  commands_ignored = 0;
  /** Data-Out for a command that is no more. */
  data_ignored = 0;
  /** Connections closed for a breach of the protocol. */
  protocol_errors = 0;
  /** Connections closed as the initiator was silent. */
  keepalive_timeouts = 0;
  /** Bugs of our own that ended a connection. */
  internal_errors = 0;
}
