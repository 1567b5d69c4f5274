/**
 * Table gossip: every 200 ms, per network, what is queued goes in one packet to up to three members
 * (moby `cluster.go` gossip). The same bytes go to each; a transmission counts once per tick.
 */

import {
  COMPOUND_HEADER_OVERHEAD,
  COMPOUND_OVERHEAD,
  GOSSIP_INTERVAL_NS,
  GOSSIP_NODES,
  STATS_PRINT_PERIOD_NS,
} from '../constants.ts';
import { CountedKind } from '../counters.ts';
import { compoundOf, type TableEvent } from '../message.ts';
import { retransmitLimit } from '../queue/transmit-limited-queue.ts';
import type { LocalNetwork, NodeState, State } from '../state.ts';
import { armGossip } from './arming.ts';
import { drawMembers, memberCountOf } from './members.ts';

/** One gossip tick of a node; arms the next while anything is queued. */
export function gossip(state: State, node: NodeState, nowNs: number): void {
  const tick = Math.floor((nowNs - node.startedAtNs) / GOSSIP_INTERVAL_NS);
  let isBusy = false;
  for (const index of node.networks.keys()) {
    const local = state.localNetwork(node, index);
    if (local === undefined || (state.shortcuts && queuedCountOf(local) === 0)) continue;
    gossipNetwork(state, node, local, tick);
    if (queuedCountOf(local) > 0) isBusy = true;
  }
  if (isBusy || !state.shortcuts) armGossip(state, node);
}

function gossipNetwork(state: State, node: NodeState, local: LocalNetwork, tick: number): void {
  const network = local.network;
  const limit = retransmitLimit(memberCountOf(state, node, network));
  const availableBytes = node.packetBufferBytes - COMPOUND_HEADER_OVERHEAD;
  const events: TableEvent[] = [];
  const usedBytes = local.tableBroadcasts.pull(COMPOUND_OVERHEAD, availableBytes, limit, events);
  if (local.tableRebroadcasts !== local.tableBroadcasts) {
    const restBytes = availableBytes - usedBytes;
    local.tableRebroadcasts.pull(COMPOUND_OVERHEAD, restBytes, limit, events);
  }
  if (events.length === 0) return;
  rollStats(node, local, state.nowNs);
  local.pulledCount += events.length;
  const members = drawMembers(state, node, network, GOSSIP_NODES, state.gossipKey, tick);
  const compound = compoundOf(events);
  for (const member of members) {
    // until generation 3 a member that is no active peer any more ends the tick
    if (!node.peers.isActive(member)) {
      if (node.rules.keepsFailedNodes) continue;
      break;
    }
    state.counters.add(node.index, CountedKind.tableGossip, compound.sizeBytes);
    state.carrier.sendBestEffort(node.index, member, compound);
  }
}

/** Messages that wait for a gossip tick on that network. */
function queuedCountOf(local: LocalNetwork): number {
  const own = local.tableBroadcasts.count;
  if (local.tableRebroadcasts === local.tableBroadcasts) return own;
  return own + local.tableRebroadcasts.count;
}

/** Starts a new statistics period when the node's last 5 minutes have ended. */
export function rollStats(node: NodeState, local: LocalNetwork, nowNs: number): void {
  const period = Math.floor((nowNs - node.startedAtNs) / STATS_PRINT_PERIOD_NS);
  if (period === local.statsPeriod) return;
  local.pulledBefore = period === local.statsPeriod + 1 ? local.pulledCount : 0;
  local.pulledCount = 0;
  local.statsPeriod = period;
}
