/**
 * What a node keeps of a network that it joins.
 */

import { TransmitLimitedQueue } from './queue/transmit-limited-queue.ts';
import type { LocalNetwork, Network, NodeState } from './state.ts';

/** A fresh record; later generations keep the queues of the record that was leaving. */
export function localNetworkOf(
  node: NodeState,
  network: Network,
  ltime: number,
  known: LocalNetwork | undefined,
): LocalNetwork {
  const kept = node.rules.refusesSecondJoin ? known : undefined;
  const own: LocalNetwork['tableBroadcasts'] = new TransmitLimitedQueue();
  const relays: LocalNetwork['tableRebroadcasts'] = node.rules.queuesRelaysApart
    ? new TransmitLimitedQueue()
    : own;
  return {
    network,
    ltime,
    leaving: false,
    reapBudget: 0,
    inSync: false,
    tableBroadcasts: kept?.tableBroadcasts ?? own,
    tableRebroadcasts: kept?.tableRebroadcasts ?? relays,
    pulledCount: 0,
    pulledBefore: 0,
    statsPeriod: 0,
  };
}
