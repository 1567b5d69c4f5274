/**
 * Everything that a run leaves behind for its measures, expectations and checkers: the events of
 * the timeline, and the records of membership, nodes, services, NetworkDB and traffic.
 */
import type { CheckerName } from '../language/expectation.ts';
import type { NodeNames } from '../language/node-names.ts';
import type { CommandResult } from '../result.ts';
import type { MembershipRecord } from './membership-record.ts';
import type { ServiceHealth } from './service-health.ts';
import type { StalenessRecord } from './staleness-record.ts';
import type { TableRecord } from './table-record.ts';
import type { TimelineEvent } from './timeline-events.ts';
import type { TrafficRecord } from './traffic/record.ts';

/** The manager's word on a node. */
export interface NodeStatusChange {
  readonly atNs: number;
  readonly node: number;
  readonly state: 'unknown' | 'down' | 'ready' | 'disconnected';
}

/** Bytes and packets that a node's gossip sent. */
export interface GossipLoad {
  readonly packets: number;
  readonly bytes: number;
}

/** What a checker found wrong at the end; empty when it holds. */
export interface CheckerOutcome {
  readonly name: CheckerName;
  readonly violations: readonly string[];
}

/** The records of one run. */
export interface RunRecord {
  readonly nodes: NodeNames;
  readonly events: readonly TimelineEvent[];
  readonly endNs: number;
  readonly membership: MembershipRecord;
  readonly nodeStatuses: readonly NodeStatusChange[];
  readonly services: ServiceHealth;
  readonly traffic: readonly TrafficRecord[];
  /** Instants at which all members of some network came to agree on a changed entry. */
  readonly networkDbAgreements: readonly number[];
  /** Instants at which a node dropped an entry with its dead owner or its network. */
  readonly networkDbDrops: readonly number[];
  readonly tables: TableRecord;
  readonly staleness: StalenessRecord;
  /** What the timeline's `exec` steps printed. */
  readonly commands: readonly CommandResult[];
  readonly gossip: readonly GossipLoad[];
  /** Frames that the underlay dropped, by reason. */
  readonly underlayDrops: ReadonlyMap<string, number>;
  readonly checkers: readonly CheckerOutcome[];
  /** True when the node had power and its process ran at that instant. */
  isRunning(node: number, atNs: number): boolean;
  /** True when nothing of the timeline stood between two running nodes at that instant. */
  isReachable(from: number, to: number, atNs: number): boolean;
}
