/**
 * The `TEE` target: sends a copy to another gateway on a local link, for somebody who listens.
 *
 * The copy is not tracked, loses a hop where it came from outside, and is not copied again.
 * Mirrors `extensions/libxt_TEE.c` and `net/ipv4/netfilter/nf_dup_ipv4.c`.
 */
import { formatIpv4Address, parseIpv4Address } from '../../../wire/addresses.ts';
import { decrementTtl } from '../../../wire/ipv4.ts';
import { ConnectionState, type Packet } from '../../packet.ts';
import { Outcome, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { mustBeSpecified } from '../options.ts';

/** Copies under way, which no rule copies once more. */
const copies = new WeakSet<Packet>();

class TeeTarget implements Target {
  #gateway: number | undefined = undefined;
  #outDevice = '';

  option(name: string, text: string): string | undefined {
    if (name === '--oif') {
      this.#outDevice = text;
      return undefined;
    }
    this.#gateway = parseIpv4Address(text);
    return this.#gateway === undefined ? 'getaddrinfo: Name or service not known\n' : undefined;
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
    if (hook === Hook.prerouting || hook === Hook.input) decrementTtl(copy.bytes, copy.start);
    namespace.sendIpv4Along(copy, route);
    return Outcome.next;
  }

  save(): string {
    const device = this.#outDevice === '' ? '' : ` --oif ${this.#outDevice}`;
    return ` --gateway ${formatIpv4Address(this.#gateway!)}${device}`;
  }

  list(): string {
    const device = this.#outDevice === '' ? '' : ` oif=${this.#outDevice}`;
    return ` TEE gw:${formatIpv4Address(this.#gateway!)}${device}`;
  }
}

/** `-j TEE`. */
export const teeTarget: TargetKind = {
  name: 'TEE',
  family: 'ipv4',
  options: ['--gateway=', '--oif='],
  needsTracking: true,
  create: () => new TeeTarget(),
};
