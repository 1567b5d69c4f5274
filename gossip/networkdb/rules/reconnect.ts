/**
 * How a node finds its way back: reconnectNode every second while it knows failed nodes, and
 * rejoinClusterBootStrap every 60 s (moby `cluster.go`). Only failed nodes are tried, never left
 * ones; both block their own ticker while they wait.
 */
import { drawBelow } from '../../../sim/chance.ts';
import { REJOIN_CLUSTER_DURATION_NS, RETRY_INTERVAL_NS, TICKER_START_NS } from '../constants.ts';
import type { BootstrapAddress, NodeState, State } from '../state.ts';
import { armReconnect } from './arming.ts';
import { bulkSync } from './bulk-sync.ts';
import { sendNodeEvent } from './membership.ts';
import { hasTickWithin } from './ticks.ts';
import { atInstant, onResultOf } from './timers.ts';

/** One reconnectNode: joins one random failed node, tells the cluster, and syncs with it. */
export function reconnectNode(state: State, node: NodeState, nowNs: number): void {
  const failed = [...node.peers.failed];
  if (failed.length === 0) {
    node.isReconnectArmed = false;
    return;
  }
  const draw = drawBelow(state.reconnectKey, failed.length, node.index, node.reconnectDraws++);
  const target = failed[draw]!;
  const end = (): void => endReconnect(state, node, nowNs);
  const { address, port } = state.node(target);
  const onResult = onResultOf(state, node, (ok) => {
    if (!ok) {
      end();
      return;
    }
    sendNodeEvent(state, node, false, (isSent) => {
      if (isSent) bulkSync(state, node, [target], true, end);
      else end();
    });
  });
  state.carrier.joinAddress(node.index, address, port, onResult);
}

/** The handler's end: the next tick, or at once the one that came while it was busy. */
function endReconnect(state: State, node: NodeState, beganAtNs: number): void {
  const nowNs = state.nowNs;
  const startNs = node.startedAtNs + TICKER_START_NS.reconnect;
  if (hasTickWithin(startNs, RETRY_INTERVAL_NS, beganAtNs, nowNs)) {
    atInstant(state, node, nowNs, (atNs) => reconnectNode(state, node, atNs));
    return;
  }
  node.isReconnectArmed = false;
  if (node.peers.failed.size > 0) armReconnect(state, node);
}

/**
 * One rejoinClusterBootStrap: when no bootstrap address is an active node other than the node
 * itself, joins all of them, once a second for up to 10 s, until one attempt succeeds.
 */
export function rejoinClusterBootStrap(
  state: State,
  node: NodeState,
  nowNs: number,
  onDone: () => void,
): void {
  const bootstrap = node.bootstrap;
  const isAlone = bootstrap.length > 0 && node.peers.isActive(node.index);
  if (!isAlone || bootstrap.some((address) => isBootstrapped(state, node, address))) {
    onDone();
    return;
  }
  const untilNs = nowNs + REJOIN_CLUSTER_DURATION_NS;
  retryJoin(state, node, nowNs + RETRY_INTERVAL_NS, untilNs, onDone);
}

/** Later generations compare address and port, and give an address without one the port 0. */
function isBootstrapped(state: State, node: NodeState, bootstrap: BootstrapAddress): boolean {
  const { address, port } = bootstrap;
  const comparesPort = node.rules.bootstrapNeverMatches;
  if (!comparesPort && address === node.address) return false;
  return state.nodesOfAddress(address).some((member) => {
    if (member === node.index || !node.peers.isActive(member)) return false;
    return !comparesPort || state.node(member).port === port;
  });
}

function retryJoin(
  state: State,
  node: NodeState,
  atNs: number,
  untilNs: number,
  onDone: () => void,
): void {
  if (atNs > untilNs) {
    onDone();
    return;
  }
  const again = (): void => {
    const nextNs = Math.max(atNs + RETRY_INTERVAL_NS, state.nowNs);
    retryJoin(state, node, nextNs, untilNs, onDone);
  };
  atInstant(state, node, atNs, () => {
    joinAll(state, node, node.bootstrap, (ok) => {
      if (!ok) {
        again();
        return;
      }
      sendNodeEvent(state, node, false, (isSent) => {
        if (isSent) onDone();
        else again();
      });
    });
  });
}

/** memberlist's Join: one address after another; succeeds when at least one did. */
export function joinAll(
  state: State,
  node: NodeState,
  addresses: readonly BootstrapAddress[],
  onDone: (ok: boolean) => void,
): void {
  let at = 0;
  let isJoined = false;
  const next = (): void => {
    const target = addresses[at++];
    if (target === undefined) {
      onDone(isJoined);
      return;
    }
    const port = target.port === 0 ? node.port : target.port;
    const onResult = onResultOf(state, node, (ok) => {
      isJoined ||= ok;
      next();
    });
    state.carrier.joinAddress(node.index, target.address, port, onResult);
  };
  next();
}
