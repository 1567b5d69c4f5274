/**
 * Who is next: the probe ring with its reshuffle, and random picks with exclusions (`state.go`,
 * `util.go`: `resetNodes`, `shuffleNodes`, `kRandomNodes`).
 */
import { NodeState } from '../../wire/memberlist/message.ts';
import type { Engine } from './engine.ts';
import type { Member, NodeRecord } from './member.ts';

/** The next node to probe; `undefined` when the tick is lost. */
export function nextProbeTarget(engine: Engine, member: Member): NodeRecord | undefined {
  let checked = 0;
  for (;;) {
    if (checked >= member.nodes.length) return undefined;
    if (member.probeIndex >= member.nodes.length) {
      resetNodes(engine, member);
      member.probeIndex = 0;
      checked++;
      continue;
    }
    const record = member.nodes[member.probeIndex++]!;
    const isSkipped =
      record.subject === member.index ||
      record.state === NodeState.dead ||
      record.state === NodeState.left;
    if (!isSkipped) return record;
    checked++;
  }
}

/** Up to `count` different nodes that are not excluded; at most 3n draws. */
export function randomNodes(
  engine: Engine,
  member: Member,
  count: number,
  a: number,
  isExcluded: (record: NodeRecord) => boolean,
): NodeRecord[] {
  const picked: NodeRecord[] = [];
  const total = member.nodes.length;
  for (let i = 0; i < 3 * total && picked.length < count; i++) {
    const record = member.nodes[engine.drawAt(member, total, a, i)]!;
    if (!isExcluded(record) && !picked.includes(record)) picked.push(record);
  }
  return picked;
}

/** Prunes those that are dead for long, and shuffles. */
function resetNodes(engine: Engine, member: Member): void {
  const deadlineNs = engine.nowNs - member.config.gossipToTheDeadTimeNs;
  const isOld = (record: NodeRecord) =>
    (record.state === NodeState.dead || record.state === NodeState.left) &&
    record.stateChangeNs < deadlineNs;
  for (const record of member.nodes.filter(isOld)) member.bySubject.delete(record.subject);
  const kept = member.nodes.filter((record) => !isOld(record));
  for (let i = kept.length - 1; i > 0; i--) {
    const j = engine.drawBelow(member, i + 1);
    const swapped = kept[i]!;
    kept[i] = kept[j]!;
    kept[j] = swapped;
  }
  member.nodes.length = 0;
  member.nodes.push(...kept);
}
