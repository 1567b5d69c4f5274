/**
 * The part of plugins in a network: a remote driver, a remote address manager, or both; and the
 * places of containers on it, which are asked for before a container joins and given back after it
 * has left (libnetwork `network.createEndpoint`, `endpoint.sbJoin`, `sbLeave`, `Delete`).
 *
 * Asking takes time and may fail. What came of it waits here until the container's sandbox takes it,
 * so that a container takes all its places in one instant. Giving back is not waited for.
 */
import type { Device } from '../../net/device/device.ts';
import type { Namespace } from '../../net/namespace.ts';
import { answerOf, StepQueue, type Steps } from '../../sim/steps.ts';
import {
  broadcastOf,
  formatMac,
  formatPrefix,
  type Ipv4Address,
  type Mac,
  type Prefix,
} from '../../wire/addresses.ts';
import { failure, Refusal } from '../daemon/refusal.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { Identifiers } from '../host/identifiers.ts';
import { endpointAddressRefusal } from '../ipam/address-refusal.ts';
import type { LocalPool } from '../ipam/local-pools.ts';
import {
  type EndpointFacts,
  endpointOptionsOf,
  sandboxOptionsOf,
} from '../plugins/endpoint-options.ts';
import type { RemoteIpam } from '../plugins/ipam-driver.ts';
import type { JoinInfo, RemoteDriver } from '../plugins/network-driver.ts';
import { PluginError } from '../plugins/plugin-client.ts';
import type { RemoteAddresses } from '../plugins/remote-addresses.ts';
import type { PlaneEndpoint } from './network-plane.ts';

/** A container's place on a network that plugins have a part in. */
export interface ReservedEndpoint {
  readonly id: string;
  readonly containerId: string;
  /** Absent where neither address manager nor driver has given one. */
  readonly address: Prefix | undefined;
  readonly mac: Mac | undefined;
  /** What the remote driver has made; absent where the driver is built in. */
  readonly join: JoinInfo | undefined;
  /** The driver was asked to lead traffic from outside to it. */
  readonly isReachable: boolean;
}

/** What a container asks for. */
export interface ReservationRequest extends EndpointFacts {
  readonly containerId: string;
  readonly containerName: string;
  readonly sandboxKey: string;
  readonly address: Ipv4Address | undefined;
}

/** What a plugged network is made of. */
export interface PluggedNetworkParts {
  readonly networkId: string;
  readonly networkName: string;
  readonly isInternal: boolean;
  readonly identifiers: Identifiers;
  /** Absent for a built-in driver. */
  readonly driver: RemoteDriver | undefined;
  /** Absent where the host's own pools serve. */
  readonly addresses: RemoteAddresses | undefined;
  /** The host's own pool, where there is no remote one; no addresses at all for `null`. */
  readonly pool: LocalPool;
  readonly hasAddresses: boolean;
}

/** The part of plugins in one network. */
export class PluggedNetwork {
  readonly parts: PluggedNetworkParts;
  /** What was asked for and not yet taken, by the container's id. */
  readonly #reserved = new Map<string, ReservedEndpoint>();
  /** libnetwork locks a network while it makes an endpoint. */
  #turns = new StepQueue();
  /** dockerd locks a container while it takes a place and while it gives one back. */
  readonly #turnsOfContainers = new Map<string, StepQueue>();
  #releaseCount = 0;
  /** Who waits until nothing is given back any more. */
  #waiting: (() => void)[] = [];

  constructor(parts: PluggedNetworkParts) {
    this.parts = parts;
  }

  /**
   * dockerd has started again: nobody waits any more for what it had asked, and an address manager is
   * greeted by `ipam` before the network is used again.
   */
  restart(ipam: (name: string) => Steps<RemoteIpam | Refusal>, engine: EngineVersion): void {
    this.#turns = new StepQueue();
    this.#turnsOfContainers.clear();
    this.#reserved.clear();
    this.#releaseCount = 0;
    this.#waiting = [];
    const { addresses } = this.parts;
    if (addresses !== undefined) this.#turns.take(replayed(addresses, ipam, engine));
  }

