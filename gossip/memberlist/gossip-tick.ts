/**
 * The gossip tick: what is queued goes to random nodes, the recently dead included (`gossip`).
 *
 * A tick with nothing queued does nothing but draw, and draws are keyed by the tick; so it is not an
 * event: a member's next tick is armed when something is queued, at its phase. With
 * `--no-shortcuts` every tick is an event and finds the same.
 */
import { NodeState } from '../../wire/memberlist/message.ts';
import type { Engine } from './engine.ts';
import type { Member } from './member.ts';
import { randomNodes } from './selection.ts';

const COMPOUND_BYTES = 2;
const PART_BYTES = 2;
const GOSSIP_PURPOSE = 0x4000_0000;

/** Arms the member's next gossip tick, unless it is armed. */
export function armGossip(engine: Engine, member: Member): void {
  if (member.isGossipArmed || member.process === 'gone') return;
  member.isGossipArmed = true;
  const { gossipIntervalNs } = member.config;
  const elapsed = engine.nowNs - member.startedAtNs;
  const tick = Math.floor(elapsed / gossipIntervalNs) + 1;
  engine.at(member, member.startedAtNs + tick * gossipIntervalNs, () => {
    member.isGossipArmed = false;
    gossip(engine, member, tick);
  });
}

function gossip(engine: Engine, member: Member, tick: number): void {
  const { config } = member;
  const { nowNs } = engine;
  const targets = randomNodes(engine, member, config.gossipNodes, GOSSIP_PURPOSE + tick, (record) => {
    if (record.subject === member.index || record.state === NodeState.left) return true;
    if (record.state !== NodeState.dead) return false;
    return nowNs - record.stateChangeNs > config.gossipToTheDeadTimeNs;
  });
  const roomBytes = config.udpBufferBytes - COMPOUND_BYTES - config.encryptOverheadBytes;
  let isDrained = false;
  for (const target of targets) {
    const messages = engine.broadcastsFor(member, PART_BYTES, roomBytes);
    if (messages.length === 0) {
      isDrained = true;
      break;
    }
    engine.sendPacket(member, engine.members[target.subject]!, messages, engine.crcBytes);
  }
  if (!isDrained && targets.length > 0) armGossip(engine, member);
  else if (targets.length === 0 && member.queue.count > 0) armGossip(engine, member);
}
