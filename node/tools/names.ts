/**
 * Names as a tool's libc resolves them: `/etc/hosts` first, then the servers of `resolv.conf`.
 * Mirrors `getaddrinfo` and `getnameinfo` of glibc.
 */
import { type Ipv4Address, LOOPBACK_ADDRESS } from '../../wire/addresses.ts';
import { isDnsName } from '../../wire/dns/name.ts';
import { DnsType } from '../../wire/dns/record.ts';
import { queryOf, reverseNameOf } from '../../wire/dns.ts';
import { type IpAddress, isIpv6Address, parseIp } from '../../wire/ip-address.ts';
import { exchangeDns } from '../dns/exchange.ts';
import { type ResolveFailure, resolveName } from '../dns/stub-resolver.ts';
import type { Process } from './process.ts';

/** How long `getnameinfo` waits for an answer, in ns. */
const REVERSE_TIMEOUT_NS = 5_000_000_000;

/** What `getaddrinfo` says of each failure (`gai_strerror`). */
const FAILURE_TEXTS: Readonly<Record<ResolveFailure, string>> = {
  unknown: 'Name or service not known',
  unanswered: 'Temporary failure in name resolution',
};

/** The servers that a process asks. */
export function nameServersOf({ place }: Process): readonly Ipv4Address[] {
  const { servers } = place.resolver;
  return servers.length === 0 ? [LOOPBACK_ADDRESS] : servers;
}

/** Which families of addresses a program wants (`ai_family`); IPv4 unless it says otherwise. */
export type WantedFamily = 'ipv4' | 'ipv6';

/**
 * The address of a name or of an address as text; without one, `gai_strerror`'s text. An address as
 * text is taken whatever is wanted, but for one that somebody insists on not wanting.
 */
export function addressOfName(
  process: Process,
  name: string,
  onAnswer: (address: IpAddress | undefined, error: string) => void,
  wanted?: WantedFamily | undefined,
): void {
  const literal = parseIp(name.split('%')[0]!);
  if (literal !== undefined) {
    const isWanted = wanted === undefined || isIpv6Address(literal) === (wanted === 'ipv6');
    onAnswer(isWanted ? literal : undefined, 'Address family for hostname not supported');
    return;
  }
  const { hosts } = process.place;
  const lower = name.toLowerCase();
  const known = wanted === 'ipv6' ? ipv6OfHosts(process, lower) : hosts.get(lower);
  if (known !== undefined) {
    onAnswer(known, '');
    return;
  }
  if (!isDnsName(`${name.replace(/\.$/, '')}.`)) {
    onAnswer(undefined, FAILURE_TEXTS.unknown);
    return;
  }
  const { namespace, resolver } = process.place;
  const stub = { namespace, search: resolver.search, servers: nameServersOf(process) };
  const bare = name.replace(/\.$/, '');
  const take = (address: IpAddress | undefined, failure: ResolveFailure | undefined) => {
    if (!process.isOver) onAnswer(address, FAILURE_TEXTS[failure ?? 'unknown']);
  };
  resolveName(stub, bare, process.draw() & 0xffff, take, wanted);
}

/** What `/etc/hosts` says of a name's IPv6 address. */
function ipv6OfHosts({ place }: Process, name: string): IpAddress | undefined {
  for (const line of (place.files?.get('/etc/hosts') ?? '').split('\n')) {
    const [addressText = '', ...names] = line.toLowerCase().split(/\s+/);
    if (addressText.includes(':') && names.includes(name)) return parseIp(addressText);
  }
  return undefined;
}

/** The name of an address, without its final dot; `undefined` when nobody knows one. */
export function nameOfAddress(
  process: Process,
  address: IpAddress,
  onAnswer: (name: string | undefined) => void,
): void {
  for (const [name, own] of process.place.hosts) {
    if (own === address) {
      onAnswer(name);
      return;
    }
  }
  const query = queryOf(process.draw() & 0xffff, reverseNameOf(address), DnsType.ptr);
  const server = nameServersOf(process)[0]!;
  const exchange = { server, query, timeoutNs: REVERSE_TIMEOUT_NS };
  const cancel = exchangeDns(process.place.namespace, exchange, (reply) => {
    const data = reply?.message.answers.find(({ type }) => type === DnsType.ptr)?.data;
    onAnswer(data?.kind === 'name' ? data.target.replace(/\.$/, '') : undefined);
  });
  process.whenOver(cancel);
}
