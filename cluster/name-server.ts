/**
 * A DNS server of the outside world, which hosts have in their `resolv.conf`: recursive, so not
 * authoritative, with addresses for the names that it was given and one answer for all others.
 */
import type { Namespace } from '../net/namespace.ts';
import { listenForDns } from '../node/dns/listener.ts';
import { PUBLIC_SERVERS } from '../node/dns/upstreams.ts';
import { type DrawKey, drawBelow } from '../sim/chance.ts';
import { MILLISECOND_NS } from '../sim/time.ts';
import type { Ipv4Address } from '../wire/addresses.ts';
import { DNS_CLASS_INTERNET, DnsType } from '../wire/dns/record.ts';
import { type DnsMessage, DnsRcode, optRecordOf, replyTo } from '../wire/dns.ts';

/** How long the answers live, in seconds. */
const ANSWER_TTL_SECONDS = 300;

/** What its OPT records offer to take, in bytes. */
const EDNS_BYTES = 1232;

/** What a server says of a name that it has no address for; `silence` to every query. */
export type NameServerMood = 'nxdomain' | 'servfail' | 'refused' | 'silence';

/** One server. */
export interface NameServerOptions {
  readonly address: Ipv4Address;
  /** Addresses by name, lower-cased and without a final dot. */
  readonly records: ReadonlyMap<string, readonly Ipv4Address[]>;
  readonly mood: NameServerMood;
  /** From the query to the answer. */
  readonly delay: { readonly minNs: number; readonly maxNs: number };
}

const PUBLIC_ANSWERS = {
  mood: 'nxdomain',
  delay: { minNs: MILLISECOND_NS, maxNs: 5 * MILLISECOND_NS },
} as const;

const RCODES = {
  nxdomain: DnsRcode.nameError,
  servfail: DnsRcode.serverFailure,
  refused: DnsRcode.refused,
} as const;

/** These servers, and the public ones where none of these is: they know nobody. */
export function withPublicServers(servers: readonly NameServerOptions[]): NameServerOptions[] {
  const missing = PUBLIC_SERVERS.filter((one) => servers.every(({ address }) => address !== one));
  const others = missing.map((address) => ({ address, records: new Map(), ...PUBLIC_ANSWERS }));
  return [...servers, ...others];
}

/** A server that listens on one address of the outside. */
export class NameServer {
  readonly #options: NameServerOptions;
  readonly #namespace: Namespace;
  readonly #key: DrawKey;
  #queryCount = 0;

  constructor(namespace: Namespace, options: NameServerOptions) {
    this.#options = options;
    this.#namespace = namespace;
    this.#key = namespace.world.chance.key('nameServer.delay');
    namespace.addAddress(namespace.loopback, { address: options.address, prefixLength: 32 });
    listenForDns(namespace, options.address, (query, _protocol, send) => this.#hear(query, send));
  }

  #hear(query: DnsMessage, send: (answer: DnsMessage) => void): void {
    const { mood, delay } = this.#options;
    if (mood === 'silence') return;
    const { queue } = this.#namespace.world;
    const width = delay.maxNs - delay.minNs + 1;
    const spanNs =
      delay.minNs + drawBelow(this.#key, width, this.#options.address, this.#queryCount++);
    const answer = this.#answer(query, mood);
    queue.scheduleCallback(queue.nowNs + spanNs, () => send(answer));
  }

  #answer(query: DnsMessage, mood: Exclude<NameServerMood, 'silence'>): DnsMessage {
    const question = query.questions[0];
    const hasEdns = query.additionals.some((record) => record.type === DnsType.opt);
    const additionals = hasEdns ? [optRecordOf(EDNS_BYTES)] : [];
    const reply = { ...replyTo(query), recursionAvailable: true, additionals };
    if (question === undefined) return { ...reply, rcode: DnsRcode.formatError };
    const { name, type } = question;
    const addresses = this.#options.records.get(name.toLowerCase().replace(/\.$/, ''));
    if (addresses === undefined) return { ...reply, rcode: RCODES[mood] };
    if (type !== DnsType.a) return reply;
    const header = { name, type, class: DNS_CLASS_INTERNET, ttlSeconds: ANSWER_TTL_SECONDS };
    const answers = addresses.map((address) => ({
      ...header,
      data: { kind: 'ipv4', address } as const,
    }));
    return { ...reply, answers };
  }
}
