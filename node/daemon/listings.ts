/**
 * The tables of the `docker` command: `docker ps`, `docker network ls`, `docker port`
 * (docker/cli `cli/command/formatter`, Go's `text/tabwriter`).
 */
import type { EngineVersion } from '../engine-version.ts';
import type { PortMapping } from '../firewall/bridge-rules.ts';
import type { Daemon } from './daemon.ts';
import { spanText } from './instants.ts';
import { portText } from './requests.ts';
import type { StandaloneContainer } from './standalone-container.ts';

/** A column is at least so wide, and three blanks wider than its longest cell. */
const COLUMN_MIN = 10;
const PADDING = 3;
/** What `docker ps` shows of ids and commands unless asked for all. */
const COMMAND_MAX = 20;

/** The first version whose client writes IPv6 addresses in brackets. */
const BRACKETS_MAJOR = 27;

/** Rows in columns, as Docker's tables are. */
export function dockerTable(rows: readonly (readonly string[])[]): string {
  const last = (rows[0]?.length ?? 0) - 1;
  const widths = Array.from({ length: last }, (_, i) =>
    Math.max(COLUMN_MIN, Math.max(...rows.map((row) => row[i]!.length)) + PADDING),
  );
  return rows
    .map((row) => `${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('')}\n`)
    .join('');
}

/** Which containers `docker ps` shows, and how. */
export interface PsOptions {
  readonly hasAll: boolean;
  readonly isWhole: boolean;
}

/** What `docker ps` lists, the newest container first. */
export function shownContainers(daemon: Daemon, hasAll: boolean): StandaloneContainer[] {
  const isShown = ({ isRunning, state }: StandaloneContainer) =>
    hasAll || isRunning || state === 'restarting';
  return daemon.list().filter(isShown).reverse();
}

