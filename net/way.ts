/**
 * The way of a packet: every device, hook, chain, rule and rewrite that it met, in order.
 *
 * A packet carries a way only while somebody watches it (`packet.way !== undefined`), so that an
 * unwatched packet pays one comparison. The way stays with the packet across veth pairs, tunnels
 * and hosts; `explain` and the packet-walk tests read it.
 */

import type { Watch } from './watch.ts';

/** What a step of a way tells. */
export type WayEvent =
  | 'send' // a local socket or protocol sent it
  | 'transmit' // a device was handed it
  | 'receive' // a device took it in
  | 'hook' // a netfilter hook with no rule of interest
  | 'rule' // a rule matched
  | 'rewrite' // an address, port or mark changed
  | 'route' // a routing decision
  | 'schedule' // ipvs chose a destination
  | 'encapsulate' // a tunnel header was put on
  | 'decapsulate' // a tunnel header was taken off
  | 'encrypt' // IPsec sealed it
  | 'decrypt' // IPsec opened it
  | 'deliver' // a socket or local protocol got it
  | 'drop'; // it ended here; `detail` names the reason

/** One step; empty strings where a field does not apply. */
export interface WayStep {
  readonly atNs: number;
  /** Name of the namespace, host included: `worker-1`, `worker-1/ingress_sbox`. */
  readonly namespace: string;
  readonly event: WayEvent;
  /** Device, or hook in Linux' spelling (`PREROUTING`). */
  readonly place: string;
  /** `nat/DOCKER-INGRESS`, empty outside netfilter. */
  readonly chain: string;
  /** The rule as `iptables-save` prints it, the rewrite (`dst 10.0.0.1:80 -> 10.0.0.2:80`), … */
  readonly detail: string;
}

/** The steps of one packet, oldest first. */
export class Way {
  readonly steps: WayStep[] = [];
  /** What the packet is in a word or two (`SYN`, `82 bytes`); empty when nobody said. */
  title = '';
  /** The watch that follows the conversation to which the packet belongs, if one does. */
  watch: Watch | undefined = undefined;
  /** How many of the steps are those of the packet that this one was forked from. */
  inheritedCount = 0;
  /** Where this way and its forks are listed. */
  readonly #list: Way[] | undefined;

  /** A way that begins; it adds itself and its forks to `list`. */
  constructor(list?: Way[]) {
    this.#list = list;
    list?.push(this);
  }

  /** Appends a step. */
  add(
    atNs: number,
    namespace: string,
    event: WayEvent,
    place: string,
    chain: string,
    detail: string,
  ): void {
    this.steps.push({ atNs, namespace, event, place, chain, detail });
  }

  /** A copy that goes its own way from here (a flooded frame, an answer). */
  fork(): Way {
    const way = new Way(this.#list);
    way.steps.push(...this.steps);
    way.title = this.title;
    way.watch = this.watch;
    way.inheritedCount = this.steps.length;
    return way;
  }
}
