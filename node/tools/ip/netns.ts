/**
 * `ip netns`: the namespaces of a host by their names, Docker's among them as if they were linked
 * into `/run/netns`, and namespaces of one's own. Mirrors iproute2 ip/ipnetns.c.
 */
import type { Namespace } from '../../../net/namespace.ts';
import type { Process } from '../process.ts';
import { commandOf, IpFailure, refused, type Words, wrong } from './words.ts';

const COMMANDS = ['list', 'show', 'lst', 'add', 'delete', 'exec'] as const;

/** The namespace of this name; throws iproute2's complaint when there is none. */
export function namespaceOf(process: Process, name: string): Namespace {
  const namespace = process.place.namespaces.get(name);
  if (namespace !== undefined) return namespace;
  const text = `Cannot open network namespace "${name}": No such file or directory`;
  throw new IpFailure(255, text);
}

/** The namespace that a `netns` attribute of a link names. */
export function netnsOf(process: Process, name: string): Namespace {
  const namespace = process.place.namespaces.get(name);
  if (namespace !== undefined) return namespace;
  throw wrong(`Error: argument "${name}" is wrong: Invalid "netns" value\n`);
}

/** `ip netns [list]`, `add NAME`, `delete NAME`, `exec NAME PROGRAM …`; undefined for `exec`. */
export function ipNetns(process: Process, words: Words): string | undefined {
  const word = words.next() ?? 'list';
  switch (commandOf(word, COMMANDS)) {
    case 'exec':
      exec(process, words);
      return undefined;
    case 'add':
      add(process, nameOf(words));
      return '';
    case 'delete':
      remove(process, nameOf(words));
      return '';
    case 'list':
    case 'show':
    case 'lst':
      return [...process.place.namespaces.keys()]
        .filter((name) => name !== 'default')
        .map((name) => `${name}\n`)
        .join('');
    default:
      throw wrong(`Command "${word}" is unknown, try "ip netns help".`);
  }
}

function nameOf(words: Words): string {
  const name = words.next();
  if (name === undefined) throw new IpFailure(1, 'No netns name specified');
  if (name.includes('/') || name === '.' || name === '..') {
    throw wrong(`Invalid netns name "${name}"`);
  }
  return name;
}

function exec(process: Process, words: Words): void {
  const name = words.next();
  if (name === undefined) throw new IpFailure(1, 'No netns name specified');
  const namespace = namespaceOf(process, name);
  const program = words.rest();
  if (program.length === 0) throw new IpFailure(1, 'No command specified');
  const place = { ...process.place, namespace };
  const child = process.spawn(program, (status) => process.exit(status), { place });
  process.whenInterrupted(() => child.interrupt());
}

/** A namespace of one's own has nothing but a loopback device, which is down. */
function add(process: Process, name: string): void {
  const { namespaces, daemon } = process.place;
  const path = `"/run/netns/${name}"`;
  if (namespaces.has(name)) {
    throw new IpFailure(1, `Cannot create namespace file ${path}: File exists`);
  }
  if (daemon === undefined) throw refused('Operation not permitted');
  const namespace = daemon.host.createNamespace(name);
  namespace.setUp(namespace.loopback, false);
}

function remove(process: Process, name: string): void {
  const { namespaces, daemon } = process.place;
  if (!namespaces.has(name)) {
    const path = `"/run/netns/${name}"`;
    throw new IpFailure(1, `Cannot remove namespace file ${path}: No such file or directory`);
  }
  if (daemon === undefined) throw refused('Operation not permitted');
  daemon.host.destroyNamespace(name);
}
