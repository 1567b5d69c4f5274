/**
 * The swarm networks of one host and what NetworkDB says about them. Here Docker's parts meet: an
 * event of `overlay_peer_table` becomes an FDB and a neighbour entry, an event of `endpoint_table`
 * becomes a load balancer's back end and names (`libnetwork/agent.go`, `network.go`).
 *
 * A network comes to the host with its first user: join in NetworkDB (with its bulk syncs), then the
 * watches, then the load-balancer sandbox; it leaves after its last user.
 */
import type { NetworkDb } from '../../gossip/networkdb/network-db.ts';
import type { Watch, WatchEvent } from '../../gossip/networkdb/watch.ts';
import type { Network } from '../../manager/objects/network.ts';
import type { Peer } from '../../vxlan/peer-database.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { HostIngressPorts } from '../balancer/ingress-ports.ts';
import { BalancerProgrammer } from '../balancer/load-balancer.ts';
import { type Binding, ServiceBindings } from '../balancer/service-bindings.ts';
import type { NetworkRecords } from '../dns/records.ts';
import { GATEWAY_BRIDGE, type Host } from '../host/host.ts';
import { applyEndpointEvent } from './endpoint-events.ts';
import { overlayRefusalOf, SwarmNetwork } from './swarm-network.ts';
import { endpointValue, type PeerValue, peerValue, TableNames } from './table-values.ts';

/** Hears that a network can be used, or dockerd's error text. */
export type NetworkReady = (failure: string | undefined) => void;

interface Joined {
  readonly network: SwarmNetwork;
  isReady: boolean;
  readonly waiting: NetworkReady[];
  readonly watches: Watch[];
  /** Events of endpoints that wait for the load balancer (`networkLocker` in addServiceBinding). */
  readonly held: WatchEvent[];
}

/** The swarm networks of one host. */
export class SwarmNetworks {
  readonly bindings: ServiceBindings;
  readonly #host: Host;
  readonly #db: NetworkDb;
  /** This daemon's member index in the gossip. */
  readonly #member: number;
  readonly #joined = new Map<string, Joined>();
  readonly #ports: HostIngressPorts;
  /** Addresses of this node's load balancers by network id, from the node object. */
  #balancerAddresses = new Map<string, number>();

  constructor(host: Host, db: NetworkDb, member: number) {
    this.#host = host;
    this.#db = db;
    this.#member = member;
    this.#ports = new HostIngressPorts(host, GATEWAY_BRIDGE, () => this.#ingressGateway());
    const programmer = new BalancerProgrammer(
      (id) => this.#joined.get(id)?.network.balancer,
      this.#ports,
    );
    this.bindings = new ServiceBindings({
      programmer,
      recordsOf: (id) => this.#recordsOf(id),
      countsAliases: host.engine.countsServiceAliases,
    });
  }

