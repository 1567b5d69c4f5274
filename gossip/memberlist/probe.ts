/**
 * Probes: a ping, then indirect pings and a TCP ping, then suspicion; and the answers to others'
 * probes (`probeNode`, `handlePing`, `handleIndirectPing`).
 */
import { NodeState } from '../../wire/memberlist/message.ts';
import type { Engine } from './engine.ts';
import type { Member, NodeRecord } from './member.ts';
import { nextProbeTarget, randomNodes } from './selection.ts';
import type { SimMessage } from './sim-message.ts';
import { applyAwareness, suspectNode } from './state-rules.ts';

const INDIRECT_PURPOSE = 0x2000_0000;
/** Sizes of the fallback ping and its answer on a stream. */
const STREAM_PING_BYTES = 80;
const STREAM_ACK_BYTES = 20;

/** A probe tick: probes the next node, or remembers the tick while a probe is under way. */
export function onProbeTick(engine: Engine, member: Member): void {
  if (member.isProbing) {
    member.hasPendingTick = true;
    return;
  }
  const record = nextProbeTarget(engine, member);
  if (record !== undefined) probe(engine, member, record);
}

interface Probe {
  readonly member: Member;
  readonly record: NodeRecord;
  readonly incarnation: number;
  readonly seqNo: number;
  isOver: boolean;
  expectedNacks: number;
  nacks: number;
  hasTcpAck: boolean;
}

function probe(engine: Engine, member: Member, record: NodeRecord): void {
  const { nowNs } = engine;
  const target = engine.members[record.subject]!;
  const deadlineNs = nowNs + member.config.probeIntervalNs * (member.score + 1);
  const seqNo = ++member.sequence;
  const state: Probe = {
    member,
    record,
    incarnation: record.incarnation,
    seqNo,
    isOver: false,
    expectedNacks: 0,
    nacks: 0,
    hasTcpAck: false,
  };
  member.isProbing = true;
  member.counters.probes++;
  member.ackHandlers.set(seqNo, {
    onAck: () => endProbe(engine, state, true),
    onNack: () => state.nacks++,
  });
  const ping: SimMessage = { type: 'ping', seqNo, to: record.subject, from: member.index };
  if (record.state === NodeState.suspect) {
    const { incarnation, subject } = record;
    const suspect = { type: 'suspect', incarnation, node: subject, from: member.index } as const;
    engine.sendPacket(member, target, [ping, suspect], engine.crcBytes);
  } else {
    engine.sendMessage(member, target, ping);
  }
  engine.at(member, nowNs + member.config.probeTimeoutNs, () => {
    if (!state.isOver) askOthers(engine, state, target, deadlineNs);
  });
  engine.at(member, deadlineNs, () => endProbe(engine, state, state.hasTcpAck));
}

function askOthers(engine: Engine, state: Probe, target: Member, deadlineNs: number): void {
  const { member, record, seqNo } = state;
  const { indirectChecks, disableTcpPings } = member.config;
  const draw = INDIRECT_PURPOSE + (seqNo & 0xfff_ffff);
  const others = randomNodes(
    engine,
    member,
    indirectChecks,
    draw,
    (other) =>
      other.subject === member.index ||
      other.subject === record.subject ||
      other.state !== NodeState.alive,
  );
  for (const other of others) {
    state.expectedNacks++;
    const message = {
      type: 'indirectPing',
      seqNo,
      target: record.subject,
      from: member.index,
    } as const;
    engine.sendMessage(member, engine.members[other.subject]!, message);
  }
  if (disableTcpPings) return;
  member.counters.streams++;
  engine.underlay.exchange(
    member.host,
    target.host,
    STREAM_PING_BYTES,
    deadlineNs,
    engine.nextDraw(member),
    {
      onRequest: () => {
        const listener = engine.atHost.get(target.host);
        const answers = listener === target && listener.process === 'running';
        return answers ? STREAM_ACK_BYTES : -1;
      },
      onReply: () => {
        state.hasTcpAck = true;
      },
      onFailure: () => {},
    },
  );
}

function endProbe(engine: Engine, state: Probe, isAnswered: boolean): void {
  if (state.isOver) return;
  state.isOver = true;
  const { member, record } = state;
  member.ackHandlers.delete(state.seqNo);
  if (isAnswered) applyAwareness(member, -1);
  else {
    member.counters.failedProbes++;
    const missing = state.expectedNacks - state.nacks;
    applyAwareness(member, state.expectedNacks === 0 ? 1 : Math.max(0, missing));
    suspectNode(engine, member, record.subject, state.incarnation, member.index);
  }
  member.isProbing = false;
  if (!member.hasPendingTick) return;
  member.hasPendingTick = false;
  onProbeTick(engine, member);
}

/** Answers a ping that is for this member. */
export function onPing(engine: Engine, member: Member, seqNo: number, to: number, from: number): void {
  if (to !== member.index) return;
  engine.sendMessage(member, engine.members[from]!, { type: 'ack', seqNo });
}

/** Pings somebody for somebody else. */
export function onIndirectPing(
  engine: Engine,
  member: Member,
  seqNo: number,
  target: number,
  from: number,
): void {
  const own = ++member.sequence;
  const requester = engine.members[from]!;
  let isAnswered = false;
  member.ackHandlers.set(own, {
    onAck: () => {
      isAnswered = true;
      member.ackHandlers.delete(own);
      engine.sendMessage(member, requester, { type: 'ack', seqNo });
    },
    onNack: undefined,
  });
  const ping = { type: 'ping', seqNo: own, to: target, from: member.index } as const;
  engine.sendMessage(member, engine.members[target]!, ping);
  engine.at(member, engine.nowNs + member.config.probeTimeoutNs, () => {
    member.ackHandlers.delete(own);
    if (!isAnswered) engine.sendMessage(member, requester, { type: 'nack', seqNo });
  });
}
