/**
 * Push/pull: two members exchange all that they know over a stream, periodically and at a join
 * (`pushPullNode`, `sendAndReceiveState`, `mergeRemoteState`).
 *
 * The responder answers before it merges; the initiator merges when the answer is there.
 */
import { NodeState, sizeOfNodeState } from '../../wire/memberlist/message.ts';
import type { OnResult, UserMessage } from '../networkdb/carrier.ts';
import type { Engine } from './engine.ts';
import { pushPullScaleNs } from './formulas.ts';
import { type Member, nodeCountOf } from './member.ts';
import { randomNodes } from './selection.ts';
import { aliveOf } from './sim-message.ts';
import { mergeState, type RemoteState } from './state-rules.ts';

const PUSH_PULL_PURPOSE = 0x6000_0000;
const HEADER_BYTES = 40;

interface Snapshot {
  readonly nodes: readonly RemoteState[];
  readonly userState: UserMessage | undefined;
  readonly sizeBytes: number;
}

/** Arms the periodic push/pull: a stagger once, then the scaled interval again and again. */
export function startPushPull(engine: Engine, member: Member): void {
  const { pushPullIntervalNs } = member.config;
  if (pushPullIntervalNs === 0) return;
  const staggerNs = engine.drawAt(member, pushPullIntervalNs, PUSH_PULL_PURPOSE, 0);
  engine.at(member, engine.nowNs + staggerNs, () => armNext(engine, member, 1));
}

function armNext(engine: Engine, member: Member, round: number): void {
  const spanNs = pushPullScaleNs(member.config.pushPullIntervalNs, nodeCountOf(member));
  engine.at(member, engine.nowNs + spanNs, () => {
    const [target] = randomNodes(
      engine,
      member,
      1,
      PUSH_PULL_PURPOSE + round,
      (record) => record.subject === member.index || record.state !== NodeState.alive,
    );
    const next = () => armNext(engine, member, round + 1);
    if (target === undefined) next();
    else pushPull(engine, member, engine.members[target.subject]!.host, false, next);
  });
}

/** Exchanges state with whoever listens at a host. */
export function pushPull(
  engine: Engine,
  member: Member,
  host: number,
  isJoin: boolean,
  onResult: OnResult,
): void {
  const own = snapshotOf(engine, member, isJoin);
  const deadlineNs = engine.nowNs + member.config.tcpTimeoutNs;
  let remote: { readonly from: number; readonly state: Snapshot } | undefined;
  let isSettled = false;
  const settle = (isOk: boolean) => {
    if (isSettled) return;
    isSettled = true;
    engine.run(member, () => {
      if (isOk && remote !== undefined) merge(engine, member, remote.from, remote.state, isJoin);
      onResult(isOk, engine.nowNs);
    });
  };
  member.counters.streams++;
  member.counters.streamBytes += own.sizeBytes;
  engine.underlay.exchange(
    member.host,
    host,
    own.sizeBytes,
    deadlineNs,
    engine.nextDraw(member),
    {
      onRequest: () => {
        const responder = engine.atHost.get(host);
        if (responder === undefined || responder.process !== 'running') return -1;
        const state = snapshotOf(engine, responder, isJoin);
        remote = { from: responder.index, state };
        responder.counters.streamBytes += state.sizeBytes;
        merge(engine, responder, member.index, own, isJoin);
        return state.sizeBytes;
      },
      onReply: () => settle(true),
      onFailure: () => settle(false),
    },
  );
  engine.world.queue.scheduleCallback(deadlineNs, () => settle(false));
}

function snapshotOf(engine: Engine, member: Member, isJoin: boolean): Snapshot {
  const userState = engine.delegate?.localState(member.index, isJoin);
  let sizeBytes = HEADER_BYTES + (userState?.sizeBytes ?? 0);
  const nodes = member.nodes.map(({ subject, state, incarnation }) => {
    const { node: name, ...alive } = aliveOf(engine.members[subject]!, incarnation, false);
    sizeBytes += sizeOfNodeState({ ...alive, name, state });
    return { subject, state, incarnation };
  });
  return { nodes, userState, sizeBytes };
}

function merge(
  engine: Engine,
  member: Member,
  from: number,
  state: Snapshot,
  isJoin: boolean,
): void {
  mergeState(engine, member, state.nodes);
  if (state.userState !== undefined) {
    engine.delegate?.mergeRemoteState(member.index, from, state.userState, isJoin);
  }
}
