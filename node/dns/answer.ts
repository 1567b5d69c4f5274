/**
 * How the embedded DNS server answers a query from what the host knows, or decides to forward it
 * (`libnetwork/resolver.go`, `sandbox.go` `ResolveName`).
 *
 * A known name of the wrong family is an empty success and is not forwarded; an unknown one is
 * forwarded. Answers live for 600 s, are not authoritative, and come in a new order every time.
 */
import type { Stream } from '../../sim/chance.ts';
import { DNS_CLASS_INTERNET, type DnsRecord, DnsType } from '../../wire/dns/record.ts';
import { addressOfReverseName, type DnsMessage, replyTo } from '../../wire/dns.ts';
import { formatIp, type IpAddress } from '../../wire/ip-address.ts';
import type { NetworkRecords } from './records.ts';

/** Time to live of every answer, in seconds (`respTTL`). */
const ANSWER_TTL_SECONDS = 600;

/** What one sandbox can see: its networks in the order in which they are asked. */
export interface NameView {
  readonly networks: readonly VisibleNetwork[];
}

/** One network of a sandbox. */
export interface VisibleNetwork {
  readonly name: string;
  readonly records: NetworkRecords;
  /** The sandbox' own `--link` style aliases on this network: alias to real name. */
  readonly aliases: ReadonlyMap<string, string>;
}

/** The answer to a query, or `undefined` when it has to be forwarded. */
export function answerQuery(
  query: DnsMessage,
  view: NameView,
  chance: Stream,
): DnsMessage | undefined {
  const question = query.questions[0];
  if (question === undefined) return undefined;
  const reply = { ...replyTo(query), recursionAvailable: true };
  switch (question.type) {
    case DnsType.a: {
      const addresses = addressesOf(view, question.name);
      if (addresses === undefined) return undefined;
      const answers = shuffled(addresses, chance).map((address) =>
        recordOf(question.name, DnsType.a, { kind: 'ipv4', address }),
      );
      return { ...reply, answers };
    }
    case DnsType.aaaa: {
      const addresses = addressesOf(view, question.name, true);
      if (addresses === undefined) return undefined;
      const answers = shuffled(addresses, chance).map((address) =>
        recordOf(question.name, DnsType.aaaa, { kind: 'ipv6', address: formatIp(address) }),
      );
      return { ...reply, answers };
    }
    case DnsType.mx:
      return addressesOf(view, question.name) === undefined ? undefined : reply;
    case DnsType.ptr: {
      const target = nameOf(view, question.name);
      if (target === undefined) return undefined;
      const data = { kind: 'name', target } as const;
      return { ...reply, answers: [recordOf(question.name, DnsType.ptr, data)] };
    }
    default:
      return undefined;
  }
}

/** The addresses of a name in the first of the sandbox' networks that knows it. */
function addressesOf(view: NameView, queryName: string, isIpv6 = false): IpAddress[] | undefined {
  const name = queryName.endsWith('.') ? queryName.slice(0, -1) : queryName;
  for (const { prefix, networkName } of candidatesOf(name)) {
    for (const network of view.networks) {
      if (networkName !== undefined && network.name !== networkName) continue;
      const real = network.aliases.get(prefix.toLowerCase()) ?? prefix;
      const { records } = network;
      const addresses = isIpv6 ? records.ipv6AddressesOf(real) : records.addressesOf(real);
      if (addresses !== undefined) return addresses;
    }
  }
  return undefined;
}

/** The name itself on any network, then every split into a name and a network's name. */
function candidatesOf(name: string): { prefix: string; networkName: string | undefined }[] {
  const candidates: { prefix: string; networkName: string | undefined }[] = [
    { prefix: name, networkName: undefined },
  ];
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    candidates.push({ prefix: name.slice(0, dot), networkName: name.slice(dot + 1) });
  }
  return candidates;
}

function nameOf(view: NameView, reverseName: string): string | undefined {
  const address = addressOfReverseName(reverseName);
  if (address === undefined) return undefined;
  for (const network of view.networks) {
    const name = network.records.nameOf(address);
    if (name !== undefined) return `${name}.${network.name}.`;
  }
  return undefined;
}

function recordOf(name: string, type: number, data: DnsRecord['data']): DnsRecord {
  return { name, type, class: DNS_CLASS_INTERNET, ttlSeconds: ANSWER_TTL_SECONDS, data };
}

/** A Fisher-Yates shuffle of a copy (`shuffleAddr`). */
function shuffled(addresses: readonly IpAddress[], chance: Stream): IpAddress[] {
  const result = [...addresses];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(chance.next() * (i + 1));
    const swapped = result[i]!;
    result[i] = result[j]!;
    result[j] = swapped;
  }
  return result;
}
