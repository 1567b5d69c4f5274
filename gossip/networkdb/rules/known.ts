/**
 * Messages that tell their receiver nothing new, which is most of them: an event is sent 4·log N
 * times to three members by everybody who hears it. Where membership finds that nothing can be lost,
 * such a message is counted and does not fly.
 *
 * It counts as known only when the receiver holds the same or something newer, and has seen its time
 * on the clock. It stays known during a flight, unless the receiver forgets its owner and takes it
 * back, or leaves the network and joins it anew, within that one flight; that is not reckoned with.
 */
import { GossipMessageType } from '../../../wire/networkdb/message.ts';
import type { Message, NetworkEvent, NodeEvent, TableEvent } from '../message.ts';
import { PeerState } from '../peers.ts';
import type { NodeState, State } from '../state.ts';
import { isHeldByAll } from '../store/fact-table.ts';

/** True when the message certainly changes nothing at the node. */
export function isKnown(state: State, node: NodeState, message: Message): boolean {
  switch (message.type) {
    case GossipMessageType.compound:
      return areKnownTableEvents(state, node, message.events);
    case GossipMessageType.networkEvent:
      return isKnownNetworkEvent(state, node, message);
    case GossipMessageType.nodeEvent:
      return isKnownNodeEvent(node, message);
    default:
      return false;
  }
}

/** Table events of one network; which all its members hold by now needs no look at this one. */
function areKnownTableEvents(
  state: State,
  node: NodeState,
  events: readonly TableEvent[],
): boolean {
  const local = node.networks.get(events[0]!.fact.subject.networkIndex);
  if (local === undefined || local.leaving) return false;
  const { entries } = local.network;
  for (let i = 0; i < events.length; i++) {
    const { fact, version } = events[i]!;
    if (isHeldByAll(fact, version)) continue;
    if (node.tableClock <= version.ltime) return false;
    if (version.owner === node.index) continue;
    const held = entries.get(fact, node.index, state.nowNs);
    if (held === undefined || held.ltime < version.ltime) return false;
  }
  return true;
}

function isKnownNetworkEvent(state: State, node: NodeState, event: NetworkEvent): boolean {
  const { owner, networkIndex, ltime } = event.attachment;
  if (node.networkClock <= ltime) return false;
  if (owner === node.index || isHeldByAll(event.fact, event.attachment)) return true;
  const { attachments } = state.networks[networkIndex]!;
  const held = attachments.get(event.fact, node.index, state.nowNs);
  return held !== undefined && held.ltime >= ltime;
}

function isKnownNodeEvent({ networkClock, peers }: NodeState, event: NodeEvent): boolean {
  if (networkClock <= event.ltime || peers.stateOf(event.node) === PeerState.unknown) return false;
  return peers.ltimeOf(event.node) >= event.ltime;
}
