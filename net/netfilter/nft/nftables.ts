/**
 * The nftables of one namespace: what the command `nft` does, and the hook functions that send
 * packets through its base chains.
 *
 * Family `ip`, base chains of the inet hooks, verdict maps of interface names, and the statements of
 * statement.ts: what Docker 29 writes with `firewall-backend: nftables`, and what people write beside
 * it. Mirrors nftables 1.0.6, and 1.1 where a base chain at OUTPUT may have the priority `dstnat`.
 */
import type { Namespace } from '../../namespace.ts';
import { Hook } from '../hook.ts';
import type { CommandResult } from '../tables.ts';
import { type ListOptions, listChain, listMap, listRuleset, listTable } from './list.ts';
import { parsePriority } from './priority.ts';
import {
  type BaseChain,
  type MapVerdict,
  NftChain,
  type NftMap,
  type NftRule,
  NftTable,
  nftRuleText,
} from './rule.ts';
import { readStatement, type Statement } from './statement.ts';
import { NftProblem, WordReader, wordsOf } from './words.ts';

const HOOKS: Readonly<Record<string, Hook>> = {
  prerouting: Hook.prerouting,
  input: Hook.input,
  forward: Hook.forward,
  output: Hook.output,
  postrouting: Hook.postrouting,
};

const NOT_THERE = 'Could not process rule: No such file or directory';
const NOTHING_TO_LIST = 'No such file or directory';
const BUSY = 'Could not process rule: Device or resource busy';
const EXISTS = 'Could not process rule: File exists';
const TYPES: readonly string[] = ['filter', 'nat', 'route'];

/** The nftables of one namespace. */
export class Nftables {
  readonly #namespace: Namespace;
  readonly #tables = new Map<string, NftTable>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** Executes a command line without the word nft: `list ruleset`, `add rule ip t c accept`, … */
  execute(argv: string | readonly string[]): CommandResult {
    let line = typeof argv === 'string' ? argv : argv.join(' ');
    const options = { isStateless: false, hasHandles: false };
    for (;;) {
      const flag = /^-([as])\s+/.exec(line);
      if (flag === null) break;
      if (flag[1] === 's') options.isStateless = true;
      else options.hasHandles = true;
      line = line.slice(flag[0].length);
    }
    return this.#take(line, 'Error: ', options);
  }

  /** `nft -f -`: one command a line; the first that fails ends it, and what was done before stays. */
  load(script: string): CommandResult {
    let stdout = '';
    for (const [index, line] of script.split('\n').entries()) {
      if (wordsOf(line).length === 0) continue;
      const where = `/dev/stdin:${index + 1}:`;
      const result = this.#take(line, where, { isStateless: false, hasHandles: false });
      if (result.status !== 0) return result;
      stdout += result.stdout;
    }
    return { status: 0, stdout, stderr: '' };
  }

  /** The handle of the rule that `nft -s list` prints as `text`; `table` with its family. */
  handleOf(table: string, chain: string, text: string): number | undefined {
    const rules = this.#tables.get(table)?.chains.get(chain)?.rules;
    return rules?.find((rule) => nftRuleText(rule, true) === text)?.handle;
  }

  #take(line: string, where: string, options: ListOptions): CommandResult {
    try {
      return { status: 0, stdout: this.#apply(line, options), stderr: '' };
    } catch (problem) {
      if (!(problem instanceof NftProblem)) throw problem;
      const { at, lengthChars, message } = problem;
      const columns = `${at + 1}${lengthChars > 1 ? `-${at + lengthChars}` : ''}`;
      const head = where.startsWith('/') ? `${where}${columns}: Error: ` : where;
      const mark = ' '.repeat(at) + '^'.repeat(lengthChars);
      return { status: 1, stdout: '', stderr: `${head}${message}\n${line}\n${mark}` };
    }
  }

