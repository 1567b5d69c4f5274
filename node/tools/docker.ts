/**
 * `docker` as a tool on a node: its commands at once, `docker exec` and `docker run` without `-d` as
 * processes in the container, whose output and exit status become the command's.
 */
import { type Ipv4Address, LOOPBACK_ADDRESS } from '../../wire/addresses.ts';
import type { Daemon } from '../daemon/daemon.ts';
import type { StandaloneContainer } from '../daemon/standalone-container.ts';
import type { CommandResult } from '../docker/command.ts';
import { dockerWords, unreachable } from '../docker/docker.ts';
import { parseFlags } from '../docker/flags.ts';
import type { Place } from './place.ts';
import type { Process } from './process.ts';

const NO_NAMESPACES: Place['namespaces'] = new Map();
const EXEC_FLAGS = {
  detach: { kind: 'switch', letter: 'd' },
  env: { kind: 'list', letter: 'e' },
  interactive: { kind: 'switch', letter: 'i' },
  privileged: { kind: 'switch' },
  tty: { kind: 'switch', letter: 't' },
  user: { kind: 'text', letter: 'u' },
  workdir: { kind: 'text', letter: 'w' },
} as const;

/** A running container as a place: its own namespace, another's, or the host's. */
export function placeInContainer(
  container: StandaloneContainer,
  hostNames: ReadonlyMap<string, Ipv4Address>,
): Place {
  const sandbox = container.networkSandbox!;
  const { namespace, search, servers, hosts, config } = sandbox;
  return {
    namespace,
    resolver: { servers, search },
    hosts: config.isHostNetwork ? hostNames : hosts.names,
    namespaces: NO_NAMESPACES,
    source: 0,
    files: new Map([
      ['/etc/hosts', sandbox.hostsText],
      ['/etc/resolv.conf', sandbox.resolvConf],
    ]),
  };
}

/** `docker COMMAND …`. */
export function docker(process: Process, argv: readonly string[]): void {
  const { daemon } = process.place;
  if (daemon === undefined) {
    process.fail(127, 'sh: 1: docker: not found\n');
    return;
  }
  daemon.host.process.whenAwake(() => {
    if (argv[0] === 'exec') exec(process, daemon, argv.slice(1));
    else run(process, daemon, argv);
  });
}

/** `docker exec [OPTIONS] CONTAINER COMMAND [ARG...]`. */
function exec(process: Process, daemon: Daemon, argv: readonly string[]): void {
  const flags = parseFlags(EXEC_FLAGS, argv, false);
  if (typeof flags === 'string') {
    process.fail(125, `${flags}\nSee 'docker exec --help'.\n`);
    return;
  }
  const { engine, process: dockerd } = daemon.host;
  if (!dockerd.isUp) {
    const { exitCode, stderr } = unreachable('exec', engine);
    process.fail(exitCode, stderr);
    return;
  }
  const [name = '', ...command] = flags.words;
  const container = daemon.find(name);
  if (container === undefined) {
    process.fail(1, `Error: No such container: ${name}\n`);
    return;
  }
  const refusal = daemon.refusals.cannotExec(container);
  if (refusal !== undefined) process.fail(1, `Error response from daemon: ${refusal.message}\n`);
  else enter(process, container, command, (status) => process.exit(status));
}

/** Any other command; a container that is not detached runs its command as a process. */
function run(process: Process, daemon: Daemon, argv: readonly string[]): void {
  const before = new Set(daemon.list());
  dockerWords(daemon, argv, (result) => finish(process, daemon, before, result));
}

/** Prints what a command printed, and runs that of a container which it has made. */
function finish(
  process: Process,
  daemon: Daemon,
  before: ReadonlySet<StandaloneContainer>,
  { stdout, stderr, exitCode }: CommandResult,
): void {
  process.print(stdout);
  process.complain(stderr);
  const made = daemon.list().find((container) => !before.has(container));
  const isAttached = made?.isRunning === true && stdout === '';
  if (!isAttached || made.request.command.length === 0) {
    process.exit(exitCode);
    return;
  }
  enter(process, made, made.request.command, (status) => {
    daemon.lifecycle.end(made, status);
    process.exit(status);
  });
}

function enter(
  process: Process,
  container: StandaloneContainer,
  command: readonly string[],
  onExit: (status: number) => void,
): void {
  const names = new Map([...process.place.hosts, ['localhost', LOOPBACK_ADDRESS] as const]);
  const child = process.spawn(command, onExit, { place: placeInContainer(container, names) });
  process.whenInterrupted(() => child.interrupt());
}
