/**
 * The roles of addresses, read from the inspect files of a snapshot (`docker network inspect`, also
 * verbose) and from a simulated swarm, in the same words: `<web.1>`, `<gateway of web.1>`,
 * `<balancer of net1 on node2>`, `<vip of web>`, `<net1>` for a subnet.
 */
import { TaskState } from '../../manager/objects/task-state.ts';
import {
  broadcastOf,
  formatIpv4Address,
  networkOf,
  type Prefix,
  parsePrefix,
  prefixContains,
} from '../../wire/addresses.ts';
import type { Roles } from './mapping.ts';
import type { SwarmLab } from './swarm-lab.ts';

/** One network as `docker network inspect` shows it, as far as roles need it. */
export interface InspectedNetwork {
  readonly Name: string;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string }[] | null };
  readonly Containers: Readonly<
    Record<string, { readonly Name: string; readonly IPv4Address: string }>
  > | null;
  readonly Services?: Readonly<
    Record<
      string,
      {
        readonly VIP: string;
        readonly Tasks: readonly {
          readonly Name: string;
          readonly EndpointIP: string;
          readonly Info: { readonly 'Host IP': string };
        }[];
      }
    >
  >;
}

/** The networks that one node showed. */
export interface NodeNetworks {
  readonly node: number;
  readonly networks: readonly InspectedNetwork[];
}

const GATEWAY_BRIDGE = 'docker_gwbridge';

/** The roles in the dumps of `node`: of its own gateway bridge, and of all overlays. */
export function rolesOfInspection(all: readonly NodeNetworks[], node: number): Roles {
  const roles = new Map<string, string>();
  const names = new Map<string, string>();
  const overlays = all.flatMap(({ node: number, networks }) =>
    networks.filter(isOverlay).map((network) => ({ number, network })),
  );
  for (const { number, network } of overlays) {
    addSubnet(roles, network.Name, parsePrefix(network.IPAM.Config![0]!.Subnet)!);
    for (const [id, container] of Object.entries(network.Containers ?? {})) {
      const [address] = container.IPv4Address.split('/');
      const name = nameOf(container.Name, network.Name, number);
      names.set(`${number} ${id}`, name);
      roles.set(address!, name);
    }
    for (const [service, { VIP, Tasks }] of Object.entries(network.Services ?? {})) {
      if (VIP !== '<nil>' && VIP !== '') roles.set(VIP, `<vip of ${service}>`);
      for (const task of Tasks) {
        const host = Number(task.Info['Host IP'].split('.').at(-1)) - 100;
        roles.set(task.EndpointIP, nameOf(task.Name, network.Name, host));
      }
    }
  }
  const own = all.filter((one) => one.node === node).flatMap(({ networks }) => networks);
  for (const network of own) {
    if (network.Name !== GATEWAY_BRIDGE) continue;
    addSubnet(roles, GATEWAY_BRIDGE, parsePrefix(network.IPAM.Config![0]!.Subnet)!);
    for (const [id, { IPv4Address }] of Object.entries(network.Containers ?? {})) {
      const name = names.get(`${node} ${id}`) ?? `<${id}>`;
      roles.set(IPv4Address.split('/')[0]!, gatewayOf(name));
    }
  }
  return roles;
}

/** The same of a simulated swarm. */
export function rolesOfLab(lab: SwarmLab, node: number): Roles {
  const roles = new Map<string, string>();
  const { control } = lab.cluster.leader;
  for (const network of control.networks()) {
    const subnet = network.ipam?.configs[0]?.subnet;
    if (subnet !== undefined) addSubnet(roles, network.spec.annotations.name, subnet);
  }
  for (const { id, attachments } of control.nodes()) {
    const number = lab.cluster.machines.findIndex(({ nodeId }) => nodeId === id) + 1;
    for (const { network, addresses } of attachments) {
      const name = network.spec.annotations.name;
      const role = nameOf(`${name}-endpoint`, name, number);
      for (const { address } of addresses) roles.set(formatIpv4Address(address), role);
    }
  }
  for (const service of control.services()) {
    const role = `<vip of ${service.spec.annotations.name}>`;
    for (const { address } of service.endpoint?.virtualIps ?? []) {
      roles.set(formatIpv4Address(address.address), role);
    }
  }
  for (const task of control.tasks()) {
    if (task.status.state !== TaskState.running) continue;
    const role = `<${lab.containerName(task.serviceAnnotations.name, task.slot)}>`;
    for (const { addresses } of task.networks) {
      for (const { address } of addresses) roles.set(formatIpv4Address(address), role);
    }
  }
  addGateways(roles, lab, node);
  return roles;
}

function addGateways(roles: Map<string, string>, lab: SwarmLab, node: number): void {
  const machine = lab.node(node);
  const bridge = machine.host?.gatewayBridgeIfAny;
  if (bridge === undefined) return;
  addSubnet(roles, GATEWAY_BRIDGE, bridge.pool.subnet);
  for (const { sandbox, task } of machine.executor?.containers.values() ?? []) {
    if (sandbox?.gateway === undefined) continue;
    if (!prefixContains(bridge.pool.subnet, sandbox.gateway.address)) continue;
    const name = `<${lab.containerName(task.serviceAnnotations.name, task.slot)}>`;
    roles.set(formatIpv4Address(sandbox.gateway.address), gatewayOf(name));
  }
  const ingress = machine.host?.namespaces.get('ingress_sbox');
  const device = ingress?.deviceByName('eth1');
  if (ingress === undefined || device === undefined) return;
  const name = nameOf('ingress-endpoint', 'ingress', node);
  for (const { address } of ingress.addresses.of(device)) {
    roles.set(formatIpv4Address(address), gatewayOf(name));
  }
}

function isOverlay({ Name, Services }: InspectedNetwork): boolean {
  return Services !== undefined || Name === 'ingress';
}

function addSubnet(roles: Map<string, string>, name: string, subnet: Prefix): void {
  roles.set(formatIpv4Address(networkOf(subnet)), `<${name}>`);
  roles.set(formatIpv4Address(networkOf(subnet) + 1), `<first of ${name}>`);
  roles.set(formatIpv4Address(broadcastOf(subnet)), `<last of ${name}>`);
}

/** `web.1.<task id>` is a task; `net1-endpoint` is the load balancer of the node. */
function nameOf(containerName: string, network: string, node: number): string {
  if (containerName === `${network}-endpoint`) return `<balancer of ${network} on node${node}>`;
  return `<${containerName.split('.').slice(0, 2).join('.')}>`;
}

function gatewayOf(name: string): string {
  return name.replace('<', '<gateway of ');
}
