/**
 * Taps on every uplink of a cluster: the frames that pass, and the gossip datagrams, which are
 * messages until somebody looks and become frames here (Ethernet, IPv4, UDP, memberlist's bytes).
 *
 * Simulated gossip is encrypted like Docker's; a capture shows it in the clear, framed with its CRC,
 * so that it can be read. Streams of gossip and manager traffic are not in captures.
 */
import type { User } from '../gossip/message.ts';
import { macOfIpv4 } from '../wire/addresses.ts';
import { ETHERNET_HEADER_BYTES, EtherType, writeEthernetHeader } from '../wire/ethernet.ts';
import { IPV4_HEADER_BYTES, IpProtocol, writeIpv4Header } from '../wire/ipv4.ts';
import { encodeMessages } from '../wire/memberlist/compound.ts';
import { MessageType, type PacketMessage } from '../wire/memberlist/message.ts';
import { finishUdpChecksum, UDP_HEADER_BYTES, writeUdpHeader } from '../wire/udp.ts';
import type { Cluster } from './cluster.ts';
import { GOSSIP_PORT } from './gossip-network.ts';
import { LOST } from './underlay/underlay.ts';

/** Hears of a frame at a node's uplink: `bytes` from `start` to `end`, copied by who keeps it. */
export type FrameListener = (
  node: string,
  atNs: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  isOutgoing: boolean,
) => void;

/** Taps the uplinks of all nodes and of the outside world, through all boots. */
export function tapUplinks(cluster: Cluster, listener: FrameListener): void {
  const { world } = cluster;
  const names = [...cluster.machines.map((machine) => machine.name), 'outside'];
  cluster.underlay.onAttach((uplink) => {
    uplink.tap = (_device, packet, isOutgoing) =>
      listener(
        names[uplink.host]!,
        world.nowNs,
        packet.bytes,
        packet.start,
        packet.end,
        isOutgoing,
      );
  });
  let identification = 0;
  cluster.swim.setOnDatagram((from, to, parts, _sizeBytes, sentAtNs, arrivalNs) => {
    const messages = cluster.swim.wireMessagesOf(from, parts).map(withBytes);
    const sender = cluster.machineOfMember(from);
    const receiver = cluster.machineOfMember(to);
    identification = (identification + 1) & 0xffff;
    const payload = encodeMessages(messages);
    const { address: source } = sender.address;
    const frame = udpFrame(source, receiver.address.address, payload, identification);
    listener(sender.name, sentAtNs, frame, 0, frame.length, true);
    if (arrivalNs === LOST) return;
    world.queue.scheduleCallback(arrivalNs, (nowNs) => {
      if (receiver.isOn) listener(receiver.name, nowNs, frame, 0, frame.length, false);
    });
  });
}

/** A delegate's message is an object of a known size; its bytes are not made yet. */
function withBytes(message: PacketMessage | User): PacketMessage {
  if (!('message' in message)) return message;
  return { type: MessageType.user, payload: new Uint8Array(message.message.sizeBytes) };
}

/** A whole frame around gossip bytes. */
function udpFrame(
  source: number,
  destination: number,
  payload: Uint8Array,
  identification: number,
): Uint8Array {
  const udpBytes = UDP_HEADER_BYTES + payload.length;
  const ip = ETHERNET_HEADER_BYTES;
  const udp = ip + IPV4_HEADER_BYTES;
  const frame = new Uint8Array(udp + udpBytes);
  writeEthernetHeader(frame, 0, macOfIpv4(destination), macOfIpv4(source), EtherType.ipv4);
  frame.set(payload, udp + UDP_HEADER_BYTES);
  writeIpv4Header(frame, ip, {
    totalLengthBytes: IPV4_HEADER_BYTES + udpBytes,
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
