/**
 * A swarm has two planes that users confuse: gossip says who is alive and where everything is, and the
 * data plane carries packets by what it was last told. Either may fail while the other works. This file
 * tells them apart for one failure: what became of the packet, what the node that sent it had been told
 * at that instant, what the manager thought, and which of them is to blame.
 */
import type { Cluster } from '../../cluster/cluster.ts';
import type { Machine } from '../../cluster/machine.ts';
import { formatNodeState } from '../../manager/objects/node.ts';
import { type PeerValue, TableNames } from '../../node/network/table-values.ts';
import { type Ipv4Address, parseIpv4Address } from '../../wire/addresses.ts';
import { parseIp } from '../../wire/ip-address.ts';
import { NodeState } from '../../wire/memberlist/message.ts';
import type { LoadedScenario } from '../load.ts';
import { type RunOptions, runScenario } from '../run/run-scenario.ts';
import type { Diagnosis, PacketWalk, Planes } from './explanation.ts';

/** A request that was followed. */
export interface FollowedRequest {
  readonly packets: readonly PacketWalk[];
  readonly outcome: string;
  /** The host of whoever asked, and the name that it asked for. */
  readonly client: string;
  readonly target: string;
}

interface Failure extends FollowedRequest {
  /** The packet that tells; `undefined` when none was sent. */
  readonly packet: PacketWalk | undefined;
  readonly text: string;
}

const VERDICTS = {
  told: 'gossip: the data plane did as it was told, and what it was told is no longer so',
  untold: 'gossip: the data plane has not been told where to send it',
  driver: 'the overlay driver: the tables are right, and the kernel has something else',
  data: 'the data plane: what gossip said was right, and the packet did not arrive',
  program: 'neither plane: the packet arrived, and nobody served it',
  nobody: 'neither plane: nobody in the swarm has this name',
} as const;

/** Plays the run once more, up to the instant of the failure, and tells the planes apart there. */
export function planesAtFailure(
  loaded: LoadedScenario,
  options: Pick<RunOptions, 'seed' | 'shortcuts'>,
  diagnosis: Diagnosis | undefined,
  request: FollowedRequest,
): Planes | undefined {
  if (diagnosis === undefined) return undefined;
  const { seed, shortcuts = true } = options;
  const { cluster } = runScenario(loaded, { seed, shortcuts, untilNs: diagnosis.atNs });
  const packet = diagnosis.packet === undefined ? undefined : request.packets[diagnosis.packet];
  return planesOf(cluster, { ...request, packet, text: diagnosis.text });
}

function planesOf(cluster: Cluster, failure: Failure): Planes | undefined {
  const { packet } = failure;
  return packet === undefined
    ? planesOfName(cluster, failure)
    : planesOfPacket(cluster, failure, packet);
}

function planesOfName(cluster: Cluster, { client, target, outcome }: Failure): Planes | undefined {
  const asker = cluster.machines.find(({ name }) => name === client);
  if (outcome !== 'unresolved' || asker === undefined) return undefined;
  const knowers = cluster.machines.filter((machine) => knowsName(machine, target));
  const names = knowers.map(({ name }) => name).join(', ');
  const isKnown = knowers.includes(asker);
  const gossip =
    knowers.length === 0
      ? `no node has a record of ${target}`
      : `${client} has ${isKnown ? 'a' : 'no'} record of ${target}; known on ${names}`;
  return {
    verdict: isKnown ? VERDICTS.data : knowers.length === 0 ? VERDICTS.nobody : VERDICTS.untold,
    dataPlane: 'no packet was sent, because there was no address',
    gossip,
    management: managementOf(cluster, [asker]),
  };
}

function knowsName(machine: Machine, name: string): boolean {
  if (!machine.isOn) return false;
  const networks = machine.executor?.networksIfAny?.networks ?? [];
  return networks.some(({ records }) => records.addressesOf(name) !== undefined);
}

function planesOfPacket(
  cluster: Cluster,
  { text }: Failure,
  packet: PacketWalk,
): Planes | undefined {
  const machines = packet.hosts.flatMap(
    (host) => cluster.machines.find(({ name }) => name === host) ?? [],
  );
  const destination = destinationOf(packet);
  const tunnel = packet.steps.findLast(({ event }) => event === 'encapsulate');
  const vtep = parseIp(tunnel?.detail.split(' ').at(-1) ?? '');
  const meant = cluster.machines.find(({ addresses }) => vtep !== undefined && addresses.has(vtep));
  // the node whose knowledge decided, and the one that it decided for
  const sender = tunnel === undefined ? machines.at(-1) : machineOf(cluster, tunnel.namespace);
  const receiver = meant ?? machines.at(-1);
  if (sender === undefined || receiver === undefined) return undefined;
  const told = destination === undefined ? undefined : toldBy(cluster, sender, destination);
  const owner = destination === undefined ? undefined : ownerOf(cluster, destination);
  return {
    verdict: verdictOf(packet, { isTold: told !== undefined, told, owner, meant, receiver }),
    dataPlane: text,
    gossip: gossipOf(cluster, sender, receiver, tunnel === undefined, told),
    management: managementOf(cluster, sender === receiver ? [sender] : [sender, receiver]),
  };
}

