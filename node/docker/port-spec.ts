/**
 * What `-p` says: `[[address:]hostPort:]containerPort[/protocol]` with ranges, or
 * `published=8080,target=80,protocol=tcp` (docker/go-connections `nat.ParsePortSpec`, docker/cli
 * `convertToStandardNotation`), with the real parser's complaints.
 */
import { parseIpv4Address } from '../../wire/addresses.ts';
import { parseIpv6Address } from '../../wire/ipv6/text.ts';
import type { ContainerPort, PortBinding, PortProtocol } from '../daemon/requests.ts';

const PROTOCOLS: readonly PortProtocol[] = ['tcp', 'udp', 'sctp'];
const PORT_MAX = 65_535;

type PortRange = readonly [first: number, last: number];

/** The bindings of one `-p`, or what is wrong with it. */
export function parsePublish(spec: string): PortBinding[] | string {
  const short = spec.includes('=') ? shortFormOf(spec) : { text: spec };
  if (typeof short === 'string') return short;
  return parsePortSpec(short.text);
}

/** {@link parsePublish} of the short form alone. */
export function parsePortSpec(spec: string): PortBinding[] | string {
  const parts = spec.split(':');
  const last = parts.at(-1)!;
  const hostText = parts.length > 1 ? parts.at(-2)! : '';
  const rawAddress = parts.length > 2 ? parts.slice(0, -2).join(':') : '';
  const slash = last.indexOf('/');
  const containerText = slash < 0 ? last : last.slice(0, slash);
  const protocolText = slash < 0 ? 'tcp' : last.slice(slash + 1);
  const address = addressOf(rawAddress);
  if (address === undefined) return `Invalid ip address: ${rawAddress}`;
  if (containerText === '') return `No port specified: ${spec}<empty>`;
  const container = rangeOf(containerText);
  if (container === undefined) return `Invalid containerPort: ${containerText}`;
  const host = hostText === '' ? undefined : rangeOf(hostText);
  if (hostText !== '' && host === undefined) return `Invalid hostPort: ${hostText}`;
  const count = container[1] - container[0] + 1;
  const hostCount = host === undefined ? count : host[1] - host[0] + 1;
  if (hostCount !== count && count > 1) {
    const ports = `${containerText} and ${hostText}`;
    return `Invalid ranges specified for container and host Ports: ${ports}`;
  }
  const protocol = PROTOCOLS.find((name) => name === protocolText.toLowerCase());
  if (protocol === undefined) return `Invalid proto: ${protocolText}`;
  return Array.from({ length: count }, (_, i) => ({
    port: container[0] + i,
    protocol,
    hostAddress: address,
    hostPorts: hostPortsOf(host, count, i),
  }));
}

/** One port of a range as long as the container's; the whole range for a single container port. */
function hostPortsOf(host: PortRange | undefined, count: number, index: number): PortRange {
  if (host === undefined) return [0, 0];
  return count === 1 ? host : [host[0] + index, host[0] + index];
}

/** An address without its brackets; empty for none. */
function addressOf(text: string): string | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (bare === '' || parseIpv4Address(bare) !== undefined) return bare;
  return parseIpv6Address(bare) === undefined ? undefined : bare;
}

function rangeOf(text: string): PortRange | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return last < first || last > PORT_MAX ? undefined : [first, last];
}

/** `published=8080,target=80` as `8080:80/tcp`. */
function shortFormOf(spec: string): { readonly text: string } | string {
  const values = new Map<string, string>();
  for (const part of spec.split(',')) {
    const at = part.indexOf('=');
    if (at <= 0 || at === part.length - 1) {
      return `invalid publish opts format (should be name=value but got '${part}')`;
    }
    values.set(part.slice(0, at), part.slice(at + 1));
  }
  const protocol = values.get('protocol') ?? 'tcp';
  return { text: `${values.get('published') ?? ''}:${values.get('target') ?? ''}/${protocol}` };
}

/** The ports of one `--expose`: `80`, `80/udp`, `3000-3005`; or what is wrong with it. */
export function parseExpose(spec: string): ContainerPort[] | string {
  if (spec.includes(':')) return `invalid port format for --expose: ${spec}`;
  const [text = '', protocolText = 'tcp'] = spec.split('/');
  const range = rangeOf(text);
  const protocol = PROTOCOLS.find((name) => name === protocolText.toLowerCase());
  if (range === undefined) {
    return `invalid range format for --expose: ${spec}, error: Invalid range specified for the Port: ${text}`;
  }
  if (protocol === undefined) return `Invalid proto: ${protocolText}`;
  return Array.from({ length: range[1] - range[0] + 1 }, (_, i) => ({
    port: range[0] + i,
    protocol,
  }));
}
