/**
 * The management counters of a namespace by the names of Linux 6.1: what `/proc/net/snmp`, `snmp6` and
 * `netstat` hold, and `nstat` and `netstat -s` read.
 *
 * Counters of what is not simulated (SACK, timestamps, fast open, memory pressure, MPTCP) stay 0, as
 * they would where it does not happen. Mirrors net/ipv4/proc.c and net/ipv6/proc.c.
 */
import { IcmpType } from '../../wire/icmp.ts';
import { Icmpv6Type } from '../../wire/ipv6/icmpv6.ts';
import type { IpCounters } from '../ip/ip-counters.ts';
import type { Namespace } from '../namespace.ts';
import type { UdpCounters } from '../socket/counters.ts';
import { TcpState } from '../socket/tcp/state.ts';
import { TCP_EXTENSION_NAMES } from './tcp-extension-names.ts';

/** A line of names and one of values (`Ip: Forwarding …`). */
export interface MibGroup {
  readonly name: string;
  readonly values: readonly (readonly [name: string, value: number])[];
}

/** The groups of `/proc/net/snmp`. */
export function snmpOf(namespace: Namespace): MibGroup[] {
  const { sockets } = namespace;
  const udp = udpValues(sockets.counters.udp.ipv4);
  const none = udp.map(([name]) => [name, 0] as const);
  return [
    { name: 'Ip', values: ipValues(namespace) },
    { name: 'Icmp', values: icmpValues(namespace) },
    { name: 'IcmpMsg', values: icmpMessageValues(namespace.ipCounters) },
    { name: 'Tcp', values: tcpValues(namespace) },
    { name: 'Udp', values: udp },
    { name: 'UdpLite', values: none },
  ].filter(({ values }) => values.length > 0);
}

/** The groups of `/proc/net/netstat`. */
export function netstatOf(namespace: Namespace): MibGroup[] {
  const { ipCounters: ip, sockets } = namespace;
  const { listenOverflows, timeouts } = sockets.counters;
  const known: Readonly<Record<string, number>> = {
    ListenOverflows: listenOverflows,
    ListenDrops: listenOverflows,
    TCPTimeouts: timeouts,
    IPReversePathFilter: dropped(namespace, 'rp_filter'),
  };
  const extension = TCP_EXTENSION_NAMES.map((name) => [name, known[name] ?? 0] as const);
  const [plain = 0, one = 0, zero = 0, marked = 0] = ip.receivedByEcn;
  return [
    { name: 'TcpExt', values: extension },
    {
      name: 'IpExt',
      values: [
        ['InNoRoutes', dropped(namespace, 'route is unreachable')],
        ['InTruncatedPkts', 0],
        ['InMcastPkts', 0],
        ['OutMcastPkts', 0],
        ['InBcastPkts', 0],
        ['OutBcastPkts', 0],
        ['InOctets', ip.receivedBytes],
        ['OutOctets', ip.sentBytes],
        ['InMcastOctets', 0],
        ['OutMcastOctets', 0],
        ['InBcastOctets', 0],
        ['OutBcastOctets', 0],
        ['InCsumErrors', 0],
        ['InNoECTPkts', plain],
        ['InECT1Pkts', one],
        ['InECT0Pkts', zero],
        ['InCEPkts', marked],
        ['ReasmOverlaps', dropped(namespace, 'fragment overlaps another')],
      ],
    },
  ];
}