interface Standing {
  readonly isTold: boolean;
  /** Where the sender's tables say that the destination is. */
  readonly told: Machine | undefined;
  /** Where it is. */
  readonly owner: Machine | undefined;
  /** The host of the VTEP to which it was sent. */
  readonly meant: Machine | undefined;
  readonly receiver: Machine;
}

function verdictOf({ fate, reason }: PacketWalk, standing: Standing): string {
  const { told, owner, meant, receiver } = standing;
  // a frame for a MAC address that the bridge does not know goes to all ports, and no VTEP is among them
  const isFlooded = meant === undefined && owner !== receiver && reason === 'for another host';
  if (isFlooded || /^no (neighbour|VTEP) is known/.test(reason)) {
    return standing.isTold ? VERDICTS.driver : VERDICTS.untold;
  }
  if (meant !== undefined && owner !== meant)
    return told === meant ? VERDICTS.told : VERDICTS.driver;
  if (/permanent entry puts the source/.test(reason)) return VERDICTS.driver;
  if (!receiver.isOn) return VERDICTS.told;
  return fate === 'delivered' ? VERDICTS.program : VERDICTS.data;
}

/** The overlay address that a packet is for: what ipvs chose last, or what it was sent to. */
function destinationOf({ steps }: PacketWalk): Ipv4Address | undefined {
  const choice = steps
    .findLast(({ event }) => event === 'schedule')
    ?.detail.split(' ')
    .at(-1);
  const sent = steps[0]?.detail.split(' > ').at(-1)?.split(':')[0];
  return parseIpv4Address(choice ?? sent ?? '');
}

/** Where a node's own tables say that an address is. */
function toldBy(cluster: Cluster, machine: Machine, address: Ipv4Address): Machine | undefined {
  const { member } = machine;
  if (member === undefined) return undefined;
  for (const network of machine.executor?.networksIfAny?.networks ?? []) {
    for (const { value } of cluster.db.entriesOf(member, TableNames.peers, network.id)) {
      const peer = value as PeerValue;
      if (peer.address !== address) continue;
      return cluster.machines.find((other) => other.addresses.has(peer.vtep));
    }
  }
  return undefined;
}

/** Where an overlay address is. */
function ownerOf(cluster: Cluster, address: Ipv4Address): Machine | undefined {
  return cluster.machines.find(
    (machine) =>
      machine.isOn &&
      machine.executor?.networksIfAny?.networks.some(({ overlay }) =>
        [...overlay.endpoints.values()].some((endpoint) => endpoint.address === address),
      ) === true,
  );
}

function machineOf(cluster: Cluster, namespace: string): Machine | undefined {
  const host = namespace.split('/')[0];
  return cluster.machines.find(({ name }) => name === host);
}

function gossipOf(
  cluster: Cluster,
  sender: Machine,
  receiver: Machine,
  isBeforeTunnel: boolean,
  told: Machine | undefined,
): string {
  const opinion =
    sender === receiver
      ? ''
      : `${sender.name} holds ${receiver.name} ${opinionOf(cluster, sender, receiver)}`;
  const nothing = isBeforeTunnel ? '' : `the tables of ${sender.name} have nothing of the endpoint`;
  const record =
    told === undefined ? nothing : `the tables of ${sender.name} say that it is on ${told.name}`;
  return [opinion, record].filter((part) => part !== '').join('; ');
}

const OPINIONS: Readonly<Record<number, string>> = {
  [NodeState.alive]: 'alive',
  [NodeState.suspect]: 'suspect',
  [NodeState.dead]: 'dead',
  [NodeState.left]: 'to have left',
};

function opinionOf(cluster: Cluster, observer: Machine, subject: Machine): string {
  const { swim } = cluster;
  if (observer.member === undefined) return 'for nothing';
  for (let member = swim.memberCount - 1; member >= 0; member--) {
    if (cluster.machineOfMember(member) !== subject) continue;
    const isKnown = swim.membersOf(observer.member).includes(member);
    return isKnown ? (OPINIONS[swim.stateOf(observer.member, member)] ?? 'unknown') : 'unknown';
  }
  return 'unknown';
}

function managementOf(cluster: Cluster, machines: readonly Machine[]): string {
  if (!cluster.hasLeader) return 'no manager runs';
  const states = machines.map(({ name, nodeId }) => {
    const found = cluster.leader.control.findNode(nodeId);
    return found.ok
      ? `${name} is ${formatNodeState(found.value.status.state)}`
      : `${name} is unknown`;
  });
  return states.join(', ');
}
