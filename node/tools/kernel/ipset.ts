/**
 * `ipset` 7.17: sets of addresses and networks that rules ask for with `-m set`.
 * Mirrors ipset's lib/ipset.c and lib/errcode.c.
 */
import { type IpSet, type IpSets, SET_TYPES } from '../../../net/netfilter/ip-sets.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import {
  formatPrefix,
  type Prefix,
  parseIpv4Address,
  parsePrefix,
} from '../../../wire/addresses.ts';
import type { Process } from '../process.ts';

const NO_SUCH_SET = 'The set with the given name does not exist';
const REVISIONS = { 'hash:ip': 6, 'hash:net': 7 } as const;
/** Networks of a `hash:ip` are added address by address, up to so many. */
const ADDRESSES_MAX = 65_536;

/** A refusal, with the exit status. */
class Refusal extends Error {
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** `ipset [-exist] create|add|del|test|list|save|flush|destroy …`. */
export function ipset(process: Process, argv: readonly string[]): void {
  const words = argv.filter((word) => word !== '-exist' && word !== '-!' && word !== '--exist');
  try {
    const status = run(process, words, words.length < argv.length);
    process.exit(status);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    process.fail(refusal.status, `ipset v7.17: ${refusal.message}\n`);
  }
}

function run(process: Process, words: readonly string[], isLenient: boolean): number {
  const { tables, world } = process.place.namespace;
  const { sets } = tables;
  const [command = '', name = '', entry = '', ...more] = words;
  switch (command) {
    case 'create':
    case '-N':
      create(sets, name, entry, more, isLenient);
      return 0;
    case 'add':
    case '-A': {
      const set = setOf(sets, name);
      const timeoutNs = timeoutOf(more);
      for (const prefix of prefixesOf(set, entry)) {
        if (set.add(prefix, world.nowNs, timeoutNs ?? set.timeoutNs, isLenient)) continue;
        throw new Refusal("Element cannot be added to the set: it's already added");
      }
      return 0;
    }
    case 'del':
    case '-D': {
      const set = setOf(sets, name);
      for (const prefix of prefixesOf(set, entry)) {
        if (set.remove(prefix, world.nowNs) || isLenient) continue;
        throw new Refusal("Element cannot be deleted from the set: it's not added");
      }
      return 0;
    }
    case 'test':
    case '-T': {
      const [prefix] = prefixesOf(setOf(sets, name), entry);
      const isIn = setOf(sets, name).contains(prefix!.address, world.nowNs);
      process.complain(isIn ? `Warning: ${entry} is in set ${name}.\n` : '');
      if (!isIn) process.complain(`${entry} is NOT in set ${name}.\n`);
      return isIn ? 0 : 1;
    }
    case 'list':
    case '-L':
    case 'save':
    case '-S':
      process.print(listText(process, words.slice(1), command === 'save' || command === '-S'));
      return 0;
    case 'flush':
    case '-F':
      for (const [, set] of chosen(sets, name)) set.flush();
      return 0;
    case 'destroy':
    case '-X':
      for (const [each] of chosen(sets, name)) {
        if (referencesTo(process, each) > 0) {
          throw new Refusal('Set cannot be destroyed: it is in use by a kernel component');
        }
        sets.destroy(each);
      }
      return 0;
    case '':
      throw new Refusal("No command specified.\nTry `ipset help' for more information.", 2);
    default:
      throw new Refusal(
        `No command specified: unknown argument ${command}\nTry \`ipset help' for more information.`,
        2,
      );
  }
}

function create(
  sets: IpSets,
  name: string,
  typeName: string,
  options: readonly string[],
  isLenient: boolean,
): void {
  const type = SET_TYPES.find((each) => each === typeName);
  if (type === undefined) throw new Refusal(`Syntax error: typename '${typeName}' is unknown`);
  if (sets.has(name)) {
    if (isLenient) return;
    throw new Refusal('Set cannot be created: set with the same name already exists');
  }
  sets.create(name, type, timeoutOf(options));
}

/** `timeout 300`, in ns; undefined without it. */
function timeoutOf(options: readonly string[]): number | undefined {
  const at = options.indexOf('timeout');
  if (at < 0) return undefined;
  const seconds = Number(options[at + 1]);
  if (!Number.isInteger(seconds) || seconds < 0) {
    throw new Refusal(`Syntax error: '${options[at + 1]}' is invalid as number`);
  }
  return seconds * SECOND_NS;
}

function setOf(sets: IpSets, name: string): IpSet {
  const set = sets.find(name);
  if (set === undefined) throw new Refusal(NO_SUCH_SET);
  return set;
}

/** The named set, or all of them. */
function chosen(sets: IpSets, name: string): readonly (readonly [string, IpSet])[] {
  return name === '' ? sets.entries() : [[name, setOf(sets, name)]];
}

/** What an entry stands for: one network, or each of its addresses in a set of addresses. */
function prefixesOf({ type }: IpSet, entry: string): Prefix[] {
  const address = parseIpv4Address(entry);
  if (address !== undefined) return [{ address, lengthBits: 32 }];
  const prefix = parsePrefix(entry);
  if (prefix === undefined) {
    throw new Refusal(`Syntax error: cannot parse ${entry}: resolving to IPv4 address failed`);
  }
  const count = 2 ** (32 - prefix.lengthBits);
  const start = prefix.address - (prefix.address % count);
  if (type === 'hash:net') return [{ address: start, lengthBits: prefix.lengthBits }];
  if (count > ADDRESSES_MAX) {
    throw new Refusal('Element cannot be added to the set: the set is full');
  }
  return Array.from({ length: count }, (_, i) => ({ address: start + i, lengthBits: 32 }));
}

/** How many rules ask for a set or change it. */
function referencesTo({ place }: Process, name: string): number {
  const words = place.namespace.tables.save().split(/\s+/);
  return words.filter((word, i) => word === name && /^--(match|add|del)-set$/.test(words[i - 1]!))
    .length;
}

function listText(process: Process, words: readonly string[], isSaved: boolean): string {
  const { tables, world } = process.place.namespace;
  const names = words.filter((word) => !word.startsWith('-'));
  const all = chosen(tables.sets, names[0] ?? '');
  if (words.includes('-n') || words.includes('-name')) {
    return all.map(([name]) => `${name}\n`).join('');
  }
  const isTerse = words.includes('-t') || words.includes('-terse');
  const parts = all.map(([name, set]) => {
    const timeout = set.timeoutNs === undefined ? '' : ` timeout ${set.timeoutNs / SECOND_NS}`;
    const header = `family inet hashsize 1024 maxelem 65536${timeout} bucketsize 12 initval 0x00000000`;
    const elements = set.elements(world.nowNs);
    const members = elements.map(({ prefix, expiresAtNs }) => {
      const left = Math.max(0, Math.floor((expiresAtNs - world.nowNs) / SECOND_NS));
      const text = formatPrefix(prefix).replace(/\/32$/, '');
      return set.timeoutNs === undefined ? text : `${text} timeout ${left}`;
    });
    if (isSaved) {
      const lines = members.map((member) => `add ${name} ${member}\n`);
      return `create ${name} ${set.type} ${header}\n${lines.join('')}`;
    }
    const head =
      `Name: ${name}\nType: ${set.type}\nRevision: ${REVISIONS[set.type]}\nHeader: ${header}\n` +
      `Size in memory: ${200 + 16 * members.length}\nReferences: ${referencesTo(process, name)}\n` +
      `Number of entries: ${members.length}\n`;
    return isTerse ? head : `${head}Members:\n${members.map((member) => `${member}\n`).join('')}`;
  });
  return parts.join(isSaved ? '' : '\n');
}
