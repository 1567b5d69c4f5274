/**
 * What dockerd says to a container that cannot be: options that contradict its network mode
 * (moby `runconfig/hostconfig_unix.go`), and wishes for a place on a network that the network does
 * not grant (`daemon/container_operations.go`).
 */
import type { LocalNetwork } from '../network/local-network.ts';
import { NAME_PATTERN } from './container-names.ts';
import { forbidden, invalid, type Refusal } from './refusal.ts';
import type { ContainerRequest, EndpointRequest } from './requests.ts';

/** Why a container cannot be made, whatever there is on the host; `undefined` when it can. */
export function containerRefusal(request: ContainerRequest): Refusal | undefined {
  const { name } = request;
  if (name !== '' && !NAME_PATTERN.test(name)) {
    return invalid(`Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
  }
  const clash = clashOf(request);
  return clash === undefined ? undefined : invalid(`conflicting options: ${clash}`);
}

function clashOf(request: ContainerRequest): string | undefined {
  const { networkMode, links, mac } = request;
  const isContainer = networkMode.startsWith('container:');
  const isHost = networkMode === 'host';
  if (isContainer && request.hostname !== '') return 'hostname and the network mode';
  if (isHost && links.length > 0)
    return `host type networking can't be used with links. ${UNDEFINED}`;
  if (isContainer && links.length > 0) {
    return `container type network can't be used with links. ${UNDEFINED}`;
  }
  if (isContainer && request.dns.length > 0) return 'dns and the network mode';
  if (isContainer && request.extraHosts.length > 0) {
    return 'custom host-to-IP mapping and the network mode';
  }
  if ((isContainer || isHost) && mac !== undefined) return 'mac-address and the network mode';
  if (isContainer && (request.bindings.length > 0 || request.publishesAll)) {
    return 'port publishing and the container type network mode';
  }
  if (isContainer && request.exposed.length > 0) {
    return 'port exposing and the container type network mode';
  }
  return undefined;
}

const UNDEFINED = 'This would result in undefined behavior';

/** Why a network does not grant these wishes; `undefined` when it does. */
export function endpointRefusal(
  network: LocalNetwork,
  request: EndpointRequest,
): Refusal | undefined {
  if (network.facts.isConfigOnly === true) {
    return forbidden('cannot create endpoint on configuration-only network');
  }
  if (!network.isUserDefined) {
    if (request.address !== undefined) {
      return invalid('user specified IP address is supported on user defined networks only');
    }
    if (request.aliases.length > 0) {
      return invalid(
        'network-scoped alias is supported only for containers in user defined networks',
      );
    }
    return undefined;
  }
  if (request.address === undefined) return undefined;
  if (network.facts.ipam.some(({ subnet }) => subnet !== undefined)) return undefined;
  return invalid(
    'user specified IP address is supported only when connecting to networks with user configured ' +
      'subnets',
  );
}

/** Why a container cannot be on these networks together; `undefined` when it can. */
export function togetherRefusal(
  networkMode: string,
  present: readonly string[],
  added: string,
): Refusal | undefined {
  if (networkMode.startsWith('container:')) return forbidden(SHARED);
  if (networkMode === 'host') return added === 'host' ? undefined : forbidden(SHARED);
  if (added === 'host') {
    return present.length === 0 ? undefined : forbidden(NO_HOST);
  }
  const isNone = present.includes('none') || (added === 'none' && present.length > 0);
  if (isNone && added !== present[0]) return forbidden(NO_NONE);
  return undefined;
}

const SHARED =
  'container sharing network namespace with another container or host cannot be connected to any ' +
  'other network';
/** Joining or leaving the host's network after the start. */
export const NO_HOST =
  'container cannot be disconnected from host network or connected to host network';
const NO_NONE =
  'container cannot be connected to multiple networks with one of the networks in private (none) ' +
  'mode';
