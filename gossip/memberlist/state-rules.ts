/**
 * The rules by which a member changes its mind about another: alive, suspect, dead, refutation and
 * the merge of a push/pull (`state.go`: `aliveNode`, `suspectNode`, `deadNode`, `refute`,
 * `mergeState`).
 */
import { NodeState } from '../../wire/memberlist/message.ts';
import { type Engine, MembershipObserved } from './engine.ts';
import { remainingSuspicionNs, suspicionTimeoutNs } from './formulas.ts';
import { armGossip } from './gossip-tick.ts';
import { type Member, type NodeRecord, nodeCountOf } from './member.ts';
import { type SimMessage, sizeOfSim } from './sim-message.ts';

/** A push/pull's word on one node. */
export interface RemoteState {
  readonly subject: number;
  readonly state: NodeState;
  readonly incarnation: number;
}

/** Queues a broadcast under the name of the node that it is about. */
export function broadcast(
  engine: Engine,
  member: Member,
  name: string,
  message: SimMessage,
  onFinished?: () => void,
): void {
  member.queue.add(name, message, sizeOfSim(message, engine.members), onFinished);
  armGossip(engine, member);
}

/** `aliveNode`. */
export function aliveNode(
  engine: Engine,
  member: Member,
  subject: number,
  incarnation: number,
  isBootstrap: boolean,
): void {
  const isSelf = subject === member.index;
  if (isSelf && member.isLeaving) return;
  const record = member.bySubject.get(subject) ?? insert(engine, member, subject);
  if (!isSelf && incarnation <= record.incarnation) return;
  if (isSelf && incarnation < record.incarnation) return;
  record.suspicion = undefined;
  if (isSelf && !isBootstrap) {
    if (incarnation !== record.incarnation) refute(engine, member, record, incarnation);
    return;
  }
  const message = { type: 'alive', incarnation, node: subject, isOwn: isSelf } as const;
  broadcast(engine, member, nameOf(engine, subject), message);
  const old = record.state;
  record.incarnation = incarnation;
  record.state = NodeState.alive;
  if (old !== NodeState.alive) record.stateChangeNs = engine.nowNs;
  if (old === NodeState.dead || old === NodeState.left) {
    engine.world.observe(MembershipObserved.alive, member.index, subject, incarnation);
    engine.delegate?.notifyJoin(member.index, subject);
  }
}

/** `suspectNode`. */
export function suspectNode(
  engine: Engine,
  member: Member,
  subject: number,
  incarnation: number,
  from: number,
): void {
  const record = member.bySubject.get(subject);
  if (record === undefined || incarnation < record.incarnation) return;
  const message = { type: 'suspect', incarnation, node: subject, from } as const;
  if (record.suspicion !== undefined) {
    if (confirm(engine, member, record, from)) {
      broadcast(engine, member, nameOf(engine, subject), message);
    }
    return;
  }
  if (record.state !== NodeState.alive) return;
  if (subject === member.index) {
    refute(engine, member, record, incarnation);
    return;
  }
  broadcast(engine, member, nameOf(engine, subject), message);
  record.incarnation = incarnation;
  record.state = NodeState.suspect;
  record.stateChangeNs = engine.nowNs;
  engine.world.observe(MembershipObserved.suspect, member.index, subject, incarnation);
  startSuspicion(engine, member, record, from);
}

/** `deadNode`. */
export function deadNode(
  engine: Engine,
  member: Member,
  subject: number,
  incarnation: number,
  from: number,
  onFinished?: () => void,
): void {
  const record = member.bySubject.get(subject);
  if (record === undefined || incarnation < record.incarnation) return;
  record.suspicion = undefined;
  if (record.state === NodeState.dead || record.state === NodeState.left) return;
  const message = { type: 'dead', incarnation, node: subject, from } as const;
  if (subject === member.index) {
    if (!member.isLeaving) {
      refute(engine, member, record, incarnation);
      return;
    }
    broadcast(engine, member, nameOf(engine, subject), message, onFinished);
  } else {
    broadcast(engine, member, nameOf(engine, subject), message);
  }
  record.incarnation = incarnation;
  record.state = from === subject ? NodeState.left : NodeState.dead;
  record.stateChangeNs = engine.nowNs;
  const { dead, left } = MembershipObserved;
  const kind = record.state === NodeState.left ? left : dead;
  engine.world.observe(kind, member.index, subject, incarnation);
  engine.delegate?.notifyLeave(member.index, subject);
}

