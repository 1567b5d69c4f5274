/**
 * Taps on every uplink of a cluster: the frames that pass, and the gossip datagrams, which are
 * messages until somebody looks and become frames here (Ethernet, IPv4, UDP, memberlist's bytes).
 *
 * Gossip is written as Docker sends it: compressed when that makes it smaller, with a checksum where
 * memberlist adds one, encrypted with the sender's primary key. Or in the clear, neither compressed
 * nor encrypted, so that it can be read. Streams of gossip and manager traffic are not in captures.
 */

import { DOCKER } from '../gossip/constants.ts';
import { addTap } from '../net/device/taps.ts';
import { type DrawKey, draw32 } from '../sim/chance.ts';
import { type Mac, macOfIpv4 } from '../wire/addresses.ts';
import { writeU32 } from '../wire/bytes.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeEthernetHeader } from '../wire/ethernet.ts';
import { plainHeaderBytes, writeIpHeader } from '../wire/ip.ts';
import { type IpAddress, isIpv6Address } from '../wire/ip-address.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { NONCE_BYTES } from '../wire/memberlist/encrypt.ts';
import { encodePacket, type PacketFraming } from '../wire/memberlist/packet.ts';
import { finishUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../wire/udp.ts';
import type { Cluster } from './cluster.ts';
import { GOSSIP_PORT } from './gossip-network.ts';
import type { Machine } from './machine.ts';
import { LOST } from './underlay/underlay.ts';

/** Hears of a frame at a node's card: `bytes` from `start` to `end`, copied by who keeps it. */
export type FrameListener = (
  node: string,
  card: string,
  atNs: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  isOutgoing: boolean,
) => void;

/** How gossip is written. */
export interface GossipForm {
  /** Neither compressed nor encrypted. */
  readonly isClear: boolean;
}

/** As Docker sends it. */
const SEALED: GossipForm = { isClear: false };

/** Taps the uplinks of all nodes and of the outside world, through all boots. */
export function tapUplinks(cluster: Cluster, listener: FrameListener, form = SEALED): void {
  const { world } = cluster;
  const names = [...cluster.machines.map((machine) => machine.name), 'outside'];
  cluster.underlay.onAttach((uplink) => {
    addTap(uplink, (_device, { bytes, start, end }, isOutgoing) =>
      listener(names[uplink.host]!, uplink.name, world.nowNs, bytes, start, end, isOutgoing),
    );
  });
  const nonceKey = world.chance.key('cluster.capture.nonce');
  let count = 0;
  cluster.swim.setOnDatagram((from, to, parts, hasCrc, sentAtNs, arrivalNs) => {
    const sender = cluster.machineOfMember(from);
    const receiver = cluster.machineOfMember(to);
    count++;
    const messages = cluster.swim.wireMessagesOf(from, parts);
    const framing = framingOf(sender, form, hasCrc);
    const payload = encodePacket({ messages, ...framing, nonce: nonceOf(nonceKey, count) });
    const { segment, prefix } = sender.addresses.cardTo(receiver.addresses);
    const ends = {
      source: sender.addresses.addressTo(receiver.addresses),
      destination: receiver.addresses.advertise,
      sourceMac: macOfIpv4(prefix.address),
      destinationMac: macOfIpv4(receiver.addresses.cardTo(receiver.addresses).prefix.address),
    };
    const frame = udpFrame(ends, payload, count & 0xffff);
    const card = `eth${segment}`;
    listener(sender.name, card, sentAtNs, frame, 0, frame.length, true);
    if (arrivalNs === LOST) return;
    world.queue.scheduleCallback(arrivalNs, (nowNs) => {
      if (receiver.isOn) listener(receiver.name, card, nowNs, frame, 0, frame.length, false);
    });
  });
}

/** How the sender frames a packet. */
function framingOf(sender: Machine, form: GossipForm, crc: boolean): PacketFraming {
  const { label, protocolVersion, enableCompression } = DOCKER;
  const keyring = form.isClear ? undefined : sender.executor?.gossipKeyring.ring;
  const compress = enableCompression && !form.isClear;
  return { compress, crc, keyring, label, protocolVersion };
}

/** Twelve bytes, other ones for each packet of a run. */
function nonceOf(key: DrawKey, count: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  for (let at = 0; at < NONCE_BYTES; at += 4) writeU32(nonce, at, draw32(key, count, at));
  return nonce;
}

/** Who sends a datagram to whom. */
interface DatagramEnds {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourceMac: Mac;
  readonly destinationMac: Mac;
}

/** A whole frame around gossip bytes. */
function udpFrame(ends: DatagramEnds, payload: Uint8Array, identification: number): Uint8Array {
  const { source, destination } = ends;
  const udpBytes = UDP_HEADER_BYTES + payload.length;
  const ip = ETHERNET_HEADER_BYTES;
  const udp = ip + plainHeaderBytes(destination);
  const frame = new Uint8Array(udp + udpBytes);
  const type = isIpv6Address(destination) ? EtherType.ipv6 : EtherType.ipv4;
  writeEthernetHeader(frame, 0, ends.destinationMac, ends.sourceMac, type);
  frame.set(payload, udp + UDP_HEADER_BYTES);
  writeIpHeader(frame, ip, {
    totalLengthBytes: udp - ip + udpBytes,
    identification,
    dontFragment: true,
    ttl: 64,
    protocol: IpProtocol.udp,
    source,
    destination,
  });
  writeUdpHeader(frame, udp, GOSSIP_PORT, GOSSIP_PORT, udpBytes, 0);
  finishUdpChecksum(frame, udp, udpBytes, source, destination);
  return frame;
}