  /** Calls when everything has been given back that was to be: at once, or later. */
  whenReleased(onReleased: () => void): void {
    if (this.#releaseCount === 0) onReleased();
    else this.#waiting.push(onReleased);
  }

  /** Asks for a container's place; why it cannot have it. */
  *reserve(request: ReservationRequest): Steps<Refusal | undefined> {
    return yield* answerOf<Refusal | undefined>((resume) =>
      this.#turnsOf(request.containerId).take(this.#reserveInTurn(request), resume),
    );
  }

  *#reserveInTurn(request: ReservationRequest): Steps<Refusal | undefined> {
    return yield* answerOf<Refusal | undefined>((resume) =>
      this.#turns.take(this.#reserve(request), resume),
    );
  }

  #turnsOf(containerId: string): StepQueue {
    for (const [id, turns] of this.#turnsOfContainers) {
      if (turns.isIdle) this.#turnsOfContainers.delete(id);
    }
    const turns = this.#turnsOfContainers.get(containerId) ?? new StepQueue();
    this.#turnsOfContainers.set(containerId, turns);
    return turns;
  }

  /** The place that a container has asked for. */
  claim(containerId: string): ReservedEndpoint | undefined {
    const endpoint = this.#reserved.get(containerId);
    this.#reserved.delete(containerId);
    return endpoint;
  }

  /** Gives a place back. */
  release(endpoint: ReservedEndpoint): void {
    this.#releaseCount++;
    this.#turnsOf(endpoint.containerId).take(this.#release(endpoint), () => {
      if (--this.#releaseCount > 0) return;
      for (const onReleased of this.#waiting.splice(0)) onReleased();
    });
  }

  /** Takes the network from its plugins; nobody hears when that fails. */
  remove(): void {
    this.#turns.take(this.#remove());
  }

  *#reserve(request: ReservationRequest): Steps<Refusal | undefined> {
    const { driver, networkId, isInternal, networkName, identifiers } = this.parts;
    const { containerId } = request;
    const needsMac = this.parts.addresses?.ipam.needsMac === true;
    const mac = request.mac ?? (needsMac ? identifiers.mac() : undefined);
    const address = yield* this.#requestAddress(request, needsMac ? mac : undefined);
    if (address instanceof Refusal) return address;
    const id = identifiers.id();
    if (driver === undefined) {
      const reserved = { id, containerId, address, mac, join: undefined, isReachable: false };
      this.#reserved.set(request.containerId, reserved);
      return undefined;
    }
    const options = endpointOptionsOf(request, isInternal);
    const decided = yield* driver.createEndpoint(networkId, id, { address, mac }, options);
    if (decided instanceof PluginError) {
      yield* this.#releaseAddress(address);
      const what = `endpoint ${request.containerName} on network ${networkName}`;
      return failure(`failed to create ${what}: ${decided.message}`);
    }
    const undo = { id, containerId, address, mac, join: undefined, isReachable: false };
    const sandboxOptions = sandboxOptionsOf(request);
    const join = yield* driver.join(networkId, id, request.sandboxKey, sandboxOptions);
    if (join instanceof PluginError) {
      yield* this.#release(undo);
      return failure(join.message);
    }
    const isReachable = join.gateway !== undefined && !isInternal;
    if (isReachable) {
      const trouble = yield* driver.programExternalConnectivity(networkId, id, sandboxOptions);
      if (trouble !== undefined) {
        yield* this.#release({ ...undo, join });
        const who = `endpoint ${request.containerName} (${id})`;
        const what = `driver failed programming external connectivity on ${who}`;
        return failure(`${what}: ${trouble.message}`);
      }
    }
    const ownAddress = decided.address ?? address;
    const { mac: ownMac } = decided;
    const reserved = { id, containerId, address: ownAddress, mac: ownMac, join, isReachable };
    this.#reserved.set(request.containerId, reserved);
    return undefined;
  }

  *#requestAddress(
    request: ReservationRequest,
    mac: Mac | undefined,
  ): Steps<Prefix | undefined | Refusal> {
    if (!this.parts.hasAddresses) return undefined;
    const { addresses, pool, networkName, networkId } = this.parts;
    if (addresses !== undefined) {
      return yield* addresses.request(
        request.address,
        mac === undefined ? undefined : formatMac(mac),
      );
    }
    const address = pool.take(request.address);
    if (address !== undefined) return { address, lengthBits: pool.subnet.lengthBits };
    const network = { name: networkName, id: networkId };
    return endpointAddressRefusal(pool.subnet, request.address, network);
  }

  *#release({ id, address, join, isReachable }: ReservedEndpoint): Steps<void> {
    const { driver, networkId } = this.parts;
    if (driver !== undefined) {
      if (isReachable) yield* driver.revokeExternalConnectivity(networkId, id);
      if (join !== undefined) yield* driver.leave(networkId, id);
      yield* driver.deleteEndpoint(networkId, id);
    }
    yield* this.#releaseAddress(address);
  }

  *#releaseAddress(own: Prefix | undefined): Steps<void> {
    const { addresses, pool, hasAddresses } = this.parts;
    if (own === undefined || !hasAddresses) return;
    if (addresses === undefined) pool.release(own.address);
    else yield* addresses.release(own.address);
  }

  *#remove(): Steps<void> {
    const { addresses, driver, networkId } = this.parts;
    if (addresses !== undefined) yield* addresses.releaseAll();
    if (driver !== undefined) yield* driver.deleteNetwork(networkId);
  }
}

