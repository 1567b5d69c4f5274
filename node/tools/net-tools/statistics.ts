/**
 * `netstat -s`: the counters of `/proc/net/snmp` and `netstat` in words (net-tools' statistics.c). A
 * counter without words is printed with its name; most of them only when they are not 0.
 */
import type { Namespace } from '../../../net/namespace.ts';
import { type MibGroup, netstatOf, snmpOf } from '../../../net/proc/mib.ts';

/** What a counter is called; `?` in front: not while it is 0, `i` and `o` belong to a histogram. */
const WORDS: Readonly<Record<string, string>> = {
  'Ip InReceives': '% total packets received',
  'Ip InHdrErrors': '?% with invalid headers',
  'Ip InAddrErrors': '?% with invalid addresses',
  'Ip ForwDatagrams': '% forwarded',
  'Ip InUnknownProtos': '?% with unknown protocol',
  'Ip InDiscards': '% incoming packets discarded',
  'Ip InDelivers': '% incoming packets delivered',
  'Ip OutRequests': '% requests sent out',
  'Ip OutDiscards': '?% outgoing packets dropped',
  'Ip OutNoRoutes': '?% dropped because of missing route',
  'Ip ReasmTimeout': '?% fragments dropped after timeout',
  'Ip ReasmReqds': '?% reassemblies required',
  'Ip ReasmOKs': '?% packets reassembled ok',
  'Ip ReasmFails': '?% packet reassemblies failed',
  'Ip FragOKs': '?% fragments received ok',
  'Ip FragFails': '?% fragments failed',
  'Ip FragCreates': '?% fragments created',
  'Icmp InMsgs': '% ICMP messages received',
  'Icmp InErrors': '% input ICMP message failed',
  'Icmp OutMsgs': '% ICMP messages sent',
  'Icmp OutErrors': '% ICMP messages failed',
  'Tcp ActiveOpens': '% active connection openings',
  'Tcp PassiveOpens': '% passive connection openings',
  'Tcp AttemptFails': '% failed connection attempts',
  'Tcp EstabResets': '% connection resets received',
  'Tcp CurrEstab': '% connections established',
  'Tcp InSegs': '% segments received',
  'Tcp OutSegs': '% segments sent out',
  'Tcp RetransSegs': '% segments retransmitted',
  'Tcp InErrs': '% bad segments received',
  'Tcp OutRsts': '% resets sent',
  'Udp InDatagrams': '% packets received',
  'Udp NoPorts': '% packets to unknown port received',
  'Udp InErrors': '% packet receive errors',
  'Udp OutDatagrams': '% packets sent',
  'Udp RcvbufErrors': '% receive buffer errors',
  'Udp SndbufErrors': '% send buffer errors',
  'TcpExt ListenOverflows': '?% times the listen queue of a socket overflowed',
  'TcpExt ListenDrops': '?% SYNs to LISTEN sockets dropped',
  'TcpExt TCPHPHits': '% packet headers predicted',
  'TcpExt TCPTimeouts': '?% other TCP timeouts',
};

/** The messages of the two histograms of ICMP. */
const ICMP_WORDS: Readonly<Record<string, string>> = {
  DestUnreachs: 'destination unreachable',
  TimeExcds: 'timeout in transit',
  ParmProbs: 'wrong parameters',
  SrcQuenchs: 'source quenches',
  Redirects: 'redirects',
  Echos: 'echo requests',
  EchoReps: 'echo replies',
  Timestamps: 'timestamp request',
  TimestampReps: 'timestamp reply',
  AddrMasks: 'address mask request',
  AddrMaskReps: 'address mask replies',
};

/** Counters that are never printed. */
const SILENT: readonly string[] = [
  'Ip DefaultTTL',
  'Tcp RtoAlgorithm',
  'Tcp RtoMin',
  'Tcp RtoMax',
  'Tcp MaxConn',
];

/** Which groups are asked for; of none, all. */
export interface StatisticsProtocols {
  readonly tcp: boolean;
  readonly udp: boolean;
}

/** `netstat -s [-t] [-u]`. */
export function statisticsText(namespace: Namespace, wanted: StatisticsProtocols): string {
  const isAll = !wanted.tcp && !wanted.udp;
  const isWanted = ({ name }: MibGroup) => {
    if (isAll) return true;
    if (name === 'Tcp' || name === 'TcpExt') return wanted.tcp;
    if (name === 'Udp' || name === 'UdpLite') return wanted.udp;
    return name === 'IcmpMsg' || name === 'IpExt';
  };
  return [...snmpOf(namespace), ...netstatOf(namespace)].filter(isWanted).map(groupText).join('');
}

function groupText({ name, values }: MibGroup): string {
  const lines: string[] = [];
  const deep = name === 'IcmpMsg' ? '        ' : '    ';
  for (const [key, value] of values) {
    const histogram = name === 'Icmp' ? histogramLine(key, value) : undefined;
    if (histogram !== undefined) {
      lines.push(...histogram);
      continue;
    }
    const words = WORDS[`${name} ${key}`];
    if (SILENT.includes(`${name} ${key}`)) continue;
    if (key === 'Forwarding') lines.push(`    Forwarding: ${value}`);
    else if (words === undefined) {
      if (value !== 0) lines.push(`${deep}${key}: ${value}`);
    } else if (!words.startsWith('?') || value !== 0) {
      lines.push(`    ${words.replace('?', '').replace('%', String(value))}`);
    }
  }
  return `${name}:\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** The line of one kind of message; behind the totals, the histogram's title. */
function histogramLine(key: string, value: number): string[] | undefined {
  if (key === 'InCsumErrors') return value === 0 ? [] : [`    InCsumErrors: ${value}`];
  if (key === 'InErrors')
    return [`    ${value} input ICMP message failed`, '    ICMP input histogram:'];
  if (key === 'OutErrors')
    return [`    ${value} ICMP messages failed`, '    ICMP output histogram:'];
  const words = ICMP_WORDS[key.replace(/^(In|Out)/, '')];
  if (words === undefined) return undefined;
  return value === 0 ? [] : [`        ${words}: ${value}`];
}
