/**
 * Random members of a node list (memberlist v0.4.0 `util.go` `kRandomNodes`): up to 3·n draws of a
 * uniform entry of the list, skipping the excluded and those already chosen, so that in a small or
 * mostly excluded list fewer than k come out. memberlist 0.6.0 shuffles a list of fewer than 3k
 * entries instead, and misses none.
 *
 * The draw is made among all members, and repeated for those that are not in the list: equal in
 * distribution, without a list.
 */
import { type DrawKey, drawBelow } from '../../sim/chance.ts';
import { emptied } from '../scratch.ts';
import { MemberState } from './entries.ts';
import type { Members } from './members.ts';
import type { Rings } from './rings.ts';
import type { Views } from './views.ts';

/** What a choice is for, which says who is excluded besides the chooser. */
export const Purpose = { gossip: 0, indirect: 1, pushPull: 2 } as const;
/** See {@link Purpose}. */
export type Purpose = (typeof Purpose)[keyof typeof Purpose];

/** One choice. */
export interface Choice {
  readonly purpose: Purpose;
  readonly key: DrawKey;
  /** The choice's own coordinate, such as the number of the tick. */
  readonly coordinate: number;
  /** Whether a small list is looked through, as memberlist 0.6.0 does. */
  readonly isExhaustive: boolean;
  /** Another excluded member, or -1. */
  readonly target: number;
  /** Dead members whose state changed before this instant are no gossip targets, ns. */
  readonly deadBeforeNs: number;
}

/** Draws among all members before those of the list are collected instead. */
export const SPARSE_RATIO = 16;

/** Fills `chosen` with up to `k` members of the list; returns how many. */
export function chooseRandom(
  parts: { readonly members: Members; readonly views: Views; readonly rings: Rings },
  member: number,
  k: number,
  choice: Choice,
  chosen: number[],
): number {
  const { members, views, rings } = parts;
  const n = views.knownCountOf(member);
  const isSparse = n * SPARSE_RATIO < members.count;
  const list = rings.firstListOf(member) ?? (isSparse ? rings.listOf(member) : undefined);
  const bound = list?.length ?? members.count;
  emptied(chosen);
  if (choice.isExhaustive && n < 3 * k) {
    chooseFromShuffled(views, rings.listOf(member), member, k, choice, chosen);
    return chosen.length;
  }
  let draw = 0;
  for (let attempt = 0; attempt < 3 * n && chosen.length < k; draw++) {
    const index = drawBelow(choice.key, bound, member, choice.coordinate, draw);
    const candidate = list === undefined ? index : list[index]!;
    const state = views.stateOf(member, candidate);
    if (state === MemberState.unknown) continue;
    attempt++;
    if (isExcluded(views, member, candidate, state, choice)) continue;
    if (!chosen.includes(candidate)) chosen.push(candidate);
  }
  return chosen.length;
}

/** The first of a shuffled list that are not excluded. */
function chooseFromShuffled(
  views: Views,
  list: number[],
  member: number,
  k: number,
  choice: Choice,
  chosen: number[],
): void {
  for (let i = 0; i < list.length && chosen.length < k; i++) {
    const j = i + drawBelow(choice.key, list.length - i, member, choice.coordinate, i);
    const candidate = list[j]!;
    list[j] = list[i]!;
    const state = views.stateOf(member, candidate);
    if (!isExcluded(views, member, candidate, state, choice)) chosen.push(candidate);
  }
}

function isExcluded(
  views: Views,
  member: number,
  candidate: number,
  state: MemberState,
  choice: Choice,
): boolean {
  if (candidate === member || candidate === choice.target) return true;
  if (choice.purpose !== Purpose.gossip) return state !== MemberState.alive;
  if (state === MemberState.dead) {
    return views.changedAtNsOf(member, candidate) < choice.deadBeforeNs;
  }
  return state === MemberState.left;
}
