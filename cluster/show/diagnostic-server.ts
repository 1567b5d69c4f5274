/**
 * A daemon's diagnostic server (`network-diagnostic-port`; moby `libnetwork/diagnostic`,
 * `networkdb/networkdbdiagnostic.go`): what it answers to requests that read. As text, with `json` as
 * JSON, with `json=pretty` indented; values in base64, with `unsafe` as they are.
 *
 * Upstream lists tables and `/help` in the random order of Go's maps; here both are sorted.
 */

import { goJson } from '../../wire/go-json.ts';
import { formatIp } from '../../wire/ip-address.ts';
import type { Cluster } from '../cluster.ts';
import type { Machine } from '../machine.ts';

/** What a reply holds, for JSON and as text. */
interface Details {
  readonly json: unknown;
  readonly text: string;
}

interface Reply {
  readonly message: string;
  readonly details: Details;
}

/** A node's NetworkDB, as a handler sees it. */
interface Subject {
  readonly cluster: Cluster;
  readonly machine: Machine;
  readonly member: number;
}

/** A path that reads: the parameters that it must have, as its usage says them, and its answer. */
interface Handler {
  readonly parameters: readonly string[];
  readonly usage: string;
  answer(subject: Subject, form: URLSearchParams): Reply;
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  '/clusterpeers': { parameters: [], usage: '', answer: clusterPeers },
  '/getentry': {
    parameters: ['tname', 'nid', 'key'],
    usage: 'tname=table_name&nid=network_id&key=k',
    answer: getEntry,
  },
  '/gettable': {
    parameters: ['tname', 'nid'],
    usage: 'tname=table_name&nid=network_id',
    answer: getTable,
  },
  '/help': { parameters: [], usage: '', answer: help },
  '/networkpeers': { parameters: ['nid'], usage: 'nid=test', answer: networkPeers },
  '/networkstats': { parameters: ['nid'], usage: 'nid=test', answer: networkStats },
  '/ready': { parameters: [], usage: '', answer: () => succeeded({ info: 'OK' }, 'OK') },
};

/** The paths that change what a node knows; they are answered by a running daemon only. */
const WRITING_PATHS = [
  '/createentry',
  '/deleteentry',
  '/join',
  '/joinnetwork',
  '/leavenetwork',
  '/updateentry',
];

/** True when the request would change something, so that looking does not answer it. */
export function isWritingRequest(request: string): boolean {
  return WRITING_PATHS.includes(request.split('?')[0]!);
}

/** What the node's server answers to `<path>?<query>`; nothing when its daemon does not run. */
export function diagnosticReply(cluster: Cluster, machine: Machine, request: string): string {
  const { member } = machine;
  if (member === undefined) return '';
  const [path, query = ''] = request.split('?') as [string, string?];
  const form = new URLSearchParams(query);
  const reply = replyTo({ cluster, machine, member }, path, form);
  if (!form.has('json')) return `${reply.message}\n${reply.details.text}`;
  const object = { message: reply.message, details: reply.details.json };
  return goJson(object, form.get('json') === 'pretty' ? 2 : 0);
}

function replyTo(subject: Subject, path: string, form: URLSearchParams): Reply {
  const handler = HANDLERS[path];
  if (handler === undefined) {
    const usage = `URL path: ${path} no method implemented check /help\n`;
    return { message: 'not implemented', details: { json: { usage }, text: `Usage: ${usage}` } };
  }
  if (handler.parameters.some((name) => !form.has(name))) {
    const usage = `${path}?${handler.usage}`;
    return { message: 'missing parameter', details: { json: { usage }, text: `Usage: ${usage}` } };
  }
  return handler.answer(subject, form);
}

function clusterPeers(subject: Subject): Reply {
  const active = subject.cluster.db.clusterPeersOf(subject.member);
  return peers(subject, active, active);
}

