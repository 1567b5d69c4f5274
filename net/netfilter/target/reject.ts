/**
 * The `REJECT` target of both families: drops a packet and tells its sender.
 * Mirrors `extensions/libipt_REJECT.c`, `libip6t_REJECT.c` and `net/ipv4/netfilter/nf_reject_ipv4.c`.
 */
import { IcmpType } from '../../../wire/icmp.ts';
import { plainHeaderBytes, writeIpHeader } from '../../../wire/ip.ts';
import { isIpv6Address } from '../../../wire/ip-address.ts';
import { IpProtocol } from '../../../wire/ipv4.ts';
import { Icmpv6Type } from '../../../wire/ipv6/icmpv6.ts';
import {
  acknowledgementOf,
  dataOffsetBytesOf,
  destinationPortOf,
  finishTcpChecksum,
  flagsOf,
  sequenceOf,
  sourcePortOf,
  TCP_HEADER_BYTES,
  TcpFlag,
  writeTcpHeader,
} from '../../../wire/tcp.ts';
import { ConnectionState, Packet } from '../../packet.ts';
import { Outcome, type RuleHead, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';

/** Names, aliases and ICMP codes; -1 stands for a TCP reset. */
type RejectTypes = readonly (readonly [string, string, number])[];
const IPV4_TYPES: RejectTypes = [
  ['icmp-net-unreachable', 'net-unreach', 0],
  ['icmp-host-unreachable', 'host-unreach', 1],
  ['icmp-proto-unreachable', 'proto-unreach', 2],
  ['icmp-port-unreachable', 'port-unreach', 3],
  ['icmp-net-prohibited', 'net-prohib', 9],
  ['icmp-host-prohibited', 'host-prohib', 10],
  ['tcp-reset', 'tcp-rst', -1],
  ['icmp-admin-prohibited', 'admin-prohib', 13],
];
const IPV6_TYPES: RejectTypes = [
  ['icmp6-no-route', 'no-route', 0],
  ['icmp6-adm-prohibited', 'adm-prohibited', 1],
  ['icmp6-addr-unreachable', 'addr-unreach', 3],
  ['icmp6-port-unreachable', 'port-unreach', 4],
  ['tcp-reset', 'tcp-reset', -1],
  ['icmp6-policy-fail', 'policy-fail', 5],
  ['icmp6-reject-route', 'reject-route', 6],
];
const TCP_RESET = -1;
const REPLY_TTL = 64;

class RejectTarget implements Target {
  readonly #types: RejectTypes;
  #code: number;

  /** Port unreachable unless something else is said. */
  constructor(types: RejectTypes, code: number) {
    this.#types = types;
    this.#code = code;
  }

  option(_name: string, value: string): string | undefined {
    const type = this.#types.find(
      ([name, alias]) => name.startsWith(value) || alias.startsWith(value),
    );
    if (type === undefined) return `unknown reject type "${value}"`;
    this.#code = type[2];
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  isAllowed(head: RuleHead): boolean {
    return (
      this.#code !== TCP_RESET || (head.protocol === IpProtocol.tcp && !head.isProtocolNegated)
    );
  }

  run(inspection: Inspection): Outcome {
    const { namespace, packet } = inspection;
    if (this.#code !== TCP_RESET) {
      this.#sendError(inspection);
      return Outcome.drop;
    }
    const reply = resetFor(inspection);
    if (reply === undefined) return Outcome.drop;
    if (packet.connection !== undefined) {
      reply.connection = packet.connection;
      reply.connectionState = ConnectionState.related;
      reply.isReply = !packet.isReply;
    }
    reply.way = packet.way?.fork();
    reply.way?.add(namespace.world.nowNs, namespace.name, 'send', '', '', 'tcp-reset');
    if (isIpv6Address(inspection.source)) namespace.ipv6.send(reply);
    else namespace.sendIpv4(reply);
    return Outcome.drop;
  }

  #sendError({ namespace, packet, source }: Inspection): void {
    if (isIpv6Address(source)) {
      const { destinationUnreachable } = Icmpv6Type;
      namespace.ipv6.sendIcmpError(packet, destinationUnreachable, this.#code, 0);
    } else namespace.sendIcmpError(packet, IcmpType.destinationUnreachable, this.#code);
  }

  save(): string {
    return ` --reject-with ${this.#name}`;
  }

  list(): string {
    return ` reject-with ${this.#name}`;
  }

  get #name(): string {
    return this.#types.find(([, , code]) => code === this.#code)![0];
  }
}

/** The RST that answers a TCP segment (`nf_send_reset`), or undefined when none may. */
function resetFor(inspection: Inspection): Packet | undefined {
  if (!inspection.hasTransport(20)) return undefined;
  const { bytes, transportAt, end, source, destination } = inspection;
  const flags = flagsOf(bytes, transportAt);
  if ((flags & TcpFlag.rst) !== 0) return undefined;
  const hasAck = (flags & TcpFlag.ack) !== 0;
  const counted = ((flags & TcpFlag.syn) !== 0 ? 1 : 0) + ((flags & TcpFlag.fin) !== 0 ? 1 : 0);
  const dataBytes = end - transportAt - dataOffsetBytesOf(bytes, transportAt);
  const ipBytes = plainHeaderBytes(source);
  const reply = Packet.allocate(ipBytes + TCP_HEADER_BYTES);
  const at = reply.start;
  writeIpHeader(reply.bytes, at, {
    totalLengthBytes: ipBytes + TCP_HEADER_BYTES,
    identification: 0,
    dontFragment: true,
    ttl: REPLY_TTL,
    protocol: IpProtocol.tcp,
    source: destination,
    destination: source,
  });
  const acknowledgement = (sequenceOf(bytes, transportAt) + counted + dataBytes) >>> 0;
  writeTcpHeader(reply.bytes, at + ipBytes, {
    sourcePort: destinationPortOf(bytes, transportAt),
    destinationPort: sourcePortOf(bytes, transportAt),
    sequence: hasAck ? acknowledgementOf(bytes, transportAt) : 0,
    acknowledgement: hasAck ? 0 : acknowledgement,
    flags: hasAck ? TcpFlag.rst : TcpFlag.rst | TcpFlag.ack,
    window: 0,
  });
  finishTcpChecksum(reply.bytes, at + ipBytes, TCP_HEADER_BYTES, destination, source);
  return reply;
}

/** `-j REJECT` of iptables. */
export const rejectTarget: TargetKind = {
  name: 'REJECT',
  family: 'ipv4',
  options: ['--reject-with='],
  tables: ['filter'],
  hooks: [Hook.input, Hook.forward, Hook.output],
  create: () => new RejectTarget(IPV4_TYPES, 3),
};

/** `-j REJECT` of ip6tables. */
export const reject6Target: TargetKind = {
  ...rejectTarget,
  family: 'ipv6',
  create: () => new RejectTarget(IPV6_TYPES, 4),
};
