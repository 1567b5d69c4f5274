/**
 * A node's NetworkDB as the daemon's diagnostic server answers it (moby `libnetwork/diagnostic`,
 * `networkdb/networkdbdiagnostic.go`, `network-diagnostic-port`): the peers of the cluster and of
 * each network, the two tables with their records in base64, the counts of a network, and the
 * statistics line that the daemon logs. As text, or as with `?json`.
 *
 * Of one network it is the answer alone; of all networks, each answer under the request that gets it.
 */
import { TableNames } from '../../node/network/table-values.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { goJson } from '../../wire/go-json.ts';
import type { Cluster } from '../cluster.ts';
import type { Machine } from '../machine.ts';

/** What a view is asked for. */
export interface NetworkDbQuery {
  /** Only this network. */
  readonly network?: string | undefined;
  /** As JSON and not as text. */
  readonly isJson?: boolean;
}

/** What a daemon answers to a request that it understands: `OK` and this. */
interface Details {
  readonly json: unknown;
  readonly text: string;
}

/** A network that the node has joined. */
interface Joined {
  readonly id: string;
  readonly name: string;
}

/** An answer and the request that gets it. */
interface Answer {
  readonly title: string;
  readonly details: Details;
}

/** `/clusterpeers` and `/networkpeers`. */
export function networkDbPeersText(
  cluster: Cluster,
  machine: Machine,
  query: NetworkDbQuery,
): string {
  const { db } = cluster;
  const { member } = machine;
  if (member === undefined) return '';
  const active = db.clusterPeersOf(member);
  const answers: Answer[] = networksOf(machine, query.network).map(({ id, name }) => ({
    title: `network ${name}: /networkpeers?nid=${id}`,
    details: peersOf(cluster, machine, db.peersOf(member, id), active),
  }));
  if (query.network !== undefined) return textOf(answers, query, false);
  const all = { title: '/clusterpeers', details: peersOf(cluster, machine, active, active) };
  return textOf([all, ...answers], query, true);
}

/** `/gettable`, of both tables. */
export function networkDbTableText(
  cluster: Cluster,
  machine: Machine,
  query: NetworkDbQuery,
): string {
  const { member } = machine;
  if (member === undefined) return '';
  const answers = networksOf(machine, query.network).flatMap(({ id, name }) =>
    Object.values(TableNames).map((table) => ({
      title: `network ${name}: /gettable?tname=${table}&nid=${id}`,
      details: tableOf(cluster, member, table, id),
    })),
  );
  return textOf(answers, query, true);
}

/** `/networkstats`, and below it, unless it is JSON, the line that the daemon logs in 5 minutes. */
export function networkDbStatsText(
  cluster: Cluster,
  machine: Machine,
  query: NetworkDbQuery,
): string {
  const { db } = cluster;
  const { member } = machine;
  if (member === undefined) return '';
  const answers = networksOf(machine, query.network).map(({ id, name }) => {
    const { entries, queueLength } = db.statsOf(member, id);
    const line = db.statsLine(member, id);
    const text = `entries: ${entries}, qlen: ${queueLength}\n${line === undefined ? '' : `${line}\n`}`;
    const json = { entries, QueueLen: queueLength }; // the tag is misspelt upstream
    return { title: `network ${name}: /networkstats?nid=${id}`, details: { json, text } };
  });
  return textOf(answers, query, query.network === undefined);
}

function tableOf(cluster: Cluster, member: number, table: string, networkId: string): Details {
  const entries = cluster.db.entriesOf(member, table, networkId).map(({ key, value, owner }) => ({
    key,
    value: base64Of(value.encode()),
    owner: cluster.swim.nameOf(owner),
  }));
  const lines = entries.map(
    ({ key, value, owner }) => `k:\`${key}\` -> v:\`${value}\` owner:\`${owner}\``,
  );
  return listOf(entries, lines);
}

/** Peers; their key is upstream's, from a misspelt tag. Who is no active node is an orphan. */
function peersOf(
  cluster: Cluster,
  machine: Machine,
  peers: readonly number[],
  active: readonly number[],
): Details {
  const isActive = new Set(active);
  const isFirstGeneration = machine.host?.engine.networkDbGeneration === 1;
  const rows = peers.map((peer) => {
    const name = cluster.swim.nameOf(peer);
    if (isActive.has(peer)) {
      const ip = formatIpv4Address(cluster.machineOfMember(peer).addresses.advertise);
      return { name, ip, ipText: ip };
    }
    const [ip, ipText] = isFirstGeneration ? ['unknown', 'unknown'] : ['', 'invalid IP'];
    return { name: `orphan-${name}`, ip, ipText };
  });
  const entries = rows.map(({ name, ip }) => ({ '-=name': name, ip }));
  return listOf(
    entries,
    rows.map(({ name, ipText }) => `${name} -> ${ipText}`),
  );
}

function listOf(entries: readonly unknown[], lines: readonly string[]): Details {
  const numbered = lines.map((line, i) => `${i}) ${line}\n`).join('');
  return {
    json: { size: entries.length, entries },
    text: `total entries: ${entries.length}\n${numbered}`,
  };
}

/** The networks of the node in the order in which it has joined them; of a name, or all. */
function networksOf(machine: Machine, name: string | undefined): Joined[] {
  const networks = machine.executor?.networksIfAny?.networks ?? [];
  return [...networks].filter((network) => name === undefined || network.name === name);
}

function textOf(
  answers: readonly Answer[],
  { isJson }: NetworkDbQuery,
  hasTitles: boolean,
): string {
  return answers
    .map(({ title, details }) => {
      const body =
        isJson === true
          ? `${goJson({ message: 'OK', details: details.json })}\n`
          : `OK\n${details.text}`;
      return hasTitles ? `# ${title}\n${body}` : body;
    })
    .join('');
}

function base64Of(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