  #apply(line: string, options: ListOptions): string {
    const reader = new WordReader(wordsOf(line), line.length);
    const verb = reader.take();
    switch (verb.text) {
      case 'list':
        return this.#list(reader, options);
      case 'flush':
        this.#flush(reader);
        return '';
      case 'add':
      case 'create':
      case 'insert':
        this.#add(reader, verb.text);
        return '';
      case 'delete':
        this.#delete(reader);
        return '';
      default:
        throw reader.problem(`syntax error, unexpected ${verb.text}`, verb);
    }
  }

  #list(reader: WordReader, options: ListOptions): string {
    const what = reader.take();
    switch (what.text) {
      case 'ruleset':
        return listRuleset([...this.#tables.values()], options);
      case 'tables':
        return [...this.#tables.values()].map((t) => `table ${t.family} ${t.name}\n`).join('');
      case 'table':
        return listTable(this.#tableOf(reader, NOTHING_TO_LIST), options);
      case 'chain': {
        const table = this.#tableOf(reader, NOTHING_TO_LIST);
        return listChain(table, chainOf(reader, table, NOTHING_TO_LIST), options);
      }
      case 'map': {
        const table = this.#tableOf(reader, NOTHING_TO_LIST);
        return listMap(table, mapOf(reader, table, NOTHING_TO_LIST));
      }
      default:
        throw reader.problem(`syntax error, unexpected ${what.text}`, what);
    }
  }

  #add(reader: WordReader, verb: string): void {
    const what = reader.take();
    switch (what.text) {
      case 'table':
        this.#addTable(reader, verb === 'create');
        return;
      case 'chain':
        this.#addChain(reader);
        return;
      case 'map':
        addMap(reader, this.#tableOf(reader, NOT_THERE));
        return;
      case 'element': {
        const table = this.#tableOf(reader, NOT_THERE);
        addElements(reader, table, mapOf(reader, table, NOT_THERE));
        return;
      }
      case 'rule': {
        const table = this.#tableOf(reader, NOT_THERE);
        const chain = chainOf(reader, table, NOT_THERE);
        const beside = reader.takeIf('handle') ? placeOf(reader, chain) : undefined;
        const rule = this.#readRule(reader, table);
        if (verb === 'insert') chain.rules.splice(beside ?? 0, 0, rule);
        else chain.rules.splice((beside ?? chain.rules.length - 1) + 1, 0, rule);
        return;
      }
      default:
        throw reader.problem(`syntax error, unexpected ${what.text}`, what);
    }
  }

  #addTable(reader: WordReader, mustBeNew: boolean): void {
    const family = takeFamily(reader);
    const name = reader.take();
    const key = `${family} ${name.text}`;
    if (this.#tables.has(key)) {
      if (mustBeNew) throw reader.problem(EXISTS, name);
      return;
    }
    this.#tables.set(key, new NftTable(this.#namespace, family, name.text));
  }

  /** `add chain ip t c { type filter hook forward priority filter; policy accept; }`. */
  #addChain(reader: WordReader): void {
    const table = this.#tableOf(reader, NOT_THERE);
    const name = reader.take();
    const known = table.chains.get(name.text);
    const hasBody = reader.takeIf('{');
    if (known?.base !== undefined && hasBody && reader.next === 'policy') {
      known.base.policy = readPolicy(reader);
      return;
    }
    const base = hasBody ? readBase(reader) : undefined;
    if (known !== undefined) return;
    const chain = new NftChain(name.text, table.nextHandle(), base);
    table.chains.set(chain.name, chain);
    if (base !== undefined && table.family === 'ip') this.#hookIn(table, chain, base);
  }

  #hookIn(table: NftTable, chain: NftChain, base: BaseChain): void {
    const { hooks, tables } = this.#namespace;
    const label = labelOf(table, chain);
    const run: Parameters<typeof hooks.register>[3] = (packet, hook, inDevice, outDevice) =>
      table.run(chain, packet, hook, inDevice, outDevice);
    if (base.type === 'nat') tables.nat.addRules(base.hook, base.priority, label, run);
    else hooks.register(base.hook, base.priority, label, run);
  }

  #readRule(reader: WordReader, table: NftTable): NftRule {
    const statements: Statement[] = [];
    let comment = '';
    while (!reader.isAtEnd) {
      if (reader.takeIf('comment')) comment = reader.take().text;
      else statements.push(readStatement(reader, table));
    }
    if (statements.length === 0) throw reader.unexpected();
    // each anonymous set is an object of its own
    for (const statement of statements) if (/[{]/.test(statement.text(true))) table.nextHandle();
    const rule = { handle: table.nextHandle(), statements, comment };
    const asksState = statements.some((statement) => statement.text(true).startsWith('ct '));
    if (asksState) this.#namespace.connections.enable();
    return rule;
  }

  #flush(reader: WordReader): void {
    const what = reader.take();
    if (what.text === 'ruleset') {
      for (const table of [...this.#tables.values()]) this.#removeTable(table);
      return;
    }
    const table = this.#tableOf(reader, NOT_THERE);
    if (what.text === 'table') for (const chain of table.chains.values()) chain.rules.length = 0;
    else if (what.text === 'chain') chainOf(reader, table, NOT_THERE).rules.length = 0;
    else if (what.text === 'map') mapOf(reader, table, NOT_THERE).elements.clear();
    else throw reader.problem(`syntax error, unexpected ${what.text}`, what);
  }

  #delete(reader: WordReader): void {
    const what = reader.take();
    const table = this.#tableOf(reader, NOT_THERE);
    switch (what.text) {
      case 'table':
        this.#removeTable(table);
        return;
      case 'chain': {
        const word = reader.peek();
        const chain = chainOf(reader, table, NOT_THERE);
        if (chain.rules.length > 0 || table.isReferred(chain.name)) {
          throw reader.problem(BUSY, word);
        }
        this.#removeChain(table, chain);
        return;
      }
      case 'element': {
        const map = mapOf(reader, table, NOT_THERE);
        for (const word of keysOf(reader)) {
          if (!map.elements.delete(word.text)) throw reader.problem(NOT_THERE, word);
        }
        return;
      }
      case 'rule': {
        const chain = chainOf(reader, table, NOT_THERE);
        reader.must('handle');
        chain.rules.splice(placeOf(reader, chain), 1);
        return;
      }
      default:
        throw reader.problem(`syntax error, unexpected ${what.text}`, what);
    }
  }

  #removeTable(table: NftTable): void {
    for (const chain of table.chains.values()) this.#removeChain(table, chain);
    this.#tables.delete(`${table.family} ${table.name}`);
  }

  #removeChain(table: NftTable, chain: NftChain): void {
    table.chains.delete(chain.name);
    const label = labelOf(table, chain);
    if (chain.base?.type === 'nat') this.#namespace.tables.nat.removeRules(label);
    else if (chain.base !== undefined) this.#namespace.hooks.unregister(label);
  }

  #tableOf(reader: WordReader, message: string): NftTable {
    const family = takeFamily(reader);
    const name = reader.take();
    const table = this.#tables.get(`${family} ${name.text}`);
    if (table === undefined) throw reader.problem(message, name);
    return table;
  }
}