/** The lines of `/proc/net/snmp6`. */
export function snmp6Of(namespace: Namespace): readonly (readonly [string, number])[] {
  const { counters } = namespace.ipv6;
  const [plain = 0, one = 0, zero = 0, marked = 0] = counters.receivedByEcn;
  const { reassembled, expired } = namespace.ipv6.reassembly;
  const ip: [string, number][] = [
    ['InReceives', counters.received],
    ['InHdrErrors', dropped(namespace, 'malformed IPv6 header', 'hop limit exceeded')],
    ['InTooBigErrors', 0],
    ['InNoRoutes', 0],
    ['InAddrErrors', dropped(namespace, 'multicast source', 'loopback address on a link')],
    ['InUnknownProtos', 0],
    ['InTruncatedPkts', 0],
    ['InDiscards', dropped(namespace, 'IPv6 is disabled')],
    ['InDelivers', counters.delivered],
    ['OutForwDatagrams', counters.forwarded],
    ['OutRequests', counters.sent],
    ['OutDiscards', 0],
    ['OutNoRoutes', counters.unroutable],
    ['ReasmTimeout', expired],
    ['ReasmReqds', namespace.ipv6.reassembly.fragments],
    ['ReasmOKs', reassembled],
    ['ReasmFails', expired],
    ['FragOKs', counters.fragmented],
    ['FragFails', counters.unfragmentable],
    ['FragCreates', counters.fragments],
    ['InMcastPkts', 0],
    ['OutMcastPkts', 0],
    ['InOctets', counters.receivedBytes],
    ['OutOctets', counters.sentBytes],
    ['InMcastOctets', 0],
    ['OutMcastOctets', 0],
    ['InBcastOctets', 0],
    ['OutBcastOctets', 0],
    ['InNoECTPkts', plain],
    ['InECT1Pkts', one],
    ['InECT0Pkts', zero],
    ['InCEPkts', marked],
  ];
  const udp = udpValues(namespace.sockets.counters.udp.ipv6);
  return [
    ...ip.map(([name, value]) => [`Ip6${name}`, value] as const),
    ...icmp6Values(namespace).map(([name, value]) => [`Icmp6${name}`, value] as const),
    ...udp.map(([name, value]) => [`Udp6${name}`, value] as const),
    ...udp
      .filter(([name]) => name !== 'IgnoredMulti')
      .map(([name]) => [`UdpLite6${name}`, 0] as const),
  ];
}

/** How many packets ended for one of these reasons. */
function dropped({ dropCounts }: Namespace, ...reasons: readonly string[]): number {
  return reasons.reduce((sum, reason) => sum + (dropCounts.get(reason) ?? 0), 0);
}

function ipValues(namespace: Namespace): [string, number][] {
  const { ipCounters: ip, sysctls, reassembly } = namespace;
  return [
    ['Forwarding', sysctls.number('net.ipv4.ip_forward') === 0 ? 2 : 1],
    ['DefaultTTL', sysctls.number('net.ipv4.ip_default_ttl')],
    ['InReceives', ip.received],
    ['InHdrErrors', dropped(namespace, 'malformed IPv4 header', 'ttl exceeded')],
    ['InAddrErrors', dropped(namespace, 'not forwarding', 'unicast in a broadcast frame')],
    ['ForwDatagrams', ip.forwarded],
    ['InUnknownProtos', dropped(namespace, 'no handler of the protocol')],
    ['InDiscards', 0],
    ['InDelivers', ip.delivered],
    ['OutRequests', ip.sent],
    ['OutDiscards', dropped(namespace, 'neighbour queue is full', 'neighbour table overflow')],
    ['OutNoRoutes', ip.unroutable],
    ['ReasmTimeout', reassembly.expired],
    ['ReasmReqds', reassembly.fragments],
    ['ReasmOKs', reassembly.reassembled],
    ['ReasmFails', reassembly.expired],
    ['FragOKs', ip.fragmented],
    ['FragFails', ip.unfragmentable],
    ['FragCreates', ip.fragments],
  ];
}

/** The messages of ICMP in the order of the file, as the kernel calls them. */
const ICMP_NAMES: readonly (readonly [string, number])[] = [
  ['DestUnreachs', IcmpType.destinationUnreachable],
  ['TimeExcds', IcmpType.timeExceeded],
  ['ParmProbs', 12],
  ['SrcQuenchs', 4],
  ['Redirects', IcmpType.redirect],
  ['Echos', IcmpType.echoRequest],
  ['EchoReps', IcmpType.echoReply],
  ['Timestamps', 13],
  ['TimestampReps', 14],
  ['AddrMasks', 17],
  ['AddrMaskReps', 18],
];

function total(messages: ReadonlyMap<number, number>): number {
  return [...messages.values()].reduce((sum, count) => sum + count, 0);
}

function icmpValues(namespace: Namespace): [string, number][] {
  const { icmpReceived, icmpSent } = namespace.ipCounters;
  const errors = dropped(namespace, 'malformed ICMP message');
  return [
    ['InMsgs', total(icmpReceived) + errors],
    ['InErrors', errors],
    ['InCsumErrors', errors],
    ...ICMP_NAMES.map(([name, type]): [string, number] => [
      `In${name}`,
      icmpReceived.get(type) ?? 0,
    ]),
    ['OutMsgs', total(icmpSent)],
    ['OutErrors', 0],
    ...ICMP_NAMES.map(([name, type]): [string, number] => [`Out${name}`, icmpSent.get(type) ?? 0]),
  ];
}

