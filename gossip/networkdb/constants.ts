/**
 * NetworkDB's constants under upstream's names: moby `libnetwork/networkdb/cluster.go`,
 * `networkdb.go`, `broadcast.go` and `message.go`. They have not changed since 17.09.
 */
import { HOUR_NS, MILLISECOND_NS, MINUTE_NS, SECOND_NS } from '../../sim/time.ts';

/** Period of the table gossip tick, ns (memberlist `GossipInterval`). */
export const GOSSIP_INTERVAL_NS = 200 * MILLISECOND_NS;
/** Period of the periodic bulk sync, ns (memberlist `PushPullInterval`). */
export const BULK_SYNC_INTERVAL_NS = 30 * SECOND_NS;
/** Period of the reaper of tombstones and of left networks, ns. */
export const REAP_PERIOD_NS = 5 * SECOND_NS;
/** The reaper's period in seconds, the unit in which residual times are kept. */
export const REAP_PERIOD_SECONDS = 5;
/** Period of reconnectNode and of a retried join, ns (`retryInterval`). */
export const RETRY_INTERVAL_NS = SECOND_NS;
/** How long a failed or left node is remembered, ns. */
export const NODE_REAP_INTERVAL_NS = 24 * HOUR_NS;
/** Period of the reaper of failed and left nodes, ns. */
export const NODE_REAP_PERIOD_NS = 2 * HOUR_NS;
/** Period of rejoinClusterBootStrap, ns. */
export const REJOIN_CLUSTER_INTERVAL_NS = 60 * SECOND_NS;
/** How long one rejoinClusterBootStrap keeps trying, ns. */
export const REJOIN_CLUSTER_DURATION_NS = 10 * SECOND_NS;
/** How long a sender waits for its node event to leave the queue, ns. */
export const BROADCAST_TIMEOUT_NS = 5 * SECOND_NS;
/** How long an initiator waits for the answer to its bulk sync, ns. */
export const BULK_SYNC_ACK_TIMEOUT_NS = 30 * SECOND_NS;
/** How long memberlist's leave may take at a graceful close, ns. */
export const LEAVE_TIMEOUT_NS = SECOND_NS;
/** Life of a tombstone, in seconds (`reapEntryInterval`). */
export const REAP_ENTRY_INTERVAL_SECONDS = 1800;
/** Life of a left network's record, in seconds (`reapEntryInterval + 5 * reapPeriod`). */
export const REAP_NETWORK_INTERVAL_SECONDS = 1825;
/** A tombstone of an unknown key is relayed only when it has more than this left, in seconds. */
export const REBROADCAST_RESIDUAL_SECONDS = REAP_ENTRY_INTERVAL_SECONDS / 6;
/** Events from a bulk sync are not relayed while more messages than this are queued. */
export const MAX_QUEUE_LEN_BROADCAST_ON_SYNC = 500;
/** memberlist's `RetransmitMult`. */
export const RETRANSMIT_MULT = 4;
/** How many members of a network hear one table gossip. */
export const GOSSIP_NODES = 3;
/** What makeCompoundMessage reserves for its envelope, bytes (`compoundHeaderOverhead`). */
export const COMPOUND_HEADER_OVERHEAD = 5;
/** What makeCompoundMessage reserves per message, bytes (`compoundOverhead`). */
export const COMPOUND_OVERHEAD = 4;
/** The default `PacketBufferSize`, bytes: network-control-plane-mtu (1500) less 100. */
export const PACKET_BUFFER_BYTES = 1400;
/** Period of the statistics line, ns (`StatsPrintPeriod`). */
export const STATS_PRINT_PERIOD_NS = 5 * MINUTE_NS;

/**
 * When a node's tickers start after its daemon, ns. moby creates them one after another; 1 µs apart,
 * no two of a node tick at one instant and their order never depends on when they were armed.
 */
export const TICKER_START_NS = {
  reap: 0,
  gossip: 1000,
  bulkSync: 2000,
  reconnect: 3000,
  reapDeadNodes: 4000,
  rejoin: 5000,
} as const;
