/**
 * NetworkDB's views of a node: requests to its daemon's diagnostic server, and below the counts the
 * line that the daemon logs every 5 minutes.
 *
 * Of one network it is the answer alone; of all networks, each answer under the request that gets it.
 */
import { TableNames } from '../../node/network/table-values.ts';
import type { Cluster } from '../cluster.ts';
import type { Machine } from '../machine.ts';
import { diagnosticReply } from './diagnostic-server.ts';

/** What a view is asked for. */
export interface NetworkDbQuery {
  /** Only this network. */
  readonly network?: string | undefined;
  /** As JSON and not as text. */
  readonly isJson?: boolean;
}

/** A request, and what its answer is for. */
interface Request {
  readonly title: string;
  readonly path: string;
}

interface Joined {
  readonly id: string;
  readonly name: string;
}

/** `/clusterpeers` and `/networkpeers`. */
export function networkDbPeersText(
  cluster: Cluster,
  machine: Machine,
  query: NetworkDbQuery,
): string {
  const requests = requestsOf(machine, query, ({ id }) => [`/networkpeers?nid=${id}`]);
  if (query.network !== undefined) return answersText(cluster, machine, requests, query, false);
  const all = { title: '/clusterpeers', path: '/clusterpeers' };
  return answersText(cluster, machine, [all, ...requests], query, true);
}

/** `/gettable`, of both tables. */
export function networkDbTableText(
  cluster: Cluster,
  machine: Machine,
  query: NetworkDbQuery,
): string {
  const tables = Object.values(TableNames);
  const requests = requestsOf(machine, query, ({ id }) =>
    tables.map((table) => `/gettable?tname=${table}&nid=${id}`),
  );
  return answersText(cluster, machine, requests, query, true);
}

/**
 * `/networkstats`, and below it, unless it is JSON, the line that the daemon logs; at the end, while
 * memberlist finds itself slow, the one that it logs every minute.
 */
export function networkDbStatsText(
  cluster: Cluster,
  machine: Machine,
  query: NetworkDbQuery,
): string {
  const { member } = machine;
  if (member === undefined) return '';
  const counts = networksOf(machine, query.network)
    .map((network) => {
      const path = `/networkstats?nid=${network.id}`;
      const request = { title: `network ${network.name}: ${path}`, path };
      const hasTitle = query.network === undefined;
      const text = answersText(cluster, machine, [request], query, hasTitle);
      const line = cluster.db.statsLine(member, network.id);
      return query.isJson === true || line === undefined ? text : `${text}${line}\n`;
    })
    .join('');
  return query.isJson === true ? counts : counts + healthLine(cluster, machine, member);
}

function healthLine({ swim }: Cluster, { name }: Machine, member: number): string {
  const score = swim.awarenessOf(member);
  if (score === 0) return '';
  const daemon = `${name}(${swim.nameOf(member)})`;
  return `NetworkDB stats ${daemon} - healthscore:${score} (connectivity issues)\n`;
}

function requestsOf(
  machine: Machine,
  query: NetworkDbQuery,
  pathsOf: (network: Joined) => readonly string[],
): Request[] {
  return networksOf(machine, query.network).flatMap((network) =>
    pathsOf(network).map((path) => ({ title: `network ${network.name}: ${path}`, path })),
  );
}

/** The networks of the node in the order in which it has joined them; of a name, or all. */
function networksOf(machine: Machine, name: string | undefined): Joined[] {
  const networks = machine.executor?.networksIfAny?.networks ?? [];
  return [...networks].filter((network) => name === undefined || network.name === name);
}

function answersText(
  cluster: Cluster,
  machine: Machine,
  requests: readonly Request[],
  { isJson }: NetworkDbQuery,
  hasTitles: boolean,
): string {
  if (machine.member === undefined) return '';
  return requests
    .map(({ title, path }) => {
      const asked = isJson === true ? `${path}${path.includes('?') ? '&' : '?'}json` : path;
      const answer = diagnosticReply(cluster, machine, asked);
      const body = isJson === true ? `${answer}\n` : answer;
      return hasTitles ? `# ${title}\n${body}` : body;
    })
    .join('');
}
