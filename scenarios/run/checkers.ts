/**
 * Checkers: independent looks at the whole cluster that must find nothing wrong once it is quiet.
 * Only nodes that run, and can reach each other, are asked.
 */
import type { Cluster } from '../../cluster/cluster.ts';
import type { Machine } from '../../cluster/machine.ts';
import type { EntryView } from '../../gossip/networkdb/network-db.ts';
import { TableNames } from '../../node/network/table-values.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { formatIp } from '../../wire/ip-address.ts';
import { NodeState } from '../../wire/memberlist/message.ts';
import type { CheckerName } from '../language/expectation.ts';
import type { CheckerOutcome } from './run-record.ts';

type Checker = (cluster: Cluster, machines: readonly Machine[]) => string[];

const CHECKERS: readonly (readonly [name: CheckerName, check: Checker])[] = [
  ['members-agree', membersAgree],
  ['tables-agree', tablesAgree],
  ['addresses-are-unique', addressesAreUnique],
  ['names-lead-to-running-tasks', namesAreAlive],
  ['peers-are-programmed', peersAreProgrammed],
];

/** Runs all checkers on the nodes that run. */
export function runCheckers(cluster: Cluster): CheckerOutcome[] {
  const machines = cluster.machines.filter((m) => m.state === 'running' && m.member !== undefined);
  return CHECKERS.map(([name, check]) => ({ name, violations: check(cluster, machines) }));
}

/** Every running member holds every other one alive. */
function membersAgree(cluster: Cluster, machines: readonly Machine[]): string[] {
  const expected = machines.map((m) => m.member!).sort((a, b) => a - b);
  return machines.flatMap((machine) => {
    const { swim } = cluster;
    const observer = machine.member!;
    const held = swim
      .membersOf(observer)
      .filter((subject) => swim.stateOf(observer, subject) === NodeState.alive)
      .sort((a, b) => a - b);
    if (held.join() === expected.join()) return [];
    return [`${machine.name} holds ${held.length} of ${expected.length} members alive`];
  });
}

/** All nodes on a network hold the same entries as the first of them. */
function tablesAgree(cluster: Cluster, machines: readonly Machine[]): string[] {
  const violations: string[] = [];
  const first = new Map<string, { machine: Machine; entries: Entries }>();
  for (const machine of machines) {
    for (const { id, name } of machine.executor?.networksIfAny?.networks ?? []) {
      const entries = entriesOf(cluster, machine, id);
      const known = first.get(id);
      if (known === undefined) first.set(id, { machine, entries });
      else {
        const difference =
          differenceOf(cluster, machine, entries, known.machine, known.entries) ??
          differenceOf(cluster, known.machine, known.entries, machine, entries);
        if (difference !== undefined) violations.push(`${difference}, on ${name}`);
      }
    }
  }
  return violations;
}

/** A node's entries of a network, by table and key. */
type Entries = ReadonlyMap<string, EntryView>;

function entriesOf({ db }: Cluster, { member }: Machine, networkId: string): Entries {
  const views = Object.values(TableNames).flatMap((table) =>
    db.entriesOf(member!, table, networkId),
  );
  return new Map(views.map((entry) => [`${entry.table} ${entry.key}`, entry]));
}

/** What the first node lacks or has otherwise of what the second has, and how much more of that. */
function differenceOf(
  cluster: Cluster,
  { name }: Machine,
  own: Entries,
  other: Machine,
  others: Entries,
): string | undefined {
  const different = [...others].filter(([what, { ltime }]) => own.get(what)?.ltime !== ltime);
  const [first] = different;
  if (first === undefined) return undefined;
  const [what, { table, key, owner }] = first;
  const more = different.length === 1 ? '' : ` and ${different.length - 1} more`;
  const entry = `${table} ${key.slice(0, 12)} of ${cluster.machineOfMember(owner).name}${more}`;
  if (own.has(what)) return `${name} and ${other.name} hold different versions of ${entry}`;
  return `${name} lacks what ${other.name} has: ${entry}`;
}

/** No two running containers have one address on one network. */
function addressesAreUnique(_cluster: Cluster, machines: readonly Machine[]): string[] {
  const owners = new Map<string, string>();
  const violations: string[] = [];
  for (const { network, address, name } of endpointsOf(machines)) {
    const key = `${network} ${address}`;
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, name);
    else violations.push(`${owner} and ${name} both have ${formatIpv4Address(address)}`);
  }
  return violations;
}

/** What `tasks.<service>` answers anywhere is the address of a running container. */
function namesAreAlive(_cluster: Cluster, machines: readonly Machine[]): string[] {
  const alive = new Set([...endpointsOf(machines)].map((e) => `${e.network} ${e.address}`));
  const violations: string[] = [];
  for (const machine of machines) {
    for (const network of machine.executor?.networksIfAny?.networks ?? []) {
      for (const name of network.records.names.filter((n) => n.startsWith('tasks.'))) {
        for (const address of network.records.addressesOf(name) ?? []) {
          if (alive.has(`${network.id} ${address}`)) continue;
          const text = formatIpv4Address(address);
          violations.push(`${machine.name} resolves ${name} to ${text}, which nobody has`);
        }
      }
    }
  }
  return violations;
}

/** Every remote container on a network has an FDB entry that names its host, and no local one has. */
function peersAreProgrammed(_cluster: Cluster, machines: readonly Machine[]): string[] {
  const violations: string[] = [];
  const endpoints = [...endpointsOf(machines)];
  for (const machine of machines) {
    for (const network of machine.executor?.networksIfAny?.networks ?? []) {
      for (const endpoint of endpoints) {
        if (endpoint.network !== network.id) continue;
        const vxlan = network.overlay.vxlanOf(endpoint.address);
        if (vxlan === undefined) continue;
        const mac = vxlan.namespace.neighbours.macOf(vxlan, endpoint.address);
        const nowNs = machine.host?.world.nowNs ?? 0;
        const remote = mac === undefined ? undefined : vxlan.fdb.find(mac, nowNs)?.remote;
        const address = formatIpv4Address(endpoint.address);
        if (endpoint.machine === machine) {
          if (remote === undefined) continue;
          const where = formatIp(remote);
          violations.push(`${machine.name} has its own ${address} (${endpoint.name}) at ${where}`);
          continue;
        }
        if (remote === endpoint.machine.addresses.dataPath) continue;
        violations.push(`${machine.name} does not know where ${address} (${endpoint.name}) is`);
      }
    }
  }
  return violations;
}

interface RunningEndpoint {
  readonly machine: Machine;
  readonly network: string;
  readonly address: number;
  readonly name: string;
}

function* endpointsOf(machines: readonly Machine[]): IterableIterator<RunningEndpoint> {
  for (const machine of machines) {
    for (const container of machine.executor?.containers.values() ?? []) {
      if (container.state !== 'running') continue;
      for (const endpoint of container.sandbox?.endpoints ?? []) {
        const { network, address } = endpoint;
        yield { machine, network: network.id, address, name: container.name };
      }
    }
  }
}
