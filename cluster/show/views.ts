/**
 * What an operator sees on a node, as the tools there print it: a view is a function of a machine,
 * namespace by namespace or for the engine as a whole.
 */

import { Ipvs } from '../../ipvs/ipvs.ts';
import { formatServices } from '../../ipvs/show.ts';
import { taskNameOf } from '../../manager/objects/task.ts';
import { formatTaskState } from '../../manager/objects/task-state.ts';
import type { Namespace } from '../../net/namespace.ts';
import { addressText } from '../../net/show/address.ts';
import { bridgeFdbText } from '../../net/show/bridge-fdb.ts';
import { linkText } from '../../net/show/link.ts';
import { neighbourText } from '../../net/show/neighbour.ts';
import { routeText } from '../../net/show/route.ts';
import { xfrmPolicyText, xfrmStateText } from '../../net/show/xfrm.ts';
import { formatSockets } from '../../net/socket/show.ts';
import { dockerTable, networkLsText } from '../../node/daemon/listings.ts';
import { formatIpPort } from '../../wire/ip-address.ts';
import { NodeState } from '../../wire/memberlist/message.ts';
import type { Cluster } from '../cluster.ts';
import { GOSSIP_PORT } from '../gossip-network.ts';
import type { Machine } from '../machine.ts';
import { diagnosticReply } from './diagnostic-server.ts';
import {
  type NetworkDbQuery,
  networkDbPeersText,
  networkDbStatsText,
  networkDbTableText,
} from './networkdb.ts';

/** What can be shown of one namespace; empty when there is nothing. */
type NamespaceView = (namespace: Namespace, machine: Machine) => string;

/** What can be shown of a node as a whole; some of it for one network. */
type NodeView = (cluster: Cluster, machine: Machine, query: NetworkDbQuery) => string;

const NAMESPACE_VIEWS: Readonly<Record<string, NamespaceView>> = {
  'ip-link': (namespace) => linkText(namespace, { hasDetails: true }),
  'ip-addr': (namespace) => addressText(namespace),
  'ip-route': (namespace) => routeText(namespace),
  'ip-neigh': (namespace) => neighbourText(namespace),
  'bridge-fdb': (namespace) => bridgeFdbText(namespace),
  iptables: (namespace) => namespace.tables.save(),
  ipvs: (namespace) => {
    const ipvs = Ipvs.of(namespace);
    return ipvs === undefined ? '' : formatServices(ipvs);
  },
  xfrm: (namespace) => xfrmStateText(namespace) + xfrmPolicyText(namespace),
  conntrack: (namespace) => namespace.connections.list(),
  sockets: (namespace) => formatSockets(namespace.sockets),
};

const NODE_VIEWS: Readonly<Record<string, NodeView>> = {
  networks: networksText,
  members: membersText,
  tasks: tasksText,
  'networkdb-peers': networkDbPeersText,
  'networkdb-table': networkDbTableText,
  'networkdb-stats': networkDbStatsText,
};

/** The names of all views. */
export const VIEW_NAMES: readonly string[] = [
  ...Object.keys(NAMESPACE_VIEWS),
  ...Object.keys(NODE_VIEWS),
];

/** The file names of a machine's namespaces, the host's (`default`) first. */
export function namespaceNamesOf(machine: Machine): string[] {
  return [...(machine.host?.namespaces.keys() ?? [])];
}

/** The names of the swarm networks that a machine's engine takes part in. */
export function networkNamesOf(machine: Machine): string[] {
  return [...(machine.executor?.networksIfAny?.networks ?? [])].map((network) => network.name);
}

/**
 * A view of a machine. A view of namespaces shows the one that is named, or all that have
 * something, each under its name. `undefined` when there is no such namespace. The views of
 * NetworkDB show the network that is asked for, or all. A view that is a path is a request to the
 * daemon's diagnostic server.
 */
export function viewText(
  cluster: Cluster,
  machine: Machine,
  view: string,
  namespaceName: string | undefined,
  query: NetworkDbQuery = {},
): string | undefined {
  if (view.startsWith('/')) return `${diagnosticReply(cluster, machine, view).trimEnd()}\n`;
  const nodeView = NODE_VIEWS[view];
  if (nodeView !== undefined) return nodeView(cluster, machine, query);
  const namespaceView = NAMESPACE_VIEWS[view]!;
  const namespaces = machine.host?.namespaces ?? new Map<string, Namespace>();
  if (namespaceName !== undefined) {
    const namespace = namespaces.get(namespaceName);
    return namespace === undefined ? undefined : namespaceView(namespace, machine);
  }
  const parts: string[] = [];
  for (const [name, namespace] of namespaces) {
    const text = namespaceView(namespace, machine);
    if (text !== '') parts.push(`# namespace ${name}\n${text}`);
  }
  return parts.join('\n');
}

/** `docker network ls`: sorted by name. */
function networksText(_cluster: Cluster, machine: Machine): string {
  const host = machine.host;
  if (host === undefined) return '';
  const local = host.networks
    .list()
    .map(({ id, name, facts }) => ({ id, name, driver: facts.driver, scope: 'local' }));
  const swarm = [...(machine.executor?.networksIfAny?.networks ?? [])].map(({ id, name }) => ({
    id,
    name,
    driver: 'overlay',
    scope: 'swarm',
  }));
  return networkLsText([...local, ...swarm], false);
}

/** What the node's gossip holds of all members that it knows. */
function membersText(cluster: Cluster, machine: Machine): string {
  if (machine.member === undefined) return '';
  const { member } = machine;
  const names = Object.entries(NodeState);
  const rows = cluster.swim.membersOf(member).map((subject) => {
    const state = cluster.swim.stateOf(member, subject);
    const stateName = names.find(([, number]) => number === state)?.[0] ?? '';
    const host = cluster.machineOfMember(subject);
    const address = formatIpPort(host.addresses.advertise, GOSSIP_PORT);
    const incarnation = String(cluster.swim.incarnationOf(member, subject));
    return [cluster.swim.nameOf(subject), host.name, address, stateName, incarnation];
  });
  rows.sort((a, b) => (a[1]! < b[1]! ? -1 : a[1]! > b[1]! ? 1 : 0));
  return dockerTable([['NAME', 'HOST', 'ADDRESS', 'STATE', 'INCARNATION'], ...rows]);
}

/** `docker node ps`: the tasks that the manager has put on the node. */
function tasksText(cluster: Cluster, machine: Machine): string {
  const manager = cluster.machines.find((m) => m.manager !== undefined)?.manager;
  const tasks = (manager?.control.tasks() ?? []).filter((task) => task.nodeId === machine.nodeId);
  const rows = tasks.map((task) => {
    const name = taskNameOf(task).split('.').slice(0, -1).join('.');
    const { state, err } = task.status;
    const desired = formatTaskState(task.desiredState);
    return [
      task.id.slice(0, 12),
      name,
      task.spec.container.image,
      desired,
      formatTaskState(state),
      err,
    ];
  });
  return dockerTable([['ID', 'NAME', 'IMAGE', 'DESIRED STATE', 'CURRENT STATE', 'ERROR'], ...rows]);
}
