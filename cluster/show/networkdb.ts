/**
 * A node's NetworkDB as the daemon's diagnostic server answers it (moby `libnetwork/diagnostic`,
 * `networkdb/networkdbdiagnostic.go`, `network-diagnostic-port` and `?json`): the peers of the
 * cluster and of each network, the two tables with their records in base64, and the statistics line
 * that the daemon logs.
 *
 * Of one network it is the answer alone; of all networks, each answer under the request that gets it.
 */
import { TableNames } from '../../node/network/table-values.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import type { Cluster } from '../cluster.ts';
import type { Machine } from '../machine.ts';

/** What a daemon answers to a request that it understands. */
interface Reply {
  readonly message: 'OK';
  readonly details: unknown;
}

/** A network that the node has joined. */
interface Joined {
  readonly id: string;
  readonly name: string;
}

/** `/clusterpeers` and `/networkpeers`. */
export function networkDbPeersText(
  cluster: Cluster,
  machine: Machine,
  networkName: string | undefined,
): string {
  const { db } = cluster;
  const { member } = machine;
  if (member === undefined) return '';
  const active = db.clusterPeersOf(member);
  const isActive = new Set(active);
  const peersReply = (peers: readonly number[]): Reply => {
    const entries = peers.map((peer) => peerEntry(cluster, peer, isActive.has(peer)));
    return { message: 'OK', details: { size: entries.length, entries } };
  };
  const parts = networksOf(machine, networkName).map(({ id, name }) => ({
    title: `network ${name}: /networkpeers?nid=${id}`,
    text: JSON.stringify(peersReply(db.peersOf(member, id))),
  }));
  if (networkName !== undefined) return textOf(parts, false);
  const all = { title: '/clusterpeers', text: JSON.stringify(peersReply(active)) };
  return textOf([all, ...parts], true);
}

/** `/gettable`, of both tables. */
export function networkDbTableText(
  cluster: Cluster,
  machine: Machine,
  networkName: string | undefined,
): string {
  const { member } = machine;
  if (member === undefined) return '';
  const parts = networksOf(machine, networkName).flatMap(({ id, name }) =>
    Object.values(TableNames).map((table) => ({
      title: `network ${name}: /gettable?tname=${table}&nid=${id}`,
      text: JSON.stringify(tableReply(cluster, member, table, id)),
    })),
  );
  return textOf(parts, true);
}

/** The line that the daemon logs every five minutes, for each network. */
export function networkDbStatsText(
  cluster: Cluster,
  machine: Machine,
  networkName: string | undefined,
): string {
  const { member } = machine;
  if (member === undefined) return '';
  const lines = networksOf(machine, networkName).map(({ id }) => cluster.db.statsLine(member, id));
  return lines.map((line) => (line === undefined ? '' : `${line}\n`)).join('');
}

function tableReply(cluster: Cluster, member: number, table: string, networkId: string): Reply {
  const entries = cluster.db.entriesOf(member, table, networkId).map(({ key, value, owner }) => ({
    key,
    value: base64Of(value.encode()),
    owner: cluster.swim.nameOf(owner),
  }));
  return { message: 'OK', details: { size: entries.length, entries } };
}

/** A peer; its key is upstream's, from a misspelt tag. Who is no active node is an orphan. */
function peerEntry(cluster: Cluster, peer: number, isActive: boolean): Record<string, string> {
  const name = cluster.swim.nameOf(peer);
  if (!isActive) return { '-=name': `orphan-${name}`, ip: 'unknown' };
  return { '-=name': name, ip: formatIpv4Address(cluster.machineOfMember(peer).address.address) };
}

/** The networks of the node in the order in which it has joined them; of a name, or all. */
function networksOf(machine: Machine, name: string | undefined): Joined[] {
  const networks = machine.executor?.networksIfAny?.networks ?? [];
  return [...networks].filter((network) => name === undefined || network.name === name);
}

function textOf(parts: readonly { title: string; text: string }[], hasTitles: boolean): string {
  return parts
    .map(({ title, text }) => (hasTitles ? `# ${title}\n${text}\n` : `${text}\n`))
    .join('');
}

function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