/** `ip` unless something else is said. */
function takeFamily(reader: WordReader): string {
  if (reader.takeIf('ip6')) return 'ip6';
  reader.takeIf('ip');
  return 'ip';
}

function labelOf(table: NftTable, chain: NftChain): string {
  return `nft ${table.family} ${table.name} ${chain.name}`;
}

function chainOf(reader: WordReader, table: NftTable, message: string): NftChain {
  const name = reader.take();
  const chain = table.chains.get(name.text);
  if (chain === undefined) throw reader.problem(message, name);
  return chain;
}

/** The index of the rule with the handle that comes next. */
function placeOf(reader: WordReader, { rules }: NftChain): number {
  const word = reader.take();
  const place = rules.findIndex(({ handle }) => handle === Number(word.text));
  if (place < 0) throw reader.problem(NOT_THERE, word);
  return place;
}

function mapOf(reader: WordReader, table: NftTable, message: string): NftMap {
  const name = reader.take();
  const map = table.maps.get(name.text);
  if (map === undefined) throw reader.problem(message, name);
  return map;
}

/** `type filter hook forward priority filter; policy accept; }`, behind the brace. */
function readBase(reader: WordReader): BaseChain {
  reader.must('type');
  const type = reader.take();
  if (!TYPES.includes(type.text)) throw reader.problem('unknown chain type', type);
  reader.must('hook');
  const hookWord = reader.take();
  const hook = HOOKS[hookWord.text];
  if (hook === undefined) throw reader.problem('unknown chain hook', hookWord);
  reader.must('priority');
  const word = reader.take();
  const named = parsePriority(word.text);
  const sign = reader.takeIf('-') ? -1 : reader.takeIf('+') ? 1 : 0;
  const priority =
    named === undefined ? undefined : named + (sign === 0 ? 0 : sign * Number(reader.take().text));
  if (priority === undefined || !Number.isInteger(priority)) {
    throw reader.problem('invalid priority expression value in this context.', word);
  }
  reader.takeIf(';');
  const hasPolicy = reader.next === 'policy';
  const policy = hasPolicy ? readPolicy(reader) : 'accept';
  if (!hasPolicy) reader.must('}');
  return { type: type.text as BaseChain['type'], hook, priority, policy };
}

/** `policy drop; }`. */
function readPolicy(reader: WordReader): BaseChain['policy'] {
  reader.must('policy');
  const isDrop = reader.takeIf('drop');
  if (!isDrop) reader.must('accept');
  reader.takeIf(';');
  reader.must('}');
  return isDrop ? 'drop' : 'accept';
}

/** `add map ip t m { type ifname : verdict; }`. */
function addMap(reader: WordReader, table: NftTable): void {
  const name = reader.take();
  reader.must('{');
  for (const word of ['type', 'ifname', ':', 'verdict']) reader.must(word);
  reader.takeIf(';');
  reader.must('}');
  if (table.maps.has(name.text)) return;
  const map = { name: name.text, handle: table.nextHandle(), elements: new Map() };
  table.maps.set(map.name, map);
}

/** `{ "docker0" : jump c, … }`. */
function addElements(reader: WordReader, table: NftTable, map: NftMap): void {
  reader.must('{');
  const added = new Map<string, MapVerdict>();
  while (!reader.takeIf('}')) {
    const key = reader.take();
    reader.must(':');
    const verb = reader.take();
    const isVerdict = verb.text === 'accept' || verb.text === 'drop';
    const chain = isVerdict ? '' : reader.take().text;
    if (!isVerdict && !table.hasChain(chain)) throw reader.problem(NOT_THERE, key);
    added.set(key.text, { verb: verb.text as MapVerdict['verb'], chain });
    reader.takeIf(',');
  }
  for (const [key, verdict] of added) map.elements.set(key, verdict);
}

/** The keys between braces; verdicts behind them are not looked at. */
function keysOf(reader: WordReader): ReturnType<WordReader['take']>[] {
  reader.must('{');
  const keys: ReturnType<WordReader['take']>[] = [];
  while (!reader.takeIf('}')) {
    keys.push(reader.take());
    while (reader.next !== ',' && reader.next !== '}') reader.take();
    reader.takeIf(',');
  }
  return keys;
}
