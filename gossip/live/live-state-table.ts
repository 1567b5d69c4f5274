/**
 * How a live member takes what it hears of nodes: alive, suspect, dead, left (memberlist `state.go`
 * `aliveNode`, `suspectNode`, `deadNode`, `refute`; `suspicion.go`).
 */
import { NO_EVENT } from '../../sim/event-queue.ts';
import type { ObservationKind } from '../../sim/observations.ts';
import {
  type Alive,
  type Dead,
  MessageType,
  NodeState,
  type Suspect,
} from '../../wire/memberlist/message.ts';
import { SerfStatus } from '../../wire/serf/message.ts';
import { META_MAX_SIZE } from '../constants.ts';
import {
  expectedConfirmations,
  remainingSuspicionTimeNs,
  suspicionTimeoutNs,
} from '../formulas.ts';
import { Observed } from '../observed.ts';
import { isBadVsn, NO_VERSIONS } from '../protocol-versions.ts';
import {
  addressOfWire,
  addToScore,
  drawLive,
  type LiveAddress,
  type LiveContext,
  type LiveMember,
  type LiveNode,
  type LiveSuspicion,
  later,
  portOf,
  wireAddressOf,
} from './live-member.ts';
import { spread, spreadRefutation } from './live-packet.ts';
import { recallGone } from './serf/gone.ts';
import { onNodeJoin, onNodeLeave } from './serf/intents.ts';
import { resolveNameConflict } from './serf/name-conflicts.ts';

/** Versions are six bytes; upstream takes more, too. */
const VSN_BYTES = 6;

/** A node is said to be alive; `bootstrap` when the member says so of itself. */
export function aliveNode(
  context: LiveContext,
  member: LiveMember,
  message: Alive,
  bootstrap = false,
): void {
  const isSelf = message.node === member.name;
  if (isSelf && member.hasLeft) return;
  if (isBadVsn(message.vsn)) return;
  const address = addressOfWire(message.addr);
  if (address === undefined) return;
  if ((message.meta?.length ?? 0) > META_MAX_SIZE) return;
  if ((message.vsn?.length ?? 0) > VSN_BYTES) return;
  const { nowNs } = context.world;
  const port = portOf(member, message.port);
  const node =
    member.nodes.get(message.node) ?? insertNode(context, member, message, { address, port });
  if (node === undefined) return;
  let isReclaimed = false;
  if (node.address !== address || node.port !== port) {
    const { deadNodeReclaimTimeNs: reclaimNs } = member.config;
    const isOldDead = node.state === NodeState.dead && nowNs - node.changedAtNs > reclaimNs;
    isReclaimed = node.state === NodeState.left || (reclaimNs > 0 && isOldDead);
    if (!isReclaimed) {
      observe(context, Observed.conflict, member, node);
      if (isSelf) resolveNameConflict(context, member);
      return;
    }
  }
  if (message.incarnation <= node.incarnation && !isSelf && !isReclaimed) return;
  if (message.incarnation < node.incarnation && isSelf) return;
  removeSuspicion(context, node);
  if (isSelf && !bootstrap) {
    const isSame = isSameSlice(message.meta, node.meta) && isSameSlice(message.vsn, node.vsn);
    if (message.incarnation !== node.incarnation || !isSame)
      refute(context, member, message.incarnation);
    return;
  }
  spread(member, node, message);
  const before = node.state;
  node.incarnation = message.incarnation;
  node.meta = message.meta;
  node.address = address;
  node.port = port;
  node.vsn = vsnOf(message, node.vsn);
  if (before === NodeState.alive) return;
  node.state = NodeState.alive;
  node.changedAtNs = nowNs;
  const wasGone = before === NodeState.dead || before === NodeState.left;
  if (wasGone) onNodeJoin(member, node);
  observe(context, wasGone ? Observed.alive : Observed.trusted, member, node);
}

/** A node is suspected by `message.from`. */
export function suspectNode(context: LiveContext, member: LiveMember, message: Suspect): void {
  const node = member.nodes.get(message.node);
  if (node === undefined || message.incarnation < node.incarnation) return;
  if (node.suspicion !== undefined) {
    if (confirm(context, member, node, message.from)) spread(member, node, message);
    return;
  }
  if (node.state !== NodeState.alive) return;
  if (node.name === member.name) {
    refute(context, member, message.incarnation);
    return;
  }
  spread(member, node, message);
  node.incarnation = message.incarnation;
  node.state = NodeState.suspect;
  node.changedAtNs = context.world.nowNs;
  startSuspicion(context, member, node, message.from);
  observe(context, Observed.suspect, member, node);
}

/** A node is dead, or has left when it says so itself; `onFinished` once that has been spread. */
export function deadNode(
  context: LiveContext,
  member: LiveMember,
  message: Dead,
  onFinished?: () => void,
): void {
  const node = member.nodes.get(message.node);
  if (node === undefined || message.incarnation < node.incarnation) return;
  removeSuspicion(context, node);
  if (node.state === NodeState.dead || node.state === NodeState.left) return;
  if (node.name === member.name && !member.hasLeft) {
    refute(context, member, message.incarnation);
    return;
  }
  spread(member, node, message, onFinished);
  onNodeLeave(node);
  const hasLeft = message.from === message.node;
  node.incarnation = message.incarnation;
  node.state = hasLeft ? NodeState.left : NodeState.dead;
  node.changedAtNs = context.world.nowNs;
  observe(context, hasLeft ? Observed.left : Observed.dead, member, node);
}