  /** The networks that are on this host now. */
  get networks(): SwarmNetwork[] {
    return [...this.#joined.values()].map((joined) => joined.network);
  }

  /** The network with this id, if it is on this host. */
  find(networkId: string): SwarmNetwork | undefined {
    return this.#joined.get(networkId)?.network;
  }

  /** The load-balancer addresses that the manager gave to this node. */
  setBalancerAddresses(addresses: ReadonlyMap<string, number>): void {
    this.#balancerAddresses = new Map(addresses);
    for (const joined of this.#joined.values()) this.#maybeReady(joined);
  }

  /** True when the node has a load-balancer address on the network. */
  hasBalancerAddress(networkId: string): boolean {
    return this.#balancerAddresses.has(networkId);
  }

  /** Takes a use of a network; `onReady` when it has synced and has its load balancer, or cannot. */
  use(network: Network, onReady: NetworkReady): void {
    const known = this.#joined.get(network.id);
    if (known !== undefined) {
      known.network.userCount++;
      if (known.isReady) onReady(undefined);
      else known.waiting.push(onReady);
      return;
    }
    const refusal = overlayRefusalOf(network);
    if (refusal !== undefined) {
      onReady(refusal);
      return;
    }
    const joined = {
      network: new SwarmNetwork(this.#host, network),
      isReady: false,
      waiting: [onReady],
      watches: [],
      held: [],
    };
    joined.network.userCount = 1;
    this.#joined.set(network.id, joined);
    this.#join(joined);
  }

  /** Gives a use back; the network leaves the host with its last one. */
  release(networkId: string): void {
    const joined = this.#joined.get(networkId);
    if (joined === undefined || --joined.network.userCount > 0) return;
    this.#leave(joined);
  }

  /**
   * Leaves all networks, as a daemon does that is told to end: the bindings go while the load
   * balancers are there still, with what they opened on the host (`cleanupServiceBindings`).
   */
  leaveAll(): void {
    for (const joined of [...this.#joined.values()]) {
      this.#withdrawBalancer(joined);
      this.#leaveGossip(joined);
      joined.network.destroyBalancer();
      this.#remove(joined);
    }
  }

  /** Writes the mesh's rules again, after somebody else took them away. */
  rewriteRules(): void {
    this.#ports.rewriteRules();
  }

  /** The process was killed: what it told the kernel goes on, and nobody holds the published ports. */
  letGo(): void {
    this.#ports.letGo();
  }

  /** Takes off the host what a killed process left there. */
  abandon(): void {
    for (const { network } of this.#joined.values()) {
      network.destroyBalancer();
      network.remove();
    }
    this.#joined.clear();
  }

  /** Tells all members where a local endpoint is. */
  publishPeer(network: SwarmNetwork, endpointId: string): void {
    const endpoint = network.overlay.endpoints.get(endpointId);
    if (endpoint === undefined) return;
    const { address, mac, subnet } = endpoint;
    const value = peerValue(address, subnet.lengthBits, mac, this.#host.dataPathAddress);
    this.#db.createEntry(this.#member, TableNames.peers, network.id, endpointId, value);
  }

  /** Takes back where a local endpoint was. */
  withdrawPeer(networkId: string, endpointId: string): void {
    this.#db.deleteEntry(this.#member, TableNames.peers, networkId, endpointId);
  }

  /** A local endpoint serves from now on: here first, then everywhere. */
  enableService(binding: Binding): void {
    this.bindings.add(binding);
    const value = endpointValue(binding, false);
    const { networkId, endpointId } = binding;
    this.#db.createEntry(this.#member, TableNames.endpoints, networkId, endpointId, value);
  }

  /** A local endpoint is about to stop: no new connections, here and everywhere. */
  disableService(binding: Binding): void {
    const value = endpointValue(binding, true);
    const { networkId, endpointId } = binding;
    this.#db.updateEntry(this.#member, TableNames.endpoints, networkId, endpointId, value);
    this.bindings.remove(binding, false);
  }

  /** A local endpoint is gone. */
  removeService(binding: Binding): void {
    const { networkId, endpointId } = binding;
    this.#db.deleteEntry(this.#member, TableNames.endpoints, networkId, endpointId);
    this.bindings.remove(binding, true);
  }

  #join(joined: Joined): void {
    const { network } = joined;
    this.#db.joinNetwork(this.#member, network.id, () => {
      if (!this.#host.isOn || this.#joined.get(network.id) !== joined) return;
      for (const table of [TableNames.peers, TableNames.endpoints]) {
        const filter = { table, networkId: network.id };
        const watch = this.#db.watch(this.#member, filter, (event) => this.#hear(joined, event));
        joined.watches.push(watch);
      }
      this.#maybeReady(joined, true);
    });
  }

  #maybeReady(joined: Joined, isSynced = joined.watches.length > 0): void {
    const address = this.#balancerAddresses.get(joined.network.id);
    if (joined.isReady || !isSynced || address === undefined) return;
    const { network } = joined;
    const balancer = network.createBalancer(address);
    if (typeof balancer === 'string') {
      this.#leave(joined);
      for (const onReady of joined.waiting.splice(0)) onReady(balancer);
      return;
    }
    joined.isReady = true;
    this.publishPeer(network, balancer.endpointId);
    if (this.#host.engine.networkDbGeneration === 1) this.#replay(joined);
    for (const event of joined.held.splice(0)) this.#hear(joined, event);
    for (const onReady of joined.waiting.splice(0)) onReady(undefined);
  }

  /**
   * Takes a network from the host (`network.delete`): the load balancer, the driver's watch, the
   * attachment, the overlay. The watch on endpoints is the daemon's own and lives on: leaving tells
   * it that every entry is gone, which clears the bindings.
   */
  #leave(joined: Joined): void {
    this.#withdrawBalancer(joined);
    joined.network.destroyBalancer();
    this.#leaveGossip(joined);
    this.#remove(joined);
  }

  #withdrawBalancer({ network: { id, balancer } }: Joined): void {
    if (balancer !== undefined) this.withdrawPeer(id, balancer.endpointId);
  }

  #leaveGossip({ network, watches }: Joined): void {
    const [peerWatch, endpointWatch] = watches;
    if (peerWatch !== undefined) this.#db.unwatch(peerWatch);
    this.#db.leaveNetwork(this.#member, network.id);
    if (endpointWatch !== undefined) this.#db.unwatch(endpointWatch);
  }

  #remove({ network }: Joined): void {
    network.remove();
    this.#joined.delete(network.id);
  }

  /** Names of the network; ingress has none, because it only routes. */
  #recordsOf(networkId: string): NetworkRecords | undefined {
    const network = this.find(networkId);
    return network?.isIngress === false ? network.records : undefined;
  }

  /** Generation 1 watches begin with nothing: the tables are walked. */
  #replay(joined: Joined): void {
    const { id } = joined.network;
    for (const table of [TableNames.peers, TableNames.endpoints]) {
      for (const entry of this.#db.entriesOf(this.#member, table, id)) {
        if (entry.owner === this.#member) continue;
        this.#hear(joined, { ...entry, kind: 'create', networkId: id, previous: undefined });
      }
    }
  }

  #hear(joined: Joined, event: WatchEvent): void {
    if (!this.#host.isOn) return;
    if (event.table === TableNames.peers) this.#hearPeer(joined.network, event);
    else if (!joined.isReady) joined.held.push(event);
    else applyEndpointEvent(this.bindings, this.#host.engine.networkDbGeneration, event);
  }

  #hearPeer(network: SwarmNetwork, event: WatchEvent): void {
    const peer = peerOf(event.key, event.value as PeerValue);
    if (peer.vtep === this.#host.dataPathAddress) return;
    const isFirstGeneration = this.#host.engine.networkDbGeneration === 1;
    if (event.kind === 'create') network.overlay.addPeer(peer);
    else if (event.kind === 'delete' || isFirstGeneration) network.overlay.removePeer(peer);
    else {
      const previous = event.previous as PeerValue | undefined;
      if (previous !== undefined) network.overlay.removePeer(peerOf(event.key, previous));
      network.overlay.addPeer(peer);
    }
  }

  #ingressGateway(): string {
    for (const { network } of this.#joined.values()) {
      if (!network.isIngress || network.balancer === undefined) continue;
      const device = network.balancer.namespace.deviceByName('eth1');
      if (device === undefined) continue;
      const address = network.balancer.namespace.addresses.of(device)[0]?.address;
      if (address !== undefined) return formatIpv4Address(address);
    }
    return '';
  }
}

function peerOf(endpointId: string, value: PeerValue): Peer {
  return { endpointId, address: value.address, mac: value.mac, vtep: value.vtep };
}
