/**
 * The dummy device: every frame that it is handed is counted and vanishes. Docker makes one as the
 * parent of macvlan networks that were given none. Mirrors drivers/net/dummy.c.
 */
import type { Packet } from '../packet.ts';
import { Device } from './device.ts';

/** A `dummy` device. */
export class Dummy extends Device {
  readonly kind = 'dummy';
  override usesNeighbours = false;

  override transmit(packet: Packet): void {
    if (!this.isUp) {
      this.dropTransmit(packet, 'device is down');
      return;
    }
    this.countTransmit(packet);
  }
}