function icmpMessageValues({ icmpReceived, icmpSent }: IpCounters): [string, number][] {
  const sorted = (messages: ReadonlyMap<number, number>) => [...messages].sort(([a], [b]) => a - b);
  return [
    ...sorted(icmpReceived).map(([type, count]): [string, number] => [`InType${type}`, count]),
    ...sorted(icmpSent).map(([type, count]): [string, number] => [`OutType${type}`, count]),
  ];
}

const ICMP6_NAMES: readonly (readonly [string, number])[] = [
  ['DestUnreachs', Icmpv6Type.destinationUnreachable],
  ['PktTooBigs', Icmpv6Type.packetTooBig],
  ['TimeExcds', Icmpv6Type.timeExceeded],
  ['ParmProblems', Icmpv6Type.parameterProblem],
  ['Echos', Icmpv6Type.echoRequest],
  ['EchoReplies', Icmpv6Type.echoReply],
  ['GroupMembQueries', 130],
  ['GroupMembResponses', 131],
  ['GroupMembReductions', 132],
  ['RouterSolicits', 133],
  ['RouterAdvertisements', 134],
  ['NeighborSolicits', Icmpv6Type.neighbourSolicitation],
  ['NeighborAdvertisements', Icmpv6Type.neighbourAdvertisement],
  ['Redirects', Icmpv6Type.redirect],
  ['MLDv2Reports', 143],
];

function icmp6Values(namespace: Namespace): [string, number][] {
  const { icmpReceived, icmpSent } = namespace.ipv6.counters;
  const errors = dropped(namespace, 'malformed ICMPv6 message');
  const types = (direction: string, messages: ReadonlyMap<number, number>) =>
    [...messages]
      .sort(([a], [b]) => a - b)
      .map(([type, count]): [string, number] => [`${direction}Type${type}`, count]);
  return [
    ['InMsgs', total(icmpReceived) + errors],
    ['InErrors', errors],
    ['OutMsgs', total(icmpSent)],
    ['OutErrors', 0],
    ['InCsumErrors', errors],
    ...ICMP6_NAMES.map(([name, type]): [string, number] => [
      `In${name}`,
      icmpReceived.get(type) ?? 0,
    ]),
    ...ICMP6_NAMES.map(([name, type]): [string, number] => [`Out${name}`, icmpSent.get(type) ?? 0]),
    ...types('In', icmpReceived),
    ...types('Out', icmpSent),
  ];
}

function tcpValues(namespace: Namespace): [string, number][] {
  const { sockets } = namespace;
  const { counters } = sockets;
  const isOpen = ({ state }: { state: TcpState }) =>
    state === TcpState.established || state === TcpState.closeWait;
  return [
    ['RtoAlgorithm', 1],
    ['RtoMin', 200],
    ['RtoMax', 120_000],
    ['MaxConn', -1],
    ['ActiveOpens', counters.activeOpens],
    ['PassiveOpens', counters.passiveOpens],
    ['AttemptFails', counters.attemptsFailed],
    ['EstabResets', counters.resetsReceived],
    ['CurrEstab', sockets.endpoints.list().filter(isOpen).length],
    ['InSegs', counters.segmentsReceived],
    ['OutSegs', counters.segmentsSent - counters.segmentsRetransmitted],
    ['RetransSegs', counters.segmentsRetransmitted],
    ['InErrs', counters.checksumErrors],
    ['OutRsts', counters.resetsSent],
    ['InCsumErrors', counters.checksumErrors],
  ];
}

function udpValues(udp: UdpCounters): [string, number][] {
  return [
    ['InDatagrams', udp.received],
    ['NoPorts', udp.unknownPorts],
    ['InErrors', udp.checksumErrors],
    ['OutDatagrams', udp.sent],
    ['RcvbufErrors', 0],
    ['SndbufErrors', 0],
    ['InCsumErrors', udp.checksumErrors],
    ['IgnoredMulti', 0],
    ['MemErrors', 0],
  ];
}
