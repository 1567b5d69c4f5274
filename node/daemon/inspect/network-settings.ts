/**
 * `NetworkSettings` of `docker inspect` (moby `api/types/network_settings.go`): published ports, and
 * the container's place on each network. Up to 28 the fields of the default bridge stand at the top
 * once more.
 */
import { formatMac } from '../../../wire/addresses.ts';
import { formatIp } from '../../../wire/ip-address.ts';
import type { EngineVersion } from '../../engine-version.ts';
import type { LocalEndpoint } from '../../network/local-network.ts';
import { portText } from '../requests.ts';
import type { Attachment, StandaloneContainer } from '../standalone-container.ts';
import { type Json, sortedObject } from './json.ts';
import { prefix6Of } from './network.ts';

/** The first version that knows a place's gateway priority, and the first that lists DNS names. */
const PRIORITY_MAJOR = 28;
const DNS_NAMES_MAJOR = 25;
/** The first whose aliases are those alone that were asked for. */
const PURE_ALIASES_MAJOR = 26;
/** The first that says what was asked for before what came of it. */
const WISHES_FIRST_MAJOR = 27;
/** The first that says nothing twice. */
const PLAIN_MAJOR = 29;

/** The settings of a container, running or not. */
export function networkSettingsJson(
  container: StandaloneContainer,
  engine: EngineVersion,
): Record<string, Json> {
  const { sandbox } = container;
  const ports = portsJson(container);
  const networks = sortedObject(
    [...container.attachments].map(([name, attachment]) => [
      name,
      attachmentJson(container, attachment, engine),
    ]),
  );
  const id = sandbox?.id ?? '';
  const key = sandbox?.key ?? '';
  if (engine.major >= PLAIN_MAJOR) {
    return { SandboxID: id, SandboxKey: key, Ports: ports, Networks: networks };
  }
  const own = container.attachments.get('bridge')?.endpoint;
  const { EndpointID, ...addresses } = addressesJson(own);
  const { IPv6Gateway, GlobalIPv6Address, GlobalIPv6PrefixLen, ...rest } = addresses;
  const { Gateway, IPAddress, IPPrefixLen, MacAddress } = rest;
  const linkLocal = {
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
  };
  const head =
    engine.major >= DNS_NAMES_MAJOR
      ? { SandboxID: id, SandboxKey: key, Ports: ports, ...linkLocal }
      : { SandboxID: id, ...linkLocal, Ports: ports, SandboxKey: key };
  return {
    Bridge: '',
    ...head,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID,
    Gateway,
    GlobalIPv6Address,
    GlobalIPv6PrefixLen,
    IPAddress,
    IPPrefixLen,
    IPv6Gateway,
    MacAddress,
    Networks: networks,
  };
}

/** Where each exposed port is published; nowhere for one that is not. */
function portsJson(container: StandaloneContainer): Record<string, Json> {
  if (container.sandbox === undefined || container.request.networkMode === 'host') return {};
  const bindings = new Map<string, Json[]>();
  for (const mapping of container.mappings()) {
    const { hostAddress, hostPort, containerPort: port, protocol } = mapping;
    const key = portText({ port, protocol });
    const addresses = hostAddress === '' ? ['0.0.0.0', '::'] : [hostAddress];
    const own = bindings.get(key) ?? [];
    own.push(...addresses.map((HostIp) => ({ HostIp, HostPort: String(hostPort) })));
    bindings.set(key, own);
  }
  return sortedObject(
    container.exposed.map((port) => [portText(port), bindings.get(portText(port)) ?? null]),
  );
}

function attachmentJson(
  container: StandaloneContainer,
  attachment: Attachment,
  engine: EngineVersion,
): Json {
  const { request, endpoint } = attachment;
  const isUserDefined = endpoint?.network.isUserDefined ?? false;
  const { EndpointID, MacAddress, ...addresses } = addressesJson(endpoint);
  const { links, aliases } = request;
  const own = [container.shortId, container.hostname];
  const hasOwn = isUserDefined && engine.major < PURE_ALIASES_MAJOR;
  const allAliases = hasOwn ? [...new Set([...aliases, ...own])] : aliases;
  const head = {
    IPAMConfig: ipamConfigJson(attachment),
    Links: links.length === 0 ? null : links,
    Aliases: allAliases.length === 0 ? null : allAliases,
  };
  const place = { NetworkID: attachment.networkId, EndpointID };
  const { driverOptions } = request;
  const wishes = { DriverOpts: driverOptions === undefined ? null : sortedObject(driverOptions) };
  if (engine.major < DNS_NAMES_MAJOR) {
    return { ...head, ...place, ...addresses, MacAddress, ...wishes };
  }
  const names = { DNSNames: isUserDefined && endpoint !== undefined ? endpoint.names : null };
  if (engine.major < WISHES_FIRST_MAJOR) {
    return { ...head, MacAddress, ...place, ...addresses, ...wishes, ...names };
  }
  if (engine.major < PRIORITY_MAJOR) {
    return { ...head, MacAddress, ...wishes, ...place, ...addresses, ...names };
  }
  const GwPriority = request.gatewayPriority;
  if (engine.major < PLAIN_MAJOR) {
    return { ...head, MacAddress, ...wishes, GwPriority, ...place, ...addresses, ...names };
  }
  const { Gateway, IPAddress, ...rest } = addresses;
  const first = { Gateway, IPAddress, MacAddress };
  return { ...head, ...wishes, GwPriority, ...place, ...first, ...rest, ...names };
}

function ipamConfigJson({ hasChosenAddress, request }: Attachment): Json {
  if (!hasChosenAddress) return null;
  const { address, address6 } = request;
  return {
    ...(address === undefined ? {} : { IPv4Address: formatIp(address) }),
    ...(address6 === undefined ? {} : { IPv6Address: formatIp(address6) }),
  };
}

/** The addresses of an endpoint; empty ones for none. */
function addressesJson(endpoint: LocalEndpoint | undefined) {
  const plane = endpoint?.plane;
  const gateway = endpoint?.defaultRoute?.gateway;
  const gateway6 = endpoint?.defaultRoute?.gateway6;
  const address = endpoint?.address ?? 0;
  const address6 = endpoint?.address6 ?? 0;
  return {
    EndpointID: endpoint?.id ?? '',
    Gateway: gateway === undefined ? '' : formatIp(gateway),
    IPAddress: address === 0 ? '' : formatIp(address),
    IPPrefixLen: address === 0 ? 0 : endpoint!.prefixLength,
    IPv6Gateway: gateway6 === undefined ? '' : formatIp(gateway6),
    GlobalIPv6Address: address6 === 0 ? '' : formatIp(address6),
    GlobalIPv6PrefixLen: endpoint === undefined ? 0 : prefix6Of(endpoint),
    MacAddress: plane === undefined ? '' : formatMac(endpoint!.mac),
  };
}
