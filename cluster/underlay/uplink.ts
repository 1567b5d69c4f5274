/**
 * A host's network card: the device (`eth0`, and further ones) whose wire is a segment of the
 * underlay.
 *
 * Taps see every frame that leaves or arrives, with its instant; a capture is a tap.
 */

import { Device } from '../../net/device/device.ts';
import type { Packet } from '../../net/packet.ts';
import type { Mac } from '../../wire/addresses.ts';
import type { Underlay } from './underlay.ts';

/** The `ethernet` device of host `host` on the underlay. */
export class Uplink extends Device {
  readonly kind = 'ethernet';
  readonly host: number;
  /** Cards reach those of their own segment: the number in `eth0`. */
  readonly segment: number;
  readonly #underlay: Underlay;

  constructor(segment: number, mac: Mac, mtuBytes: number, host: number, underlay: Underlay) {
    super(`eth${segment}`, mac, mtuBytes);
    this.host = host;
    this.segment = segment;
    this.#underlay = underlay;
  }

  override transmit(packet: Packet): void {
    if (!this.isUp) {
      this.statistics.txDropped++;
      if (packet.way !== undefined) this.noteWay(packet, 'drop', 'device is down');
      return;
    }
    this.countTransmit(packet);
    this.#underlay.carry(this, packet);
  }
}