/** `mergeState`: a dead node of the other side is only suspected here. */
export function mergeState(engine: Engine, member: Member, remote: readonly RemoteState[]): void {
  for (const { subject, state, incarnation } of remote) {
    switch (state) {
      case NodeState.alive:
        aliveNode(engine, member, subject, incarnation, false);
        break;
      case NodeState.left:
        deadNode(engine, member, subject, incarnation, subject);
        break;
      default:
        suspectNode(engine, member, subject, incarnation, member.index);
    }
  }
}

/** Changes the awareness score (`ApplyDelta`). */
export function applyAwareness(member: Member, delta: number): void {
  const max = member.config.awarenessMaxMultiplier - 1;
  member.score = Math.max(0, Math.min(max, member.score + delta));
}

function nameOf(engine: Engine, subject: number): string {
  return engine.members[subject]!.name;
}

/** A new node takes a random place, whose holder goes to the end. */
function insert(engine: Engine, member: Member, subject: number): NodeRecord {
  const record: NodeRecord = {
    subject,
    state: NodeState.dead,
    incarnation: 0,
    stateChangeNs: engine.nowNs,
    suspicion: undefined,
  };
  const count = member.nodes.length;
  const place = count === 0 ? 0 : engine.drawBelow(member, count);
  member.nodes.push(record);
  member.nodes[count] = member.nodes[place]!;
  member.nodes[place] = record;
  member.bySubject.set(subject, record);
  return record;
}

/** `refute`: a higher incarnation, queued under the own address. */
function refute(engine: Engine, member: Member, record: NodeRecord, accused: number): void {
  let incarnation = ++member.incarnation;
  if (accused >= incarnation) {
    member.incarnation += accused - incarnation + 1;
    incarnation = member.incarnation;
  }
  record.incarnation = incarnation;
  applyAwareness(member, 1);
  member.counters.refutations++;
  engine.world.observe(MembershipObserved.refute, member.index, member.index, incarnation);
  const message = { type: 'alive', incarnation, node: member.index, isOwn: true } as const;
  broadcast(engine, member, `address ${member.address}`, message);
}

function startSuspicion(engine: Engine, member: Member, record: NodeRecord, from: number): void {
  const { config } = member;
  const count = nodeCountOf(member);
  let expected = config.suspicionMult - 2;
  if (count - 2 < expected) expected = 0;
  const minNs = suspicionTimeoutNs(config.suspicionMult, count, config.probeIntervalNs);
  const maxNs = config.suspicionMaxTimeoutMult * minNs;
  record.suspicion = {
    startNs: engine.nowNs,
    expected,
    minNs,
    maxNs,
    confirmations: new Set(),
    firstFrom: from,
    generation: 0,
  };
  armSuspicion(engine, member, record, engine.nowNs + (expected < 1 ? minNs : maxNs));
}

/** Counts another accuser; true when it was a new one and still counted. */
function confirm(engine: Engine, member: Member, record: NodeRecord, from: number): boolean {
  const suspicion = record.suspicion!;
  if (suspicion.confirmations.size >= suspicion.expected) return false;
  if (from === suspicion.firstFrom || suspicion.confirmations.has(from)) return false;
  suspicion.confirmations.add(from);
  const leftNs = remainingSuspicionNs(
    suspicion.confirmations.size,
    suspicion.expected,
    engine.nowNs - suspicion.startNs,
    suspicion.minNs,
    suspicion.maxNs,
  );
  suspicion.generation++;
  armSuspicion(engine, member, record, engine.nowNs + Math.max(0, Math.round(leftNs)));
  return true;
}

function armSuspicion(engine: Engine, member: Member, record: NodeRecord, atNs: number): void {
  const suspicion = record.suspicion!;
  const { generation } = suspicion;
  engine.at(member, Math.round(atNs), () => {
    if (record.suspicion !== suspicion || suspicion.generation !== generation) return;
    if (record.state !== NodeState.suspect) return;
    deadNode(engine, member, record.subject, record.incarnation, member.index);
  });
}
