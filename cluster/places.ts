/**
 * Where tools run: the places of a cluster that an operator can name – a node, one of its
 * containers, one of the namespaces that Docker keeps, or the world outside.
 */
import type { Namespace } from '../net/namespace.ts';
import type { Container } from '../node/agent/container.ts';
import { resolvConfText } from '../node/sandbox/container-files.ts';
import { placeInContainer } from '../node/tools/docker.ts';
import type { Place } from '../node/tools/place.ts';
import { type Ipv4Address, LOOPBACK_ADDRESS } from '../wire/addresses.ts';
import type { Cluster } from './cluster.ts';
import type { Machine } from './machine.ts';

/** What an operator says. */
export interface PlaceName {
  /** A node, `outside`, or a service, which means the first of its running containers. */
  readonly on: string;
  /** A container of the node: its id or name, or enough of it (`vote`, `vote.2`). */
  readonly container?: string | undefined;
  /** A namespace of the node by its file name: `ingress_sbox`, `1-…`, `lb_…`. */
  readonly netns?: string | undefined;
}

/** A place that there is not: what was said, and what could have been. */
export interface NoPlace {
  readonly error: string;
  readonly word: string;
  readonly known: readonly string[];
}

const NO_NAMESPACES: ReadonlyMap<string, Namespace> = new Map();

/** The place that a name means at this instant. */
export function placeOf(cluster: Cluster, name: PlaceName): Place | NoPlace {
  if (name.on === 'outside') return placeOutside(cluster);
  const machine = cluster.machines.find((each) => each.name === name.on);
  if (machine === undefined) return placeOfService(cluster, name.on);
  if (!machine.isOn || machine.host === undefined) {
    return { error: `${machine.name} has no power`, word: '', known: [] };
  }
  if (name.container !== undefined) {
    const standalone = machine.host.daemon.find(name.container);
    if (standalone?.isRunning === true) return placeInContainer(standalone, hostsOf(cluster));
    return placeOfContainer(machine, name.container);
  }
  const { namespace, resolver, namespaces, daemon, hostsFile } = machine.host;
  const files = new Map([
    ['/etc/hosts', hostsFile],
    ['/etc/resolv.conf', resolvConfText(resolver.servers, resolver.search, resolver.options ?? [])],
  ]);
  const hosts = hostsOf(cluster);
  const place = { namespace, resolver, namespaces, hosts, source: 0, files, daemon };
  if (name.netns === undefined) return place;
  const chosen = namespaces.get(name.netns);
  if (chosen !== undefined) return { ...place, namespace: chosen };
  const error = `${machine.name} has no namespace '${name.netns}'`;
  return { error, word: name.netns, known: [...namespaces.keys()] };
}

/** True for what {@link placeOf} answers when there is no such place. */
export function isNoPlace(place: Place | NoPlace): place is NoPlace {
  return 'error' in place;
}

function placeOutside(cluster: Cluster): Place {
  return {
    namespace: cluster.outside,
    resolver: { servers: [], search: [] },
    namespaces: NO_NAMESPACES,
    hosts: hostsOf(cluster),
    source: cluster.outsideAddress,
  };
}

function placeOfService(cluster: Cluster, service: string): Place | NoPlace {
  for (const machine of cluster.machines) {
    const container = runningOf(machine).find(isOf(service));
    if (container !== undefined) return placeIn(container);
  }
  const names = cluster.machines.map((machine) => machine.name);
  return { error: `no container of '${service}' runs`, word: service, known: names };
}

function placeOfContainer(machine: Machine, name: string): Place | NoPlace {
  const containers = runningOf(machine);
  const found =
    containers.find(({ id }) => name.length >= 4 && id.startsWith(name)) ??
    containers.find((container) => container.name === name) ??
    containers.find(isOf(name));
  if (found !== undefined) return placeIn(found);
  const known = [
    ...containers.map((container) => container.name.split('.').slice(0, 2).join('.')),
    ...(machine.host?.daemon.list() ?? []).map((container) => container.name),
  ];
  return { error: `${machine.name} runs no container '${name}'`, word: name, known };
}

function runningOf(machine: Machine): Container[] {
  if (!machine.isOn) return [];
  const containers = [...(machine.executor?.containers.values() ?? [])];
  return containers.filter(({ state, sandbox }) => state === 'running' && sandbox !== undefined);
}

/** Containers whose name begins so, with or without the stack's name: `vote`, `shop_vote.2`. */
function isOf(name: string): (container: Container) => boolean {
  return (container) => {
    const { name: service } = container.task.serviceAnnotations;
    const short = container.name.slice(service.indexOf('_') + 1);
    return [container.name, short].some((each) => each === name || each.startsWith(`${name}.`));
  };
}

function placeIn({ id, sandbox }: Container): Place {
  const { namespace, search, servers, endpoints } = sandbox!;
  const hosts = new Map([['localhost', LOOPBACK_ADDRESS]]);
  const own = endpoints[0];
  if (own !== undefined) hosts.set(id.slice(0, 12), own.address);
  const resolver = { servers, search };
  return { namespace, resolver, hosts, namespaces: NO_NAMESPACES, source: 0 };
}

/** The hosts file of the nodes, which knows them all. */
function hostsOf(cluster: Cluster): Map<string, Ipv4Address> {
  const hosts = new Map([['localhost', LOOPBACK_ADDRESS]]);
  for (const { name, addresses } of cluster.machines) hosts.set(name, addresses.first.address);
  return hosts;
}