/** `docker ps`, the newest container first. */
export function psText(daemon: Daemon, { hasAll, isWhole }: PsOptions): string {
  const rows = shownContainers(daemon, hasAll).map((container) =>
    psRow(daemon, container, isWhole),
  );
  const head = ['CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'PORTS', 'NAMES'];
  return dockerTable([head, ...rows]);
}

function psRow(daemon: Daemon, container: StandaloneContainer, isWhole: boolean): string[] {
  const { id, request, name } = container;
  const { engine, world } = daemon.host;
  const command = request.command.join(' ');
  const isLong = !isWhole && command.length + 2 > COMMAND_MAX;
  const shortCommand = isLong ? `${command.slice(0, COMMAND_MAX - 1)}…` : command;
  return [
    isWhole ? id : id.slice(0, 12),
    request.image,
    `"${shortCommand}"`,
    `${spanText(world.nowNs - container.createdAtNs)} ago`,
    statusText(container, world.nowNs),
    portsText(container, engine),
    isWhole ? [name, ...linkNamesOf(daemon, container)].join(',') : name,
  ];
}

/** The names that others have linked a container under, such as `shop/db`. */
function linkNamesOf(daemon: Daemon, container: StandaloneContainer): string[] {
  return daemon.list().flatMap((other) =>
    daemon
      .linksOf(other)
      .filter(({ child }) => child === container)
      .map(({ alias }) => `${other.name}/${alias}`),
  );
}

function statusText(container: StandaloneContainer, nowNs: number): string {
  const { state, exitCode, startedAtNs, finishedAtNs } = container;
  if (state === 'running') return `Up ${spanText(nowNs - startedAtNs!)}${healthText(container)}`;
  if (state === 'paused') return `Up ${spanText(nowNs - startedAtNs!)} (Paused)`;
  if (state === 'created') return 'Created';
  if (state === 'restarting') {
    return `Restarting (${exitCode}) ${spanText(nowNs - finishedAtNs!)} ago`;
  }
  return `Exited (${exitCode}) ${spanText(nowNs - finishedAtNs!)} ago`;
}

function healthText({ health }: StandaloneContainer): string {
  if (health === undefined) return '';
  return health === 'starting' ? ' (health: starting)' : ` (${health})`;
}

/** One line of `Ports` in the API's list of containers. */
interface ListedPort {
  /** Empty for a port that is only exposed. */
  readonly host: string;
  readonly port: number;
  readonly hostPort: number;
  readonly protocol: string;
}

/** Ports that follow each other, each published as itself. */
interface PortGroup {
  readonly host: string;
  readonly protocol: string;
  readonly first: number;
  last: number;
}

/**
 * `9000-9001/tcp, 0.0.0.0:53->53/udp, 0.0.0.0:8080->80/tcp` (`DisplayablePorts`): what is published as
 * another number stands behind the others, one by one.
 */
function portsText(container: StandaloneContainer, engine: EngineVersion): string {
  if (!container.isRunning || container.request.networkMode === 'host') return '';
  const closed: PortGroup[] = [];
  const open = new Map<string, PortGroup>();
  const others: string[] = [];
  for (const { host, port, hostPort, protocol } of listedPorts(container, engine)) {
    if (host !== '' && port !== hostPort) {
      others.push(`${host}:${hostPort}->${port}/${protocol}`);
      continue;
    }
    const key = `${host}/${protocol}`;
    const group = open.get(key);
    if (group !== undefined && group.last + 1 === port) group.last = port;
    else {
      if (group !== undefined) closed.push(group);
      open.set(key, { host, protocol, first: port, last: port });
    }
  }
  return [...[...closed, ...open.values()].map(groupText), ...others].join(', ');
}

/** By container port, then address, then host port. */
function listedPorts(container: StandaloneContainer, engine: EngineVersion): ListedPort[] {
  const mapped = container.mappings().filter(({ hostPort }) => hostPort !== 0);
  const published = mapped.flatMap((mapping) => {
    const { containerPort: port, hostPort, protocol } = mapping;
    return hostsOf(mapping, engine).map((host) => ({ host, port, hostPort, protocol }));
  });
  const isPublished = (text: string) => published.some((listed) => portText(listed) === text);
  const exposed = container.exposed
    .filter((port) => !isPublished(portText(port)))
    .map(({ port, protocol }) => ({ host: '', port, hostPort: 0, protocol }));
  return [...published, ...exposed].sort(
    (a, b) => a.port - b.port || compareTexts(a.host, b.host) || a.hostPort - b.hostPort,
  );
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function hostsOf({ hostAddress }: PortMapping, engine: EngineVersion): string[] {
  if (hostAddress !== '') return [hostAddress];
  return ['0.0.0.0', engine.major >= BRACKETS_MAJOR ? '[::]' : '::'];
}

function groupText({ host, protocol, first, last }: PortGroup): string {
  const range = first === last ? `${first}` : `${first}-${last}`;
  return host === '' ? `${range}/${protocol}` : `${host}:${range}->${range}/${protocol}`;
}

/** `docker network ls`, by name. */
export function networkLsText(
  networks: readonly { id: string; name: string; driver: string; scope: string }[],
  isWhole: boolean,
): string {
  const rows = networks.map(({ id, name, driver, scope }) => [
    isWhole ? id : id.slice(0, 12),
    name,
    driver,
    scope,
  ]);
  rows.sort((a, b) => compareTexts(a[1]!, b[1]!));
  return dockerTable([['NETWORK ID', 'NAME', 'DRIVER', 'SCOPE'], ...rows]);
}

/** `docker port`: one line per published port and address. */
export function portLinesText(container: StandaloneContainer, engine: EngineVersion): string {
  const mappings = [...container.mappings()].sort((a, b) => a.containerPort - b.containerPort);
  return mappings
    .flatMap((mapping) => {
      const { containerPort: port, protocol, hostPort } = mapping;
      const target = portText({ port, protocol });
      return hostsOf(mapping, engine).map((host) => `${target} -> ${host}:${hostPort}\n`);
    })
    .join('');
}
