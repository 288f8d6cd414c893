/** What a device counts; numbers only, since it was attached. */
export class Counters {
  commands = 0;
  reads = 0;
  writes = 0;
  flushes = 0;
  read_bytes = 0;
  written_bytes = 0;
  /** Commands that ended in CHECK CONDITION. */
  check_conditions = 0;
  /** Operations given to a handler again after its restart. */
  replays = 0;
  /** Batches published, each with one doorbell. */
  doorbells = 0;
}
