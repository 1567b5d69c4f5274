/**
 * From ways to packets: an answer that was forked from a way (a RST, an ICMP error, an echo reply)
 * is a packet of its own, a flooded copy that nothing became of is none, and a packet that went as
 * an earlier one did says so.
 */
import type { Way, WayStep } from '../../net/way.ts';
import type { PacketFate, PacketWalk } from './explanation.ts';
import { hostOfNamespace, placeOfNamespace } from './namespace-names.ts';

/** The packets of some ways, in the order of their first step. */
export function packetWalksOf(
  ways: readonly Way[],
  names: Readonly<Record<string, string>>,
): PacketWalk[] {
  const all = ways.flatMap((way) => walksOfWay(way, names));
  const walks = all.filter((walk) => !isFloodedElsewhere(walk, all));
  walks.sort((a, b) => a.sentAtNs - b.sentAtNs);
  const first = new Map<string, number>();
  return walks.map((walk, index) => {
    const route = routeKey(walk);
    const sameAs = first.get(route);
    if (sameAs === undefined) first.set(route, index);
    return { ...walk, sameAs };
  });
}

/** A flooded frame that a bridge gave to others too, one of which it was for. */
function isFloodedElsewhere(walk: PacketWalk, all: readonly PacketWalk[]): boolean {
  if (walk.reason !== 'for another host') return false;
  const [first] = walk.steps;
  return all.some((other) => {
    const [start] = other.steps;
    return other !== walk && start!.atNs === first!.atNs && start!.detail === first!.detail;
  });
}

/** Copies of a flooded frame end where nobody wants them; that is no loss. */
function isIdleCopy(way: Way, steps: readonly WayStep[]): boolean {
  if (way.inheritedCount === 0 || steps.at(-1)?.event === 'deliver') return false;
  // the one that it was for routes it, even to refuse it
  const received = steps.findLastIndex(({ event }) => event === 'receive');
  return !steps.slice(received + 1).some(({ event }) => event === 'route');
}

function walksOfWay(way: Way, names: Readonly<Record<string, string>>): PacketWalk[] {
  const { steps } = way;
  const cuts = [0];
  for (let i = 1; i < steps.length; i++) {
    // a tunnel sends the same packet in another
    if (steps[i]!.event === 'send' && steps[i - 1]!.event !== 'encapsulate') cuts.push(i);
  }
  const walks: PacketWalk[] = [];
  cuts.forEach((from, part) => {
    const to = cuts[part + 1] ?? steps.length;
    if (to <= way.inheritedCount) return; // the way that it was forked from tells it
    const own = steps.slice(from, to);
    if (from < way.inheritedCount && isIdleCopy(way, own)) return;
    // what a fork was called last is its own packet, what a way was called is its first
    const isTitled = way.inheritedCount > 0 ? to === steps.length : part === 0;
    if (own.length > 0) walks.push(walkOf(own, isTitled ? way.title : '', names));
  });
  return walks;
}

function walkOf(
  steps: readonly WayStep[],
  title: string,
  names: Readonly<Record<string, string>>,
): PacketWalk {
  const last = steps.at(-1)!;
  const hosts: string[] = [];
  for (const { namespace } of steps) {
    const host = hostOfNamespace(namespace);
    if (hosts.at(-1) !== host) hosts.push(host);
  }
  const fate: PacketFate =
    last.event === 'deliver' ? 'delivered' : last.event === 'drop' ? 'dropped' : 'unfinished';
  const where = placeOfNamespace(last.namespace, names);
  const at = [last.place, last.chain].filter((word) => word !== '').join(' ');
  return {
    title: titleOf(steps[0]!.detail, title),
    sentAtNs: steps[0]!.atNs,
    endedAtNs: last.atNs,
    hosts,
    fate,
    place: fate === 'delivered' || at === '' ? where : `${where}, ${at}`,
    reason: fate === 'dropped' ? last.detail : '',
    sameAs: undefined,
    steps,
  };
}

/** The title, or the protocol of `ICMP 10.0.0.1 > 10.0.0.2`; an ICMP error inherits no title. */
function titleOf(send: string, title: string): string {
  if (send === 'tcp-reset') return 'RST';
  return title === '' || send.startsWith('ICMP') ? (send.split(' ')[0] ?? '') : title;
}

/** Equal for packets that came by the same devices and rewrites to the same end. */
function routeKey(walk: PacketWalk): string {
  const steps = walk.steps
    .filter(({ event }) => event !== 'rule' && event !== 'hook' && event !== 'schedule')
    .map(({ namespace, event, place, detail }) => `${namespace} ${event} ${place} ${detail}`);
  return steps.join('\n').replaceAll(/(UDP [\d.]+):\d+/g, '$1');
}
