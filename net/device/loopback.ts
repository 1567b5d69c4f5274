/**
 * The loopback device: what it is handed comes back in, with mark and connection kept, so that
 * conntrack does not look at a packet twice. Mirrors drivers/net/loopback.c.
 */
import type { Packet } from '../packet.ts';
import { Device } from './device.ts';

/** `lo`. */
export class Loopback extends Device {
  readonly kind = 'loopback';

  constructor() {
    super('lo', 0, 65_536);
    this.usesNeighbours = false;
    this.queueLength = 1000;
  }

  override transmit(packet: Packet): void {
    if (!this.isUp) {
      this.dropTransmit(packet, 'device is down');
      return;
    }
    this.countTransmit(packet);
    if (!this.namespace.host.backlog.enqueue(this, packet)) {
      this.statistics.rxDropped++;
      this.namespace.drop(packet, this.name, 'backlog is full');
    }
  }
}
