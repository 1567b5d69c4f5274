/**
 * The files that dockerd writes into a container: `/etc/hosts` and `/etc/resolv.conf`
 * (`libnetwork/etchosts`, `resolvconf`, `sandbox_dns_unix.go`).
 */
import { formatIpv4Address, type Ipv4Address, parseIpv4Address } from '../../wire/addresses.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { ResolverConfig } from '../host/host.ts';

/** One line of `/etc/hosts` behind those that are always there. */
export interface HostsLine {
  readonly address: string;
  /** Names, a space between two. */
  readonly names: string;
}

/** What stands at the head of a container's `/etc/hosts`. */
function headOf(engine: EngineVersion, hasIpv6: boolean): readonly HostsLine[] {
  const head = [{ address: '127.0.0.1', names: 'localhost' }];
  if (!hasIpv6) return head;
  const zero = engine.shortensHosts ? '' : '0';
  return [
    ...head,
    { address: '::1', names: 'localhost ip6-localhost ip6-loopback' },
    { address: `fe00::${zero}`, names: 'ip6-localnet' },
    { address: `ff00::${zero}`, names: 'ip6-mcastprefix' },
    { address: 'ff02::1', names: 'ip6-allnodes' },
    { address: 'ff02::2', names: 'ip6-allrouters' },
  ];
}

/** `/etc/hosts` of one container. */
export class HostsFile {
  readonly #lines: HostsLine[];

  readonly #hasIpv6: boolean;

  /** Without IPv6 there is no line about it. */
  constructor(engine: EngineVersion, extra: readonly HostsLine[], hasIpv6 = true) {
    this.#hasIpv6 = hasIpv6;
    this.#lines = [...headOf(engine, hasIpv6)];
    for (const line of extra) this.add(line);
  }

  /** Adds a line at the end. */
  add(line: HostsLine): void {
    if (this.#hasIpv6 || !line.address.includes(':')) this.#lines.push(line);
  }

  /** Takes the last line with this address and these names away. */
  remove({ address, names }: HostsLine): void {
    const at = this.#lines.findLastIndex((l) => l.address === address && l.names === names);
    if (at >= 0) this.#lines.splice(at, 1);
  }

  /** Gives the lines whose first name this is another address (`UpdateHostsEntry`). */
  update(name: string, address: string): void {
    this.#lines.forEach((line, i) => {
      if (line.names.split(' ')[0] === name) this.#lines[i] = { ...line, address };
    });
  }

  /** The address of a name, as the C library reads the file. */
  find(name: string): Ipv4Address | undefined {
    return this.names.get(name.toLowerCase());
  }

  /** Names in lower case with their addresses, for a tool's look-ups. */
  get names(): ReadonlyMap<string, Ipv4Address> {
    const names = new Map<string, Ipv4Address>();
    for (const line of this.#lines) {
      const address = parseIpv4Address(line.address);
      if (address === undefined) continue;
      for (const name of line.names.toLowerCase().split(' ')) {
        if (!names.has(name)) names.set(name, address);
      }
    }
    return names;
  }

  /** The whole file. */
  get text(): string {
    return this.#lines.map(({ address, names }) => `${address}\t${names}\n`).join('');
  }
}

/** What a container asks for its `resolv.conf` to say; an empty list leaves it to the host. */
export interface DnsWishes {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** The domains in which a container searches names. */
export function searchOf(wished: readonly string[], resolver: ResolverConfig): readonly string[] {
  if (wished.length === 0) return resolver.search;
  return wished.filter((domain) => domain !== '.');
}

/** `/etc/resolv.conf` with these servers; with the embedded one, names are not searched first. */
export function resolvConfText(
  servers: readonly Ipv4Address[],
  search: readonly string[],
  options: readonly string[],
): string {
  const lines = servers.map((address) => `nameserver ${formatIpv4Address(address)}\n`);
  if (search.length > 0) lines.unshift(`search ${search.join(' ')}\n`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}\n`);
  return lines.join('');
}

/** The options beside the embedded server: `ndots:0`, unless somebody said otherwise. */
export function withNdots(options: readonly string[]): readonly string[] {
  return options.some((option) => option.startsWith('ndots:')) ? options : [...options, 'ndots:0'];
}
