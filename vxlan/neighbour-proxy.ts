/**
 * What a vxlan device in proxy mode does with ARP: it answers requests from the neighbour table of its
 * own namespace, and lets no ARP out. Mirrors `arp_reduce` (drivers/net/vxlan/vxlan_core.c).
 */
import { CONNECTED } from '../net/neighbour/neighbour.ts';
import { Packet } from '../net/packet.ts';
import {
  formatIpv4Address,
  formatMac,
  isLoopbackAddress,
  isMulticastAddress,
} from '../wire/addresses.ts';
import { ARP_BYTES, ArpOperation, parseArp, writeArp } from '../wire/arp.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeEthernetHeader } from '../wire/ethernet.ts';
import type { VxlanDevice } from './vxlan-device.ts';

/** The answer to an ARP frame that leaves by a device; undefined when it has none and is dropped. */
export function answerToArp(device: VxlanDevice, frame: Packet): Packet | undefined {
  const { namespace, name: place } = device;
  const message = parseArp(frame.bytes, frame.start + ETHERNET_HEADER_BYTES, frame.end);
  if (message === undefined || message.operation !== ArpOperation.request) {
    namespace.drop(frame, place, 'ARP that is no request stays on this host');
    return undefined;
  }
  const { targetAddress: target, senderMac, senderAddress } = message;
  if (isLoopbackAddress(target) || isMulticastAddress(target)) {
    namespace.drop(frame, place, 'ARP for no unicast address');
    return undefined;
  }
  const neighbour = namespace.neighbours.find(device, target);
  if (neighbour === undefined) {
    device.noteL3Miss(frame, formatIpv4Address(target));
    namespace.drop(frame, place, 'no neighbour is known for the address');
    return undefined;
  }
  if ((namespace.neighbours.stateOf(neighbour) & CONNECTED) === 0) {
    namespace.drop(frame, place, 'the neighbour entry is not connected');
    return undefined;
  }
  const { mac } = neighbour;
  const reply = Packet.allocate(ETHERNET_HEADER_BYTES + ARP_BYTES);
  writeEthernetHeader(reply.bytes, reply.start, senderMac, mac, EtherType.arp);
  writeArp(reply.bytes, reply.start + ETHERNET_HEADER_BYTES, {
    operation: ArpOperation.reply,
    senderMac: mac,
    senderAddress: target,
    targetMac: senderMac,
    targetAddress: senderAddress,
  });
  if (frame.way !== undefined) {
    const detail = `proxy: ${formatIpv4Address(target)} is at ${formatMac(mac)}`;
    const { world, name } = namespace;
    frame.way.add(world.nowNs, name, 'deliver', place, '', detail);
    reply.way = frame.way.fork();
  }
  return reply;
}
