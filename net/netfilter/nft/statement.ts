/**
 * The parts of an nft rule: what they ask or do, and their text.
 *
 * What nft does with the kernel's own modules (NAT, REJECT, LOG, conntrack's states, the routing
 * table) is done by the iptables extension for the same module, so that both agree. Mirrors
 * nftables' `src/parser_bison.y` and `src/statement.c` as far as Docker and its users write rules.
 */
import { parseIpv4Address } from '../../../wire/addresses.ts';
import { type Match, Outcome, type ParseEnvironment, type RuleHead } from '../extension.ts';
import type { Inspection } from '../inspection.ts';
import { MATCH_KINDS } from '../match/kinds.ts';
import { parseMaskedAddress } from '../options.ts';
import { parseProtocol, protocolName } from '../protocols.ts';
import { TARGET_KINDS } from '../target/kinds.ts';
import type { NftRuleOwner } from './rule.ts';
import type { NftSet, SetType } from './sets.ts';
import type { Word, WordReader } from './words.ts';

/** One part of a rule. */
export interface Statement {
  /** `next` where it holds or was done, `return` where it does not hold; else what ends the rule. */
  run(inspection: Inspection): Outcome;
  /** As nft prints it; without counts when `isStateless`. */
  text(isStateless: boolean): string;
  /** The chain that it leads to, by name. */
  readonly jump?: { readonly chain: string; readonly isGoto: boolean };
  /** The named set that it asks for. */
  readonly set?: NftSet;
  /** Looks the packet up in a verdict map. */
  readonly lookup?: { readonly map: string; key(inspection: Inspection): string };
}

/** `return` from a statement: the rule does not match. */
const MISMATCH = Outcome.return;

const ENVIRONMENT: ParseEnvironment = {
  family: 'ipv4',
  hasSet: () => false,
  forceAccounting: () => {},
};
/** Rules name their protocol themselves. */
const ANY_HEAD: RuleHead = { protocol: 6, isProtocolNegated: false, matches: [] };

/** Reads the next statement of a rule. */
export function readStatement(reader: WordReader, owner: NftRuleOwner): Statement {
  const word = reader.take();
  switch (word.text) {
    case 'iifname':
    case 'oifname':
    case 'iif':
    case 'oif':
      return readInterface(reader, interfaceSideOf(word.text), owner);
    case 'ip':
      return readIp(reader, owner);
    case 'tcp':
    case 'udp':
    case 'sctp':
      return readPort(reader, word.text, owner);
    case 'ct':
      return readState(reader);
    case 'fib':
      return readFib(reader);
    case 'meta':
      return readMeta(reader, owner);
    case 'icmp':
      return readIcmpType(reader);
    case 'counter':
      return readCounter(reader);
    case 'accept':
      return verdict('accept', Outcome.accept);
    case 'drop':
      return verdict('drop', Outcome.drop);
    case 'return':
      return { ...verdict('return', Outcome.next), jump: { chain: '', isGoto: false } };
    case 'jump':
    case 'goto':
      return readJump(reader, word.text, owner);
    default:
      return readTarget(reader, word);
  }
}

function verdict(text: string, outcome: Outcome): Statement {
  return { run: () => outcome, text: () => text };
}

function holds(test: (inspection: Inspection) => boolean, text: string): Statement {
  return { run: (inspection) => (test(inspection) ? Outcome.next : MISMATCH), text: () => text };
}

/** `==`, `!=` or nothing; true for `!=`. */
function takeNegation(reader: WordReader): boolean {
  if (reader.takeIf('!=')) return true;
  reader.takeIf('==');
  return false;
}

/** One value, or several in braces; a comma may end the list. */
function takeValues(reader: WordReader): Word[] {
  if (!reader.takeIf('{')) return [reader.take()];
  const values: Word[] = [];
  while (!reader.takeIf('}')) {
    if (!reader.takeIf(',')) values.push(reader.take());
  }
  return values;
}

function listText(values: readonly string[]): string {
  return values.length === 1 ? values[0]! : `{ ${values.join(', ')} }`;
}

/** Names in the order of their bytes as a number with the last one first, as nft sorts them. */
export function compareNames(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  for (let i = a.length - 1; i >= 0; i--) {
    if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  }
  return 0;
}

type InterfaceSide = 'iifname' | 'oifname';

/** `iif` counts as `iifname` here. */
function interfaceSideOf(word: string): InterfaceSide {
  return word.startsWith('i') ? 'iifname' : 'oifname';
}