function networkPeers(subject: Subject, form: URLSearchParams): Reply {
  const { cluster, member } = subject;
  const members = cluster.db.peersOf(member, form.get('nid')!);
  return peers(subject, members, cluster.db.clusterPeersOf(member));
}

/** Peers; their key is upstream's, from a misspelt tag. Who is no active node is an orphan. */
function peers(
  { cluster, machine }: Subject,
  members: readonly number[],
  active: readonly number[],
): Reply {
  const isActive = new Set(active);
  const isFirstGeneration = machine.host?.engine.networkDbGeneration === 1;
  const rows = members.map((peer) => {
    const name = cluster.swim.nameOf(peer);
    if (isActive.has(peer)) {
      const ip = formatIp(cluster.machineOfMember(peer).addresses.advertise);
      return { name, ip, ipText: ip };
    }
    const [ip, ipText] = isFirstGeneration ? ['unknown', 'unknown'] : ['', 'invalid IP'];
    return { name: `orphan-${name}`, ip, ipText };
  });
  const entries = rows.map(({ name, ip }) => ({ '-=name': name, ip }));
  return list(
    entries,
    rows.map(({ name, ipText }) => `${name} -> ${ipText}`),
  );
}

function getTable({ cluster, member }: Subject, form: URLSearchParams): Reply {
  const held = cluster.db.entriesOf(member, form.get('tname')!, form.get('nid')!);
  const entries = held.map(({ key, value, owner }) => ({
    key,
    value: valueText(value.encode(), form),
    owner: cluster.swim.nameOf(owner),
  }));
  const lines = entries.map(
    ({ key, value, owner }) => `k:\`${key}\` -> v:\`${value}\` owner:\`${owner}\``,
  );
  return list(entries, lines);
}

function getEntry({ cluster, member }: Subject, form: URLSearchParams): Reply {
  const [table, networkId, key] = ['tname', 'nid', 'key'].map((name) => form.get(name)!) as [
    string,
    string,
    string,
  ];
  const held = cluster.db.entriesOf(member, table, networkId).find((entry) => entry.key === key);
  if (held === undefined) {
    const isDeleted = cluster.db.isDeleted(member, table, networkId, key);
    const why = isDeleted ? 'deleted and pending garbage collection' : 'not found';
    const error = `entry in table ${table} network id ${networkId} and key ${key} ${why}`;
    return { message: 'FAIL', details: { json: { error }, text: `Error: ${error}` } };
  }
  // nobody says the owner of a single entry
  const value = valueText(held.value.encode(), form);
  return succeeded({ key, value, owner: '' }, `0) k:\`${key}\` -> v:\`${value}\` owner:\`\`\n`);
}

function networkStats({ cluster, member }: Subject, form: URLSearchParams): Reply {
  const { entries, queueLength } = cluster.db.statsOf(member, form.get('nid')!);
  const text = `entries: ${entries}, qlen: ${queueLength}\n`;
  return succeeded({ entries, QueueLen: queueLength }, text); // the tag is misspelt upstream
}

function help(): Reply {
  const paths = ['/', ...Object.keys(HANDLERS), ...WRITING_PATHS].sort();
  const info = paths.map((path) => `${path}\n`).join('');
  return succeeded({ info }, info);
}

function succeeded(json: unknown, text: string): Reply {
  return { message: 'OK', details: { json, text } };
}

function list(entries: readonly unknown[], lines: readonly string[]): Reply {
  const numbered = lines.map((line, i) => `${i}) ${line}\n`).join('');
  // a slice that nothing was appended to is null in Go's JSON
  const json = { size: entries.length, entries: entries.length === 0 ? null : entries };
  return succeeded(json, `total entries: ${entries.length}\n${numbered}`);
}

function valueText(bytes: Uint8Array, form: URLSearchParams): string {
  if (form.has('unsafe')) return new TextDecoder().decode(bytes);
  return btoa(String.fromCharCode(...bytes));
}
