/**
 * The drivers of a host that are other processes: loaded by name when a network first asks for one,
 * registered with what they can do, and told of the nodes of the swarm
 * (libnetwork `drvregistry`, `controller.loadDriver`, `controller.getIPAMDriver`).
 */
import { type Steps, takeSteps } from '../../sim/steps.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { failure, invalid, type Refusal } from '../daemon/refusal.ts';
import { RemoteIpam } from './ipam-driver.ts';
import { RemoteDriver } from './network-driver.ts';
import type { PluginCall, PluginClient, PluginClientHost } from './plugin-client.ts';
import { PluginStore } from './plugin-store.ts';

/** The remote drivers of one host. */
export class DriverRegistry {
  readonly #host: PluginClientHost;
  readonly #store: PluginStore;
  readonly #drivers = new Map<string, RemoteDriver>();
  readonly #ipams = new Map<string, RemoteIpam>();
  /** The nodes of the swarm that this host knows, itself among them. */
  readonly #nodes = new Set<Ipv4Address>();

  constructor(host: PluginClientHost) {
    this.#host = host;
    this.#store = new PluginStore(host, {
      NetworkDriver: (client) => this.#registerDriver(client),
      IpamDriver: (client) => this.#registerIpam(client),
    });
  }

  /** Every call to a plugin that is over, in the order of their ends. */
  get calls(): readonly PluginCall[] {
    return this.#store.calls;
  }

  /** dockerd has started again: plugins are looked for anew, networks keep their drivers. */
  restart(): void {
    this.#store.forget();
    this.#drivers.clear();
    this.#ipams.clear();
    this.#nodes.clear();
  }

  /** The network driver of this name. */
  *driver(name: string): Steps<RemoteDriver | Refusal> {
    const known = this.#drivers.get(name);
    if (known !== undefined) return known;
    const refusal = yield* this.#store.load(name, 'NetworkDriver');
    if (refusal !== undefined) return refusal;
    const loaded = this.#drivers.get(name);
    return loaded ?? failure(`could not resolve driver ${name} in registry`);
  }

  /** The address manager of this name. */
  *ipam(name: string): Steps<RemoteIpam | Refusal> {
    const known = this.#ipams.get(name);
    if (known !== undefined) return known;
    const refusal = yield* this.#store.load(name, 'IpamDriver');
    if (refusal !== undefined) return refusal;
    return this.#ipams.get(name) ?? invalid(`invalid ipam driver: "${name}"`);
  }

  /** A node of the swarm came; drivers that reach beyond the host are told. */
  noteNode(address: Ipv4Address): void {
    if (this.#nodes.has(address)) return;
    this.#nodes.add(address);
    this.#tell('DiscoverNew', address);
  }

  /** A node of the swarm went. */
  forgetNode(address: Ipv4Address): void {
    if (this.#nodes.delete(address)) this.#tell('DiscoverDelete', address);
  }

  #tell(change: 'DiscoverNew' | 'DiscoverDelete', address: Ipv4Address): void {
    for (const driver of this.#drivers.values()) {
      if (driver.capability.connectivityScope !== 'global') continue;
      takeSteps(driver.discover(change, address, this.#isSelf(address)), () => {});
    }
  }

  #isSelf(address: Ipv4Address): boolean {
    return address === this.#host.dataPathAddress;
  }

  /** Without an answer about what it can do, it is not registered. */
  *#registerDriver(client: PluginClient): Steps<void> {
    const driver = new RemoteDriver(client, this.#host.engine);
    const error = yield* driver.negotiate();
    if (error !== undefined) return;
    this.#drivers.set(client.name, driver);
    if (driver.capability.connectivityScope !== 'global') return;
    // of the others it hears only when they come
    const own = this.#host.dataPathAddress;
    if (this.#nodes.has(own)) yield* driver.discover('DiscoverNew', own, true);
  }

  *#registerIpam(client: PluginClient): Steps<void> {
    const ipam = new RemoteIpam(client, this.#host.engine);
    const error = yield* ipam.negotiate();
    if (error === undefined) this.#ipams.set(client.name, ipam);
  }
}
