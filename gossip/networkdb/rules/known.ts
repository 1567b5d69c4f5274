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

/** True when the message certainly changes nothing at the node. */
export function isKnown(state: State, node: NodeState, message: Message): boolean {
  switch (message.type) {
    case GossipMessageType.compound: {
      const { events } = message;
      for (let i = 0; i < events.length; i++) {
        if (!isKnownTableEvent(state, node, events[i]!)) return false;
      }
      return true;
    }
    case GossipMessageType.networkEvent:
      return isKnownNetworkEvent(state, node, message);
    case GossipMessageType.nodeEvent:
      return isKnownNodeEvent(node, message);
    default:
      return false;
  }
}

function isKnownTableEvent(state: State, node: NodeState, { fact, version }: TableEvent): boolean {
  if (node.tableClock <= version.ltime) return false;
  if (version.owner === node.index) return true;
  const local = node.networks.get(fact.subject.networkIndex);
  if (local === undefined || local.leaving) return false;
  const held = local.network.entries.get(fact, node.index, state.nowNs);
  return held !== undefined && held.ltime >= version.ltime;
}

function isKnownNetworkEvent(state: State, node: NodeState, event: NetworkEvent): boolean {
  const { owner, networkIndex, ltime } = event.attachment;
  if (node.networkClock <= ltime) return false;
  if (owner === node.index) return true;
  const { attachments } = state.networks[networkIndex]!;
  const held = attachments.get(event.fact, node.index, state.nowNs);
  return held !== undefined && held.ltime >= ltime;
}

function isKnownNodeEvent({ networkClock, peers }: NodeState, event: NodeEvent): boolean {
  if (networkClock <= event.ltime || peers.stateOf(event.node) === PeerState.unknown) return false;
  return peers.ltimeOf(event.node) >= event.ltime;
}
