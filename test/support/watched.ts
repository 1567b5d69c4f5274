/**
 * Ways of packets for tests: watches the first packet that a namespace sends and that a condition
 * lets through, from its OUTPUT hook on, and says its steps in one line each.
 */
import type { Namespace } from '../../net/namespace.ts';
import { Hook, Verdict } from '../../net/netfilter/hook.ts';
import type { Packet } from '../../net/packet.ts';
import { Way } from '../../net/way.ts';
import { headerBytesOf, IpProtocol, protocolOf } from '../../wire/ipv4.ts';
import { destinationPortOf, flagsOf, sourcePortOf, TcpFlag } from '../../wire/tcp.ts';

/** Before everything that Docker or the kernel registers. */
const FIRST_PRIORITY = -1000;

/** True for the packet to watch; `packet.start` is the IPv4 header. */
export type Chooses = (packet: Packet) => boolean;

/** Chooses TCP segments from a port. */
export const fromPort =
  (port: number): Chooses =>
  (packet) =>
    isTcp(packet) && sourcePortOf(packet.bytes, transportOf(packet)) === port;

/** Chooses the SYN that opens a TCP connection to a port. */
export const opens =
  (port: number): Chooses =>
  (packet) =>
    isTcp(packet) &&
    destinationPortOf(packet.bytes, transportOf(packet)) === port &&
    flagsOf(packet.bytes, transportOf(packet)) === TcpFlag.syn;

/** Watches the first packet sent by `namespace` that `chooses`; its way fills as it goes. */
export function watchFirst(namespace: Namespace, chooses: Chooses): Way {
  const way = new Way();
  let isFound = false;
  namespace.hooks.register(Hook.output, FIRST_PRIORITY, 'watch', (packet) => {
    if (isFound || !chooses(packet)) return Verdict.accept;
    isFound = true;
    packet.way = way;
    return Verdict.accept;
  });
  return way;
}

/** What the steps of a way say, without instants; `names` replaces texts that differ by run. */
export function linesOf(way: Way, names: ReadonlyMap<string, string> = new Map()): string[] {
  return way.steps.map(({ namespace, event, place, chain, detail }) => {
    const line = [namespace, event, place, chain, detail].filter((part) => part !== '').join(' ');
    return [...names].reduce((text, [from, to]) => text.replaceAll(from, to), line);
  });
}

function isTcp(packet: Packet): boolean {
  return protocolOf(packet.bytes, packet.start) === IpProtocol.tcp;
}

function transportOf({ bytes, start }: Packet): number {
  return start + headerBytesOf(bytes, start);
}
