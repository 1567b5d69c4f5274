/**
 * A veth pair: two devices, each the wire of the other, usually in two namespaces.
 *
 * A frame arrives at the same instant through the host's backlog. What belongs to a namespace (mark,
 * connection) is forgotten on crossing; a mark survives within one namespace. Each end has carrier
 * while both are up, and removing one removes the other.
 * Mirrors drivers/net/veth.c and `____dev_forward_skb`.
 */
import type { Mac } from '../../wire/addresses.ts';
import { ETHERNET_HEADER_BYTES, VLAN_TAG_BYTES } from '../../wire/ethernet.ts';
import type { Packet } from '../packet.ts';
import { Device } from './device.ts';

/** One end of a pair; {@link createVethPair} makes both. */
export class Veth extends Device {
  readonly kind = 'veth';
  /** The other end; undefined once it was removed. */
  peer: Veth | undefined = undefined;

  override get hasCarrier(): boolean {
    return this.isUp && this.peer?.isUp === true;
  }

  override transmit(packet: Packet): void {
    const peer = this.peer;
    if (!this.isUp || peer === undefined) {
      this.dropTransmit(packet, 'device is down');
      return;
    }
    if (!peer.isUp) {
      this.dropTransmit(packet, 'peer is down');
      return;
    }
    if (packet.end - packet.start > peer.mtu + ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES) {
      peer.statistics.rxDropped++;
      this.dropTransmit(packet, 'frame is longer than the MTU of the peer');
      return;
    }
    this.countTransmit(packet);
    const mark = peer.namespace === this.namespace ? packet.mark : 0;
    packet.scrub();
    packet.mark = mark;
    if (!this.namespace.host.backlog.enqueue(peer, packet)) {
      peer.statistics.rxDropped++;
      this.namespace.drop(packet, this.name, 'backlog is full');
    }
  }

  override onRemove(): void {
    const peer = this.peer;
    this.peer = undefined;
    this.linked = undefined;
    if (peer === undefined) return;
    peer.peer = undefined;
    peer.linked = undefined;
    peer.namespace?.removeDevice(peer);
  }
}

/** Makes a pair; neither end is in a namespace yet. `mtu` in bytes. */
export function createVethPair(
  name: string,
  mac: Mac,
  peerName: string,
  peerMac: Mac,
  mtu = 1500,
): [Veth, Veth] {
  const end = new Veth(name, mac, mtu);
  const peer = new Veth(peerName, peerMac, mtu);
  end.peer = peer;
  end.linked = peer;
  peer.peer = end;
  peer.linked = end;
  return [end, peer];
}
