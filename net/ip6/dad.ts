/**
 * Duplicate address detection (RFC 4862): before an address is used, the link is asked whether
 * somebody has it, `dad_transmits` times a second apart after a random delay.
 *
 * It waits for a carrier, and is left out for `nodad` addresses, devices without neighbours, and with
 * `accept_dad` 0. Who hears another one's question, or an answer, gives the address up
 * (neighbour/ndisc.ts). Mirrors `addrconf_dad_start` and `addrconf_dad_work` (net/ipv6/addrconf.c).
 */
import { drawBelow } from '../../sim/chance.ts';
import { type EventHandle, NO_EVENT } from '../../sim/event-queue.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { ipv6Words } from '../../wire/ip-address.ts';
import type { Namespace } from '../namespace.ts';
import { solicitForDetection } from '../neighbour/ndisc.ts';
import type { Ipv6DeviceAddress } from './addresses.ts';

/** `rtr_solicit_delay`. */
const DELAY_NS_MAX = SECOND_NS;

/** The detections of one namespace that are under way. */
export class DuplicateDetection {
  readonly #namespace: Namespace;
  readonly #timers = new Map<Ipv6DeviceAddress, EventHandle>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** Tests an address unless that is going on; `onPassed` may be called at once. */
  start(own: Ipv6DeviceAddress, onPassed: () => void): void {
    const { device } = own;
    const { all } = this.#namespace.sysctls.ipv6;
    const transmits = device.ipv6.dad_transmits;
    const isAsked = device.ipv6.accept_dad > 0 || all.accept_dad > 0;
    if (own.skipsDetection || !device.usesNeighbours || transmits === 0 || !isAsked) {
      onPassed();
      return;
    }
    if (!device.hasCarrier || this.#timers.has(own)) return;
    const { queue, chance } = this.#namespace.world;
    const [, , c, d] = ipv6Words(own.address);
    const delayNs = drawBelow(chance.key('ipv6.dad'), DELAY_NS_MAX, c!, d!, device.index);
    this.#arm(own, queue.nowNs + delayNs, transmits, onPassed);
  }

  /** Ends a test: the address is gone, or taken. */
  stop(own: Ipv6DeviceAddress): void {
    const timer = this.#timers.get(own);
    if (timer === undefined) return;
    if (timer !== NO_EVENT) this.#namespace.world.queue.cancel(timer);
    this.#timers.delete(own);
  }

  #arm(own: Ipv6DeviceAddress, atNs: number, left: number, onPassed: () => void): void {
    const { world, sysctls } = this.#namespace;
    const { queue } = world;
    const timer = queue.scheduleCallback(atNs, () => {
      if (left === 0) {
        this.#timers.delete(own);
        onPassed();
        return;
      }
      solicitForDetection(own.device, own.address);
      const waitNs = sysctls.number('net.ipv6.neigh.default.retrans_time_ms') * MILLISECOND_NS;
      this.#arm(own, queue.nowNs + waitNs, left - 1, onPassed);
    });
    this.#timers.set(own, timer);
  }
}
