/**
 * What libnetwork tells a network driver beside addresses, by its labels: a network's options, an
 * endpoint's and a sandbox' ports (libnetwork `netlabel`, moby `buildCreateEndpointOptions`).
 */
import type { Mac } from '../../wire/addresses.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import type { ContainerPort, NetworkRequest, PortBinding } from '../daemon/requests.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { DriverOptions } from './network-driver.ts';

const PREFIX = 'com.docker.network';
/** The first version that says whether a network has IPv4. */
const SAYS_IPV4_MAJOR = 28;

/** What a container publishes and is told. */
export interface EndpointFacts {
  readonly exposed: readonly ContainerPort[];
  readonly bindings: readonly PortBinding[];
  readonly dns: readonly string[];
  /** Chosen by the user. */
  readonly mac: Mac | undefined;
}

/** `Options` of CreateNetwork: the user's under `generic`. */
export function networkOptionsOf(request: NetworkRequest, engine: EngineVersion): DriverOptions {
  const generic = [...request.options].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...(engine.major >= SAYS_IPV4_MAJOR ? { [`${PREFIX}.enable_ipv4`]: true } : {}),
    [`${PREFIX}.enable_ipv6`]: false,
    [`${PREFIX}.generic`]: Object.fromEntries(generic),
    ...(request.isInternal ? { [`${PREFIX}.internal`]: true } : {}),
  };
}

/** `Options` of Join, and of external connectivity. */
export function sandboxOptionsOf({ exposed, bindings }: EndpointFacts): DriverOptions {
  return {
    [`${PREFIX}.endpoint.exposedports`]: exposed.map(({ port, protocol }) => ({
      Proto: IpProtocol[protocol],
      Port: port,
    })),
    [`${PREFIX}.portmap`]: bindings.map(({ port, protocol, hostAddress, hostPorts }) => ({
      Proto: IpProtocol[protocol],
      IP: '',
      Port: port,
      HostIP: hostAddress,
      HostPort: hostPorts[0],
      HostPortEnd: hostPorts[1],
    })),
  };
}

/** `Options` of CreateEndpoint; a chosen MAC address goes as its bytes do, in base64. */
export function endpointOptionsOf(facts: EndpointFacts, isInternal: boolean): DriverOptions {
  const { dns, mac } = facts;
  const options: Record<string, unknown> = isInternal ? {} : { ...sandboxOptionsOf(facts) };
  if (dns.length > 0) options[`${PREFIX}.endpoint.dnsservers`] = dns;
  if (mac !== undefined) options[`${PREFIX}.endpoint.macaddress`] = base64Of(mac);
  return Object.fromEntries(Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function base64Of(mac: Mac): string {
  const bytes = Array.from({ length: 6 }, (_, i) => Math.floor(mac / 2 ** (8 * (5 - i))) & 0xff);
  return btoa(String.fromCharCode(...bytes));
}
