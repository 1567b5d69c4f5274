/**
 * What one host knows of all services on its networks: back ends, virtual addresses, marks and
 * names (`libnetwork/service_common.go`).
 *
 * A service is told apart by its id and its ingress ports, since ports are carried on the ingress
 * network only; each (service, network) has a load balancer with a mark of this host's own, counted
 * from 256 and never used again. Binding an endpoint programs the back end and the names; a graceful
 * removal first disables (weight 0, `tasks.` names gone), then removes.
 */
import type { Ipv4Address } from '../../wire/addresses.ts';
import type { NetworkRecords } from '../dns/records.ts';
import type { IngressPort } from '../firewall/ingress-rules.ts';

/** The first mark that a daemon hands out. */
const FIRST_FWMARK = 256;

/** Everything that an endpoint says about the service that it serves. */
export interface Binding {
  readonly networkId: string;
  readonly endpointId: string;
  /** `stack_web.1.<task id>`. */
  readonly containerName: string;
  readonly serviceName: string;
  readonly serviceId: string;
  /** 0 when the service has none (dnsrr). */
  readonly vip: Ipv4Address;
  readonly address: Ipv4Address;
  readonly ports: readonly IngressPort[];
  readonly serviceAliases: readonly string[];
  readonly taskAliases: readonly string[];
}

/** One back end of a load balancer. */
interface BackEnd {
  readonly address: Ipv4Address;
  readonly aliases: readonly string[];
  isDisabled: boolean;
}

/** A service on one network of this host. */
export interface LoadBalancer {
  readonly networkId: string;
  readonly serviceName: string;
  readonly vip: Ipv4Address;
  readonly fwmark: number;
  readonly ports: readonly IngressPort[];
  readonly backEnds: Map<string, BackEnd>;
  /** How many back ends claim a service alias. */
  readonly aliasCounts: Map<string, number>;
}

/** What the bindings of a host work with. */
export interface ServiceBindingsParts {
  readonly programmer: BackEndProgrammer;
  /** Undefined for networks without names: ingress, and those that are not here. */
  readonly recordsOf: (networkId: string) => NetworkRecords | undefined;
  /**
   * An alias leads to the VIP as long as any task claims it (29.5 and later), instead of from the
   * first back end to the last, whatever aliases these two have.
   */
  readonly countsAliases: boolean;
}

/** Programs a load balancer's state into the kernel; see `load-balancer.ts`. */
export interface BackEndProgrammer {
  addBackEnd(balancer: LoadBalancer, address: Ipv4Address): void;
  /** Weight 0 unless `isFull`; with `isLast` the service goes too. */
  removeBackEnd(
    balancer: LoadBalancer,
    address: Ipv4Address,
    isLast: boolean,
    isFull: boolean,
  ): void;
}

interface Service {
  readonly balancers: Map<string, LoadBalancer>;
  /** Address to the endpoints that claim it, per network: `<network> <address>`. */
  readonly endpointsByAddress: Map<string, Set<string>>;
}

/** All service bindings of one host. */
export class ServiceBindings {
  readonly #services = new Map<string, Service>();
  readonly #parts: ServiceBindingsParts;
  #nextMark = FIRST_FWMARK;

  constructor(parts: ServiceBindingsParts) {
    this.#parts = parts;
  }

  /** Every load balancer, for listings and for load-balancer sandboxes that are made late. */
  *balancersOf(networkId: string): IterableIterator<LoadBalancer> {
    for (const service of this.#services.values()) {
      const balancer = service.balancers.get(networkId);
      if (balancer !== undefined) yield balancer;
    }
  }

  /** Adds an endpoint to its service (`addServiceBinding`). */
  add(binding: Binding): void {
    const { networkId, endpointId } = binding;
    const key = serviceKeyOf(binding);
    let service = this.#services.get(key);
    if (service === undefined) {
      service = { balancers: new Map(), endpointsByAddress: new Map() };
      this.#services.set(key, service);
    }
    let balancer = service.balancers.get(networkId);
    const isNew = balancer === undefined;
    if (balancer === undefined) {
      balancer = {
        networkId,
        serviceName: binding.serviceName,
        vip: binding.vip,
        fwmark: this.#nextMark++,
        ports: binding.ports,
        backEnds: new Map(),
        aliasCounts: new Map(),
      };
      service.balancers.set(networkId, balancer);
    }
    const { address, serviceAliases } = binding;
    const aliasesBefore = balancer.backEnds.get(endpointId)?.aliases ?? [];
    this.#countAliases(balancer, binding.serviceId, serviceAliases, aliasesBefore);
    balancer.backEnds.set(endpointId, { address, aliases: serviceAliases, isDisabled: false });
    const claim = claimKey(binding);
    const claimants = service.endpointsByAddress.get(claim);
    if (claimants === undefined) service.endpointsByAddress.set(claim, new Set([endpointId]));
    else claimants.add(endpointId);
    if (balancer.vip !== 0) this.#parts.programmer.addBackEnd(balancer, address);
    this.#addNames(binding, isNew);
  }