/** The versions that a message tells, or those before; upstream crashes on one to five bytes. */
function vsnOf({ vsn }: Alive, before: Uint8Array): Uint8Array {
  return vsn?.length === VSN_BYTES ? vsn : before;
}

/** What the member says of itself. */
export function aliveOf(member: LiveMember, incarnation: number): Alive {
  const { name, address, port, meta, vsn } = member;
  const addr = wireAddressOf(address);
  return { type: MessageType.alive, node: name, addr, port, meta, vsn, incarnation };
}

/** What a member has read of another that has just started: go-msgpack 0.5 reads nil for empty. */
export function heardOf(member: LiveMember, other: LiveMember): Alive {
  const alive = aliveOf(other, 1);
  const isNil = alive.meta?.length === 0 && member !== other;
  return isNil && member.config.memberlist.codec === '0.5' ? { ...alive, meta: undefined } : alive;
}

function refute(context: LiveContext, member: LiveMember, accused: number): void {
  // numbers of 32 bits, which begin anew
  member.incarnation = (Math.max(member.incarnation, accused) + 1) >>> 0;
  const self = member.nodes.get(member.name)!;
  self.incarnation = member.incarnation;
  addToScore(member, 1);
  spreadRefutation(member, aliveOf(member, member.incarnation));
  observe(context, Observed.refute, member, self);
}

/**
 * A new node is put at a drawn place of the ring, whose node goes to the end; `undefined` when there
 * is no room for it.
 */
function insertNode(
  context: LiveContext,
  member: LiveMember,
  message: Alive,
  at: LiveAddress,
): LiveNode | undefined {
  const held = context.names.acquire(message.node);
  if (held === undefined) {
    context.counters.nodesRefused++;
    return undefined;
  }
  const node: LiveNode = {
    name: held.text,
    held,
    address: at.address,
    port: at.port,
    meta: message.meta,
    vsn: vsnOf(message, NO_VERSIONS),
    incarnation: 0,
    state: NodeState.dead,
    changedAtNs: 0,
    suspicion: undefined,
    serfStatus: SerfStatus.none,
    statusTime: 0,
  };
  const { list } = member;
  recallGone(context, member, node);
  member.nodes.set(node.name, node);
  const position = list.length === 0 ? 0 : drawLive(context, list.length);
  const displaced = list[position];
  list[position] = node;
  if (displaced !== undefined) list.push(displaced);
  return node;
}

function startSuspicion(
  context: LiveContext,
  member: LiveMember,
  node: LiveNode,
  from: string,
): void {
  const { suspicionMult, suspicionMaxTimeoutMult, probeIntervalNs } = member.config;
  const n = member.list.length;
  const k = expectedConfirmations(suspicionMult, n);
  const minNs = suspicionTimeoutNs(suspicionMult, n, probeIntervalNs);
  const maxNs = suspicionMaxTimeoutMult * minNs;
  const { nowNs } = context.world;
  const accusers = new Set([from]);
  const suspicion = { k, minNs, maxNs, startedAtNs: nowNs, accusers, handle: NO_EVENT };
  node.suspicion = suspicion;
  armSuspicion(context, member, node, suspicion, nowNs + (k < 1 ? minNs : maxNs));
}

/** True when the accuser is new and was expected. */
function confirm(context: LiveContext, member: LiveMember, node: LiveNode, from: string): boolean {
  const suspicion = node.suspicion!;
  const { k, accusers, minNs, maxNs, startedAtNs } = suspicion;
  if (accusers.size > k || accusers.has(from)) return false;
  const c = accusers.size;
  accusers.add(from);
  const { nowNs, queue } = context.world;
  const leftNs = remainingSuspicionTimeNs(c, k, nowNs - startedAtNs, minNs, maxNs);
  queue.cancel(suspicion.handle);
  armSuspicion(context, member, node, suspicion, nowNs + Math.max(0, leftNs));
  return true;
}

function armSuspicion(
  context: LiveContext,
  member: LiveMember,
  node: LiveNode,
  suspicion: LiveSuspicion,
  atNs: number,
): void {
  suspicion.handle = later(context, member, atNs, () => {
    if (node.suspicion !== suspicion) return;
    node.suspicion = undefined;
    if (node.state !== NodeState.suspect) return;
    const { name, incarnation } = node;
    deadNode(context, member, {
      type: MessageType.dead,
      node: name,
      from: member.name,
      incarnation,
    });
  });
}

function removeSuspicion(context: LiveContext, node: LiveNode): void {
  if (node.suspicion === undefined) return;
  context.world.queue.cancel(node.suspicion.handle);
  node.suspicion = undefined;
}

function observe(
  context: LiveContext,
  kind: ObservationKind,
  member: LiveMember,
  node: LiveNode,
): void {
  const { held, incarnation, name } = node;
  context.world.observe(kind, member.index, held.number, incarnation, name);
}

function isSameSlice(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  const [left, right] = [a ?? new Uint8Array(0), b ?? new Uint8Array(0)];
  return left.length === right.length && left.every((byte, i) => byte === right[i]);
}
