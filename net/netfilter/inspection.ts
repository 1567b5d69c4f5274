/**
 * What matches and targets look at: a packet's header fields, read once per table and packet.
 *
 * One object per table and depth of nesting is reused for every packet, so that evaluating rules
 * allocates nothing. Mirrors `struct xt_action_param`.
 */
import { readU16, readU32 } from '../../wire/bytes.ts';
import { isIpv6 } from '../../wire/ip.ts';
import { fragmentOffsetBytesOf, headerBytesOf } from '../../wire/ipv4.ts';
import {
  ipv6DestinationOf,
  ipv6FragmentOffsetBytesOf,
  ipv6HeaderBytesOf,
  ipv6ProtocolOf,
  ipv6SourceOf,
} from '../../wire/ipv6/header.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';
import { Hook } from './hook.ts';

/** Source and destination port; 0 where there are none. */
export function portsOf(inspection: Inspection): { source: number; destination: number } {
  const { protocol, bytes, transportAt } = inspection;
  const hasPorts = protocol === 6 || protocol === 17 || protocol === 132;
  if (!hasPorts || !inspection.hasTransport(4)) return { source: 0, destination: 0 };
  return { source: readU16(bytes, transportAt), destination: readU16(bytes, transportAt + 2) };
}

/** A packet under inspection at a hook. */
export class Inspection {
  readonly namespace: Namespace;
  packet!: Packet;
  hook: Hook = Hook.prerouting;
  inDevice: Device | undefined = undefined;
  outDevice: Device | undefined = undefined;
  inName = '';
  outName = '';
  bytes!: Uint8Array;
  /** Offset of the IP header. */
  at = 0;
  /** Offset of the transport header. */
  transportAt = 0;
  /** Offset behind the packet. */
  end = 0;
  protocol = 0;
  source = 0;
  destination = 0;
  /** Non-zero for later fragments, which have no transport header. */
  fragmentOffsetBytes = 0;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
  }

  /** Points it at a packet. */
  load(
    packet: Packet,
    hook: Hook,
    inDevice: Device | undefined,
    outDevice: Device | undefined,
  ): void {
    const { bytes, start } = packet;
    this.packet = packet;
    this.hook = hook;
    this.inDevice = inDevice;
    this.outDevice = outDevice;
    this.inName = inDevice === undefined ? '' : inDevice.name;
    this.outName = outDevice === undefined ? '' : outDevice.name;
    this.bytes = bytes;
    this.at = start;
    this.end = packet.end;
    if (isIpv6(bytes, start)) {
      this.#loadIpv6(bytes, start);
      return;
    }
    this.transportAt = start + headerBytesOf(bytes, start);
    this.protocol = bytes[start + 9]!;
    this.source = readU32(bytes, start + 12);
    this.destination = readU32(bytes, start + 16);
    this.fragmentOffsetBytes = fragmentOffsetBytesOf(bytes, start);
  }

  #loadIpv6(bytes: Uint8Array, start: number): void {
    this.transportAt = start + ipv6HeaderBytesOf(bytes, start);
    this.protocol = ipv6ProtocolOf(bytes, start);
    this.source = ipv6SourceOf(bytes, start);
    this.destination = ipv6DestinationOf(bytes, start);
    this.fragmentOffsetBytes = ipv6FragmentOffsetBytesOf(bytes, start);
  }

  /** True when `count` bytes of the transport header are there. */
  hasTransport(count: number): boolean {
    return this.fragmentOffsetBytes === 0 && this.end - this.transportAt >= count;
  }
}
