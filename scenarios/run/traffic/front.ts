/**
 * A load balancer outside the swarm: it gives requests to nodes in turn, and leaves out those that did
 * not answer its checks, as HAProxy and the balancers of clouds do. A check is a connection to the port
 * of the request, over HTTP a whole request.
 */
import type { Machine } from '../../../cluster/machine.ts';
import type { Namespace } from '../../../net/namespace.ts';
import type { CallTarget } from '../../../node/workload/program.ts';
import { sendRequest } from '../../../node/workload/request.ts';
import type { Ipv4Address } from '../../../wire/addresses.ts';
import type { Front } from '../../language/traffic.ts';

/** A node behind the balancer. */
interface Member {
  readonly machine: Machine;
  isUp: boolean;
  /** Checks in a row that spoke against `isUp`. */
  contraryCount: number;
}

/** One balancer; checks begin with it and go on as long as the run. */
export class FrontBalancer {
  readonly #members: Member[];
  readonly #settings: Front;
  #turn = 0;

  constructor(machines: readonly Machine[], settings: Front) {
    this.#members = machines.map((machine) => ({ machine, isUp: true, contraryCount: 0 }));
    this.#settings = settings;
  }

  /** Begins to check, from a stack with this address. */
  start(namespace: Namespace, source: Ipv4Address, target: CallTarget): void {
    const { queue } = namespace.world;
    for (const member of this.#members) {
      const check = () => {
        this.#check(member, namespace, source, target);
        queue.scheduleCallback(queue.nowNs + this.#settings.every, check);
      };
      check();
    }
  }

  /** The node that gets the next request; undefined when none is up. */
  next(): Machine | undefined {
    for (let i = 0; i < this.#members.length; i++) {
      const member = this.#members[this.#turn++ % this.#members.length]!;
      if (member.isUp) return member.machine;
    }
    return undefined;
  }

  #check(member: Member, namespace: Namespace, source: Ipv4Address, target: CallTarget): void {
    const { timeout, fall, rise } = this.#settings;
    const { protocol, port, host, path } = target;
    if (protocol === 'dns') return;
    sendRequest(namespace, {
      protocol,
      address: member.machine.addresses.first.address,
      port,
      host,
      path,
      requestBytes: protocol === 'http' ? 0 : 1,
      staysOpen: false,
      source,
      timeoutNs: timeout,
      onEnd: (end) => {
        if ((end === 'ok') === member.isUp) {
          member.contraryCount = 0;
          return;
        }
        if (++member.contraryCount < (member.isUp ? fall : rise)) return;
        member.isUp = !member.isUp;
        member.contraryCount = 0;
      },
    });
  }
}
