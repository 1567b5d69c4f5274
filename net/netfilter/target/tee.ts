/**
 * The `TEE` target: sends a copy to another gateway on a local link, for somebody who listens.
 *
 * The copy is not tracked, loses a hop where it came from outside, and is not copied again.
 * Mirrors `extensions/libxt_TEE.c` and `net/ipv4/netfilter/nf_dup_ipv4.c`.
 */
import { formatIp, isIpv6Address, parseIp } from '../../../wire/ip-address.ts';
import { decrementTtl } from '../../../wire/ipv4.ts';
import { hopLimitOf } from '../../../wire/ipv6/header.ts';
import { ConnectionState, type Packet } from '../../packet.ts';
import { Outcome, type ParseEnvironment, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { mustBeSpecified } from '../options.ts';

/** Copies under way, which no rule copies once more. */
const copies = new WeakSet<Packet>();

class TeeTarget implements Target {
  #gateway: number | undefined = undefined;
  #outDevice = '';
  readonly #isIpv6: boolean;

  constructor({ family }: ParseEnvironment) {
    this.#isIpv6 = family === 'ipv6';
  }

  option(name: string, text: string): string | undefined {
    if (name === '--oif') {
      this.#outDevice = text;
      return undefined;
    }
    const gateway = parseIp(text);
    if (gateway === undefined) return 'getaddrinfo: Name or service not known\n';
    if (isIpv6Address(gateway) !== this.#isIpv6) {
      return 'getaddrinfo: Address family for hostname not supported\n';
    }
    this.#gateway = gateway;
    return undefined;
  }

  finish(): string | undefined {
    return this.#gateway === undefined ? mustBeSpecified('TEE', '--gateway') : undefined;
  }

  run({ packet, namespace, hook }: Inspection): Outcome {
    if (copies.has(packet)) return Outcome.next;
    const outDevice = namespace.deviceByName(this.#outDevice);
    const route = namespace.routeLookup({ destination: this.#gateway!, outDevice });
    if (route === undefined) return Outcome.next;
    const copy = packet.clone();
    copies.add(copy);
    copy.scrub();
    copy.mark = packet.mark;
    copy.connectionState = ConnectionState.untracked;
    if (hook === Hook.prerouting || hook === Hook.input) this.#spendHop(copy);
    namespace.sendAlong(copy, route);
    return Outcome.next;
  }

  #spendHop({ bytes, start }: Packet): void {
    if (this.#isIpv6) bytes[start + 7] = hopLimitOf(bytes, start) - 1;
    else decrementTtl(bytes, start);
  }

  save(): string {
    const device = this.#outDevice === '' ? '' : ` --oif ${this.#outDevice}`;
    return ` --gateway ${formatIp(this.#gateway!)}${device}`;
  }

  list(): string {
    const device = this.#outDevice === '' ? '' : ` oif=${this.#outDevice}`;
    return ` TEE gw:${formatIp(this.#gateway!)}${device}`;
  }
}

/** `-j TEE`. */
export const teeTarget: TargetKind = {
  name: 'TEE',
  options: ['--gateway=', '--oif='],
  needsTracking: true,
  create: (environment) => new TeeTarget(environment),
};