/** `@name` where a value may stand: the set, which must hold such values; undefined otherwise. */
function takeSet(reader: WordReader, type: SetType, owner: NftRuleOwner): NftSet | undefined {
  if (!reader.next.startsWith('@')) return undefined;
  const word = reader.take();
  const set = owner.setOf(word.text.slice(1));
  if (set === undefined) throw reader.problem('No such file or directory', word);
  if (set.type !== type) throw reader.problem('datatype mismatch', word);
  return set;
}

/** True where the set has the value of a packet; a packet without one does not match at all. */
function inSet(
  head: string,
  isNegated: boolean,
  set: NftSet,
  keyOf: (inspection: Inspection) => number | string | undefined,
): Statement {
  const test = (inspection: Inspection) => {
    const value = keyOf(inspection);
    if (value === undefined) return false;
    return set.has(value, inspection.namespace.world.nowNs) !== isNegated;
  };
  return { ...holds(test, `${head} ${isNegated ? '!= ' : ''}@${set.name}`), set };
}

function readInterface(reader: WordReader, side: InterfaceSide, owner: NftRuleOwner): Statement {
  const nameOf = (inspection: Inspection) =>
    side === 'iifname' ? inspection.inName : inspection.outName;
  if (reader.takeIf('vmap')) {
    const map = reader.take();
    if (!map.text.startsWith('@')) throw reader.unexpected();
    return {
      run: () => Outcome.next,
      text: () => `${side} vmap ${map.text}`,
      lookup: { map: map.text.slice(1), key: nameOf },
    };
  }
  const isNegated = takeNegation(reader);
  const set = takeSet(reader, 'ifname', owner);
  if (set !== undefined) return inSet(side, isNegated, set, nameOf);
  const names = takeValues(reader).map(({ text }) => text);
  const sorted = [...new Set(names)].sort(compareNames);
  const patterns = sorted.map((name) => (name.endsWith('*') ? name.slice(0, -1) : undefined));
  const test = (inspection: Inspection) => {
    const own = nameOf(inspection);
    for (let i = 0; i < sorted.length; i++) {
      const start = patterns[i];
      if (start === undefined ? sorted[i] === own : own.startsWith(start)) return !isNegated;
    }
    return isNegated;
  };
  const quoted = listText(sorted.map((name) => `"${name}"`));
  return holds(test, `${side} ${isNegated ? '!= ' : ''}${quoted}`);
}

