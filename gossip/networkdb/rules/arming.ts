/**
 * The two tickers that are events only when they have something to do: the gossip tick of a node
 * with queued table events, and reconnectNode of a node with failed peers.
 */
import { GOSSIP_INTERVAL_NS, RETRY_INTERVAL_NS, TICKER_START_NS } from '../constants.ts';
import type { NodeState, State } from '../state.ts';
import { nextTickAfter } from './ticks.ts';

/** Makes the node's next gossip tick an event. */
export function armGossip(state: State, node: NodeState): void {
  if (node.isGossipArmed) return;
  node.isGossipArmed = true;
  const startNs = node.startedAtNs + TICKER_START_NS.gossip;
  const atNs = nextTickAfter(startNs, GOSSIP_INTERVAL_NS, state.nowNs);
  state.world.queue.schedule(atNs, state.timerKinds.gossip, node.index);
}

/** Makes the node's next reconnectNode tick an event. */
export function armReconnect(state: State, node: NodeState): void {
  if (node.isReconnectArmed) return;
  node.isReconnectArmed = true;
  const startNs = node.startedAtNs + TICKER_START_NS.reconnect;
  const atNs = nextTickAfter(startNs, RETRY_INTERVAL_NS, state.nowNs);
  state.world.queue.schedule(atNs, state.timerKinds.reconnect, node.index);
}
