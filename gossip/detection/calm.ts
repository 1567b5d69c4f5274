/**
 * Calm: nobody has anything to spread, nothing can be lost, and all but a few members run in health and
 * are held alive by all. A probe of one of the many by another does nothing then but count, and it can
 * be told from the members' rings when each of them will come to one of the few. Until then the sweep
 * of probe ticks rests (`sim/queue/rest.ts`), and what was skipped is made up for in one step a member.
 *
 * Whatever changes what a probe would meet ends the rest first (`Tickers.endRest`): what was skipped is
 * made up for then, and what is under way is known.
 */
import { Counter } from '../counters.ts';
import { Reason } from '../members/unrest.ts';
import { ackBytes, pingBytes, widerFrom } from '../message.ts';
import type { State } from '../state.ts';
import { mayShrinkPings } from '../transport/compression.ts';
import { framedBytesIn } from '../transport/packet.ts';
import { certainSpanNs } from './certain-probe.ts';

/** Calm is looked for anew after so many probe intervals. */
const TURNS_MAX = 32;
/** With more members that are no plain targets, to look for them takes as long as to probe. */
const HAZARDS_MAX = 12;
/** All members have one configuration. */
const ANYBODY = 0;
/** With these a member's probes and acks say something. */
const TELLING = Reason.broadcasts | Reason.delegate;

/** Begins to rest if the cluster is calm; at a turn of the sweep of probe ticks. */
export function restIfCalm(state: State): void {
  const { members, probeTickers, rings, underlay, unrest } = state;
  if (!state.passesProbes || !state.isAlike) return;
  if (!members.isOneToOne || !members.haveAlikeSizes || mayShrinkPings(state, ANYBODY)) return;
  const delayNs = underlay.plainDelayNsMaxOfAll;
  const spanNs = delayNs < 0 ? -1 : certainSpanNs(state.config, delayNs);
  if (spanNs < 0) return;
  if (unrest.listWith(TELLING, members.count, 0) === undefined) return;
  const hazards = unrest.listWith(~Reason.unhealthy, members.count, HAZARDS_MAX);
  if (hazards === undefined) return;
  probeTickers.rest(TURNS_MAX, spanNs, (member) =>
    unrest.of(member) === 0 ? rings.countBefore(member, hazards) : 0,
  );
}

/** Does at once what the member's next `count` probes would have done in the calm. */
export function skipProbes(state: State, member: number, count: number): void {
  const { config, counters, lateAcks, members, rings } = state;
  const firstSeqNo = state.seqNos[member]! + 1;
  const endSeqNo = firstSeqNo + count;
  let pingsBytes = 0;
  let acksBytes = 0;
  for (let seqNo = firstSeqNo; seqNo < endSeqNo; ) {
    const nextSeqNo = Math.min(endSeqNo, widerFrom(seqNo));
    const alikeCount = nextSeqNo - seqNo;
    // names and ports take the same room everywhere
    pingsBytes += alikeCount * framedBytesIn(config, pingBytes(members, member, member, seqNo));
    acksBytes += alikeCount * framedBytesIn(config, ackBytes(seqNo));
    seqNo = nextSeqNo;
  }
  counters.add(member, Counter.probes, count);
  counters.addPacket(member, pingsBytes, count);
  const { key, size, cursor } = rings.roundOf(member);
  lateAcks.add(key, size, cursor, firstSeqNo, count, acksBytes);
  state.seqNos[member] = endSeqNo - 1;
  rings.advance(member, count);
}