function readIp(reader: WordReader, owner: NftRuleOwner): Statement {
  const field = reader.take();
  if (field.text === 'protocol') {
    const isNegated = takeNegation(reader);
    return readProtocol(reader, 'ip protocol', isNegated);
  }
  if (field.text !== 'saddr' && field.text !== 'daddr') {
    throw reader.problem(`syntax error, unexpected ${field.text}`, field);
  }
  const isSource = field.text === 'saddr';
  const isNegated = takeNegation(reader);
  const set = takeSet(reader, 'ipv4_addr', owner);
  if (set !== undefined) {
    return inSet(`ip ${field.text}`, isNegated, set, (inspection) =>
      Number(isSource ? inspection.source : inspection.destination),
    );
  }
  const words = takeValues(reader);
  const networks = words.map((word) => {
    const network = parseMaskedAddress(word.text);
    if (typeof network === 'string')
      throw reader.problem('Could not resolve hostname: Name or service not known', word);
    return network;
  });
  networks.sort((a, b) => a.address - b.address);
  const test = (inspection: Inspection) => {
    const own = isSource ? inspection.source : inspection.destination;
    for (const { address, mask } of networks) {
      if ((own & mask) >>> 0 === address) return !isNegated;
    }
    return isNegated;
  };
  const texts = networks.map(({ address, mask }) => {
    const bits = 32 - Math.log2((~mask >>> 0) + 1);
    return bits === 32 ? dotted(address) : `${dotted(address)}/${bits}`;
  });
  return holds(test, `ip ${field.text} ${isNegated ? '!= ' : ''}${listText(texts)}`);
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

function readProtocol(reader: WordReader, head: string, isNegated: boolean): Statement {
  const numbers = takeValues(reader).map((word) => {
    const number = parseProtocol(word.text);
    if (number === undefined) throw reader.problem('Could not resolve protocol name', word);
    return number;
  });
  numbers.sort((a, b) => a - b);
  const text = `${head} ${isNegated ? '!= ' : ''}${listText(numbers.map(protocolName))}`;
  return holds((inspection) => numbers.includes(inspection.protocol) !== isNegated, text);
}

interface Ports {
  readonly min: number;
  readonly max: number;
}

function readPort(reader: WordReader, protocol: string, owner: NftRuleOwner): Statement {
  const field = reader.take();
  if (field.text !== 'dport' && field.text !== 'sport') {
    throw reader.problem(`syntax error, unexpected ${field.text}`, field);
  }
  const number = parseProtocol(protocol)!;
  const offset = field.text === 'dport' ? 2 : 0;
  const isNegated = takeNegation(reader);
  const portOf = ({ bytes, transportAt }: Inspection) =>
    (bytes[transportAt + offset]! << 8) | bytes[transportAt + offset + 1]!;
  const set = takeSet(reader, 'inet_service', owner);
  if (set !== undefined) {
    return inSet(`${protocol} ${field.text}`, isNegated, set, (inspection) => {
      const hasPort = inspection.protocol === number && inspection.hasTransport(4);
      return hasPort ? portOf(inspection) : undefined;
    });
  }
  const ranges = takeValues(reader).map((word): Ports => {
    const [min, max = min] = word.text.split('-').map(Number);
    if (!(min! >= 0 && max! <= 65_535 && min! <= max!)) {
      throw reader.problem(
        'Could not resolve service: Servname not supported for ai_socktype',
        word,
      );
    }
    return { min: min!, max: max! };
  });
  ranges.sort((a, b) => a.min - b.min);
  const test = (inspection: Inspection) => {
    if (inspection.protocol !== number || !inspection.hasTransport(4)) return false;
    const port = portOf(inspection);
    for (const { min, max } of ranges) if (port >= min && port <= max) return !isNegated;
    return isNegated;
  };
  const texts = ranges.map(({ min, max }) => (min === max ? `${min}` : `${min}-${max}`));
  return holds(test, `${protocol} ${field.text} ${isNegated ? '!= ' : ''}${listText(texts)}`);
}

/** The iptables match of the same kernel module. */
function matchOf(name: string, options: readonly (readonly [string, string])[]): Match {
  const match = MATCH_KINDS.ipv4.get(name)!.create(ENVIRONMENT);
  for (const [option, value] of options) match.option(option, value, false, ANY_HEAD);
  match.finish(ANY_HEAD);
  return match;
}

/** In nft's order. */
const STATES = ['invalid', 'established', 'related', 'new', 'untracked'];

function readState(reader: WordReader): Statement {
  reader.must('state');
  const isNegated = takeNegation(reader);
  const isSet = reader.takeIf('{');
  const words: Word[] = [reader.take()];
  while (reader.takeIf(',')) words.push(reader.take());
  if (isSet) reader.must('}');
  for (const word of words) {
    if (!STATES.includes(word.text)) throw reader.problem('Could not parse conntrack state', word);
  }
  const states = STATES.filter((state) => words.some(({ text }) => text === state));
  const match = matchOf('conntrack', [['--ctstate', states.join(',').toUpperCase()]]);
  const text = isSet ? listText(states) : states.join(',');
  return holds(
    (inspection) => match.matches(inspection) !== isNegated,
    `ct state ${isNegated ? '!= ' : ''}${text}`,
  );
}

function readFib(reader: WordReader): Statement {
  const side = reader.take();
  reader.must('type');
  const isNegated = takeNegation(reader);
  const type = reader.take();
  if (side.text !== 'saddr' && side.text !== 'daddr') {
    throw reader.problem(`syntax error, unexpected ${side.text}`, side);
  }
  const option = side.text === 'saddr' ? '--src-type' : '--dst-type';
  const match = matchOf('addrtype', [[option, type.text.toUpperCase()]]);
  return holds(
    (inspection) => match.matches(inspection) !== isNegated,
    `fib ${side.text} type ${isNegated ? '!= ' : ''}${type.text}`,
  );
}

function markText(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

function readMeta(reader: WordReader, owner: NftRuleOwner): Statement {
  const field = reader.take();
  switch (field.text) {
    case 'iifname':
    case 'oifname':
      return readInterface(reader, field.text, owner);
    case 'l4proto':
      return readProtocol(reader, 'meta l4proto', takeNegation(reader));
    case 'mark':
      return readMark(reader);
    default:
      throw reader.problem(`syntax error, unexpected ${field.text}`, field);
  }
}

function readMark(reader: WordReader): Statement {
  if (reader.takeIf('set')) {
    const value = readNumber(reader);
    return {
      run: ({ packet }) => {
        packet.mark = value;
        return Outcome.next;
      },
      text: () => `meta mark set ${markText(value)}`,
    };
  }
  const hasMask = reader.takeIf('and') || reader.takeIf('&');
  const mask = hasMask ? readNumber(reader) : 0xffff_ffff;
  const isNegated = takeNegation(reader);
  const value = readNumber(reader);
  const sign = isNegated ? '!= ' : hasMask ? '== ' : '';
  const masked = hasMask ? `& ${markText(mask)} ` : '';
  return holds(
    ({ packet }) => ((packet.mark & mask) >>> 0 === value) !== isNegated,
    `meta mark ${masked}${sign}${markText(value)}`,
  );
}

function readNumber(reader: WordReader): number {
  const word = reader.take();
  const number = Number(word.text);
  if (!(Number.isInteger(number) && number >= 0)) {
    throw reader.problem('syntax error, unexpected string', word);
  }
  return number;
}

function readIcmpType(reader: WordReader): Statement {
  reader.must('type');
  const type = reader.take();
  const match = matchOf('icmp', [['--icmp-type', type.text]]);
  const test = (inspection: Inspection) => inspection.protocol === 1 && match.matches(inspection);
  return holds(test, `icmp type ${type.text}`);
}

function readCounter(reader: WordReader): Statement {
  let packets = 0;
  let bytes = 0;
  if (reader.takeIf('packets')) {
    packets = readNumber(reader);
    reader.must('bytes');
    bytes = readNumber(reader);
  }
  return {
    run: ({ at, end }) => {
      packets++;
      bytes += end - at;
      return Outcome.next;
    },
    text: (isStateless) => (isStateless ? 'counter' : `counter packets ${packets} bytes ${bytes}`),
  };
}

function readJump(reader: WordReader, verb: string, owner: NftRuleOwner): Statement {
  const chain = reader.take();
  if (!owner.hasChain(chain.text)) {
    throw reader.problem('Could not process rule: No such file or directory', chain);
  }
  return {
    run: () => Outcome.next,
    text: () => `${verb} ${chain.text}`,
    jump: { chain: chain.text, isGoto: verb === 'goto' },
  };
}

/** `masquerade`, `dnat to`, `snat to`, `redirect to`, `reject`, `log`, `limit`, `notrack`. */
function readTarget(reader: WordReader, word: Word): Statement {
  switch (word.text) {
    case 'masquerade':
      return target('MASQUERADE', [], 'masquerade');
    case 'notrack':
      return target('NOTRACK', [], 'notrack');
    case 'dnat':
    case 'snat': {
      reader.must('to');
      const endpoint = readEndpoint(reader);
      const option = word.text === 'dnat' ? '--to-destination' : '--to-source';
      return target(word.text.toUpperCase(), [[option, endpoint]], `${word.text} to ${endpoint}`);
    }
    case 'redirect': {
      if (!reader.takeIf('to')) return target('REDIRECT', [], 'redirect');
      reader.must(':');
      const port = reader.take().text;
      return target('REDIRECT', [['--to-ports', port]], `redirect to :${port}`);
    }
    case 'reject':
      return readReject(reader);
    case 'log': {
      if (!reader.takeIf('prefix')) return target('LOG', [], 'log');
      const prefix = reader.take().text;
      return target('LOG', [['--log-prefix', prefix]], `log prefix "${prefix}"`);
    }
    default:
      throw reader.problem(`syntax error, unexpected ${reader.next || 'newline'}`, reader.peek());
  }
}

function readEndpoint(reader: WordReader): string {
  const isPortOnly = reader.takeIf(':');
  if (isPortOnly) return `:${reader.take().text}`;
  const address = reader.take();
  if (parseIpv4Address(address.text.split('-')[0]!) === undefined) {
    throw reader.problem('Could not resolve hostname: Name or service not known', address);
  }
  return reader.takeIf(':') ? `${address.text}:${reader.take().text}` : address.text;
}

function readReject(reader: WordReader): Statement {
  if (!reader.takeIf('with')) return target('REJECT', [], 'reject');
  if (reader.takeIf('tcp')) {
    reader.must('reset');
    return target('REJECT', [['--reject-with', 'tcp-reset']], 'reject with tcp reset');
  }
  reader.must('icmp');
  reader.takeIf('type');
  const type = reader.take().text;
  const option = type === 'admin-prohibited' ? 'icmp-admin-prohibited' : `icmp-${type}`;
  return target('REJECT', [['--reject-with', option]], `reject with icmp ${type}`);
}

/** The iptables target of the same kernel module. */
function target(
  name: string,
  options: readonly (readonly [string, string])[],
  text: string,
): Statement {
  const own = TARGET_KINDS.ipv4.get(name)!.create(ENVIRONMENT);
  for (const [option, value] of options) own.option(option, value, false, ANY_HEAD);
  own.finish(ANY_HEAD);
  return { run: (inspection) => own.run(inspection), text: () => text };
}