  /** Disables an endpoint, or takes it out when `isFull` (`rmServiceBinding`). */
  remove(binding: Binding, isFull: boolean): void {
    const { networkId, endpointId } = binding;
    const key = serviceKeyOf(binding);
    const service = this.#services.get(key);
    const balancer = service?.balancers.get(networkId);
    const backEnd = balancer?.backEnds.get(endpointId);
    if (service === undefined || balancer === undefined || backEnd === undefined) return;
    if (isFull) {
      balancer.backEnds.delete(endpointId);
      this.#countAliases(balancer, binding.serviceId, [], backEnd.aliases);
    } else backEnd.isDisabled = true;
    const isLast = balancer.backEnds.size === 0;
    const claim = claimKey(binding);
    const claimants = service.endpointsByAddress.get(claim);
    claimants?.delete(endpointId);
    const isShared = claimants !== undefined && claimants.size > 0;
    if (claimants !== undefined && !isShared) service.endpointsByAddress.delete(claim);
    if (balancer.vip !== 0 && !isShared) {
      this.#parts.programmer.removeBackEnd(balancer, binding.address, isLast, isFull);
    }
    this.#removeNames(binding, isLast, isShared);
    if (!isLast) return;
    service.balancers.delete(networkId);
    if (service.balancers.size === 0) this.#services.delete(key);
  }

  /** Adds a plain container's name (no service). */
  addContainer(binding: Binding): void {
    const records = this.#parts.recordsOf(binding.networkId);
    const { containerName, endpointId, address } = binding;
    records?.add(containerName, address, endpointId, true);
    for (const alias of binding.taskAliases) records?.add(alias, address, endpointId, false);
  }

  /** Takes a plain container's name away. */
  removeContainer(binding: Binding): void {
    const records = this.#parts.recordsOf(binding.networkId);
    const { containerName, endpointId, address } = binding;
    records?.remove(containerName, address, endpointId);
    for (const alias of binding.taskAliases) records?.remove(alias, address, endpointId);
  }

  #addNames(binding: Binding, isNewService: boolean): void {
    this.addContainer(binding);
    const records = this.#parts.recordsOf(binding.networkId);
    if (records === undefined) return;
    const { serviceId, address, vip } = binding;
    for (const name of [binding.serviceName, ...binding.serviceAliases]) {
      records.add(`tasks.${name}`, address, serviceId, false);
      if (vip === 0) records.add(name, address, serviceId, false);
    }
    if (vip === 0 || !isNewService) return;
    for (const name of this.#vipNamesOf(binding)) records.add(name, vip, serviceId, false);
  }

  /** A back end that is only disabled loses its names too, but for those that lead to the VIP. */
  #removeNames(binding: Binding, isLast: boolean, isShared: boolean): void {
    this.removeContainer(binding);
    const records = this.#parts.recordsOf(binding.networkId);
    if (records === undefined || isShared) return;
    const { serviceId, address, vip } = binding;
    for (const name of [binding.serviceName, ...binding.serviceAliases]) {
      records.remove(`tasks.${name}`, address, serviceId);
      if (vip === 0) records.remove(name, address, serviceId);
    }
    if (vip === 0 || !isLast) return;
    for (const name of this.#vipNamesOf(binding)) records.remove(name, vip, serviceId);
  }

  /** The names that come and go with the load balancer. */
  #vipNamesOf({ serviceName, serviceAliases }: Binding): readonly string[] {
    return this.#parts.countsAliases ? [serviceName] : [serviceName, ...serviceAliases];
  }

  /** A back end claims these aliases instead of those; the first claim adds a name, the last takes it. */
  #countAliases(
    balancer: LoadBalancer,
    serviceId: string,
    aliases: readonly string[],
    before: readonly string[],
  ): void {
    if (!this.#parts.countsAliases || balancer.vip === 0) return;
    const records = this.#parts.recordsOf(balancer.networkId);
    const { aliasCounts, vip } = balancer;
    for (const alias of aliases.filter((other) => !before.includes(other))) {
      const count = (aliasCounts.get(alias) ?? 0) + 1;
      aliasCounts.set(alias, count);
      if (count === 1) records?.add(alias, vip, serviceId, false);
    }
    for (const alias of before.filter((other) => !aliases.includes(other))) {
      const count = (aliasCounts.get(alias) ?? 0) - 1;
      aliasCounts.set(alias, count);
      if (count > 0) continue;
      aliasCounts.delete(alias);
      records?.remove(alias, vip, serviceId);
    }
  }
}

/** Services are told apart by id and ingress ports (`serviceKey`). */
function serviceKeyOf(binding: Binding): string {
  const ports = binding.ports.map((p) => `${p.protocol}/${p.publishedPort}/${p.targetPort}`).sort();
  return `${binding.serviceId} ${ports.join(',')}`;
}

function claimKey(binding: Binding): string {
  return `${binding.networkId} ${binding.address}`;
}
