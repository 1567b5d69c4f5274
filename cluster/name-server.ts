/**
 * A DNS server of the outside world, which hosts have in their `resolv.conf`: recursive, so not
 * authoritative, with addresses for the names that it was given and one answer for all others.
 */
import type { Namespace } from '../net/namespace.ts';
import type { UdpSocket } from '../net/socket/udp-socket.ts';
import { DNS_STREAM_BYTES_MAX, DnsStreamReader, framedDns } from '../node/dns/stream.ts';
import { type DrawKey, drawBelow } from '../sim/chance.ts';
import type { Ipv4Address } from '../wire/addresses.ts';
import { DNS_CLASS_INTERNET, DnsType } from '../wire/dns/record.ts';
import {
  DNS_PORT,
  type DnsMessage,
  DnsRcode,
  encodeDns,
  optRecordOf,
  parseDns,
  replyTo,
  truncateDns,
  udpAnswerBytesMaxOf,
} from '../wire/dns.ts';

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

const RCODES = {
  nxdomain: DnsRcode.nameError,
  servfail: DnsRcode.serverFailure,
  refused: DnsRcode.refused,
} as const;

/** A server that listens on one address of the outside. */
export class NameServer {
  readonly #options: NameServerOptions;
  readonly #namespace: Namespace;
  readonly #socket: UdpSocket;
  readonly #key: DrawKey;
  #queryCount = 0;

  constructor(namespace: Namespace, options: NameServerOptions) {
    this.#options = options;
    this.#namespace = namespace;
    this.#key = namespace.world.chance.key('nameServer.delay');
    namespace.addAddress(namespace.loopback, { address: options.address, prefixLength: 32 });
    this.#socket = namespace.sockets.openUdp({
      onDatagram: (bytes, address, port) =>
        this.#hear(bytes, false, (answer) => this.#socket.sendTo(answer, address, port)),
    });
    this.#socket.bind(DNS_PORT, options.address);
    namespace.sockets.listen({
      port: DNS_PORT,
      address: options.address,
      onConnection: (connection) => {
        const reader = new DnsStreamReader();
        const send = (answer: Uint8Array) => void connection.send(framedDns(answer));
        return {
          onData: (bytes) => {
            for (const query of reader.take(bytes)) this.#hear(query, true, send);
          },
        };
      },
    });
  }

  #hear(bytes: Uint8Array, isTcp: boolean, send: (answer: Uint8Array) => void): void {
    const query = parseDns(bytes, 0, bytes.length);
    const { mood, delay } = this.#options;
    if (query === undefined || query.isResponse || mood === 'silence') return;
    const { queue } = this.#namespace.world;
    const width = delay.maxNs - delay.minNs + 1;
    const spanNs =
      delay.minNs + drawBelow(this.#key, width, this.#options.address, this.#queryCount++);
    const bytesMax = isTcp ? DNS_STREAM_BYTES_MAX : udpAnswerBytesMaxOf(query);
    const answer = encodeDns(truncateDns(this.#answer(query, mood), bytesMax, isTcp));
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
