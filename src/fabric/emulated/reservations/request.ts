/** What a PERSISTENT RESERVE OUT service action is given beside the state it changes. */
import type { ParameterList } from "./parameter_list.ts";

export interface ReserveRequest {
  /** Of the I_T nexus that sent it. */
  readonly initiator_port: string;
  readonly list: ParameterList;
  readonly scope: number;
  readonly type: number;
  /** Initiator ports that a TransportID without an ISID may mean. */
  readonly knownPorts: () => Iterable<string>;
  /** Of the target port of the nexus. */
  readonly relative_target_port: number;
}
