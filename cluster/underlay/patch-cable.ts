/**
 * A cable between two cards that is not a segment of the underlay: from a host to the box in front of
 * it. What goes in at one end comes out of the other at the same instant.
 */
import { Device } from '../../net/device/device.ts';
import type { Packet } from '../../net/packet.ts';
import type { World } from '../../sim/world.ts';
import type { Mac } from '../../wire/addresses.ts';

/** One end, the `ethernet` device of a host or box. */
export class PatchCable extends Device {
  readonly kind = 'ethernet';
  readonly #world: World;
  #peer: PatchCable | undefined;

  constructor(name: string, mac: Mac, mtuBytes: number, world: World) {
    super(name, mac, mtuBytes);
    this.#world = world;
  }

  /** Plugs both ends in. */
  connect(peer: PatchCable): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  override transmit(packet: Packet): void {
    const peer = this.#peer;
    if (!this.isUp || peer === undefined) {
      this.dropTransmit(packet, 'device is down');
      return;
    }
    this.countTransmit(packet);
    packet.scrub();
    this.#world.queue.scheduleCallback(this.#world.nowNs, () => peer.receive(packet));
  }
}