/** What cannot be had again is for dockerd's log, and the network is there all the same. */
function* replayed(
  addresses: RemoteAddresses,
  ipam: (name: string) => Steps<RemoteIpam | Refusal>,
  engine: EngineVersion,
): Steps<void> {
  const found = yield* ipam(addresses.ipam.name);
  if (!(found instanceof Refusal)) yield* addresses.replay(found, engine);
}

/** The data plane of a network that a remote driver makes: all that libnetwork knows of it. */
export class RemotePlane {
  readonly pool: LocalPool;
  readonly gateway: Ipv4Address | undefined;
  /** Each endpoint has its own. */
  readonly defaultRoute = 'none';
  readonly #host: Namespace;
  /** What the devices in sandboxes were called on the host, by endpoint. */
  readonly #sourceNames = new Map<string, string>();

  constructor(host: Namespace, pool: LocalPool, gateway: Ipv4Address | undefined) {
    this.#host = host;
    this.pool = pool;
    this.gateway = gateway;
  }

  /** Moves what the driver has made into a sandbox, as the next interface of its prefix. */
  attach(sandbox: Namespace, reserved: ReservedEndpoint): PlaneEndpoint | Refusal {
    const { id, address, mac } = reserved;
    const { sourceName, prefix, routes } = reserved.join!;
    const device = this.#host.deviceByName(sourceName);
    if (device === undefined) {
      const why = `failed to get link by name "${sourceName}": Link not found`;
      return failure(`failed to add interface ${sourceName} to sandbox: ${why}`);
    }
    this.#sourceNames.set(id, sourceName);
    this.#host.setUp(device, false);
    this.#host.moveDevice(device, sandbox, freeName(sandbox, prefix));
    if (mac !== undefined) sandbox.setMac(device, mac);
    if (address !== undefined) addAddress(sandbox, device, address);
    sandbox.setUp(device, true);
    const endpoint = { id, address: address?.address ?? 0, mac: device.mac, device };
    for (const { destination, nextHop } of routes) {
      const route = { destination: destination.address, prefixLength: destination.lengthBits };
      if (nextHop === undefined) sandbox.addRoute({ ...route, device });
      else {
        const trouble = sandbox.addRoute({ ...route, gateway: nextHop });
        if (trouble === undefined) continue;
        this.leave(endpoint);
        return failure(`failed to add static route ${formatPrefix(destination)}: ${trouble}`);
      }
    }
    return endpoint;
  }

  /** The device comes back to the host under its old name, down, for the driver to take away. */
  leave({ id, device }: PlaneEndpoint): void {
    const name = this.#sourceNames.get(id);
    if (name === undefined) return;
    this.#sourceNames.delete(id);
    device.namespace.setUp(device, false);
    device.namespace.moveDevice(device, this.#host, name);
  }

  /** The driver takes away what it has made. */
  remove(): void {}
}

function addAddress(sandbox: Namespace, device: Device, own: Prefix): void {
  const { address, lengthBits } = own;
  const broadcast = lengthBits < 31 ? { broadcast: broadcastOf(own) } : {};
  sandbox.addAddress(device, { address, prefixLength: lengthBits, ...broadcast });
}

/** The next free name with a prefix (`eth1`). */
export function freeName(namespace: Namespace, prefix: string): string {
  let number = 0;
  while (namespace.deviceByName(`${prefix}${number}`) !== undefined) number++;
  return `${prefix}${number}`;
}
