/**
 * The nftables of one namespace: what the command `nft` does, and the hook functions that send
 * packets through its base chains.
 *
 * Family `ip`, base chains of the inet hooks, verdict maps of interface names, named sets, and the
 * statements of statement.ts: what Docker 29 writes with `firewall-backend: nftables`, and what people write beside
 * it. Mirrors nftables 1.0.6, and 1.1 where a base chain at OUTPUT may have the priority `dstnat`.
 */
import type { Namespace } from '../../namespace.ts';
import { Hook } from '../hook.ts';
import type { CommandResult } from '../tables.ts';
import {
  type ListOptions,
  listChain,
  listMap,
  listRuleset,
  listSet,
  listSets,
  listTable,
} from './list.ts';
import { addElements, addMap, keysOf, mapOf } from './maps.ts';
import { parsePriority } from './priority.ts';
import { type BaseChain, NftChain, type NftRule, NftTable, nftRuleText } from './rule.ts';
import { commandsOf } from './script.ts';
import { type NftSet, readSet } from './sets.ts';
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

/** Where a command of a script was written. */
interface ScriptPlace {
  readonly path: string;
  readonly line: number;
  readonly written: string;
}

/** The nftables of one namespace. */
export class Nftables {
  readonly #namespace: Namespace;
  readonly #tables = new Map<string, NftTable>();
  #lastHandle = 0;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** Executes a command line without the word nft: `list ruleset`, `add rule ip t c accept`, … */
  execute(argv: string | readonly string[]): CommandResult {
    let line = typeof argv === 'string' ? argv : argv.join(' ');
    const options = { isStateless: false, hasHandles: false, nowNs: this.#nowNs };
    for (;;) {
      const flag = /^-([asn]+)\s+/.exec(line);
      if (flag === null) break;
      if (flag[1]!.includes('s')) options.isStateless = true;
      if (flag[1]!.includes('a')) options.hasHandles = true;
      line = line.slice(flag[0].length);
    }
    return this.#take(line, options);
  }

  /** `nft -f FILE`: all of it or, where a command fails, nothing. */
  load(script: string, path = '/dev/stdin'): CommandResult {
    const rollBack = this.#savepoint();
    const lines = script.split('\n');
    const options = { isStateless: false, hasHandles: false, nowNs: this.#nowNs };
    let stdout = '';
    for (const { text, line } of commandsOf(script)) {
      const result = this.#take(text, options, { path, line, written: lines[line - 1] ?? '' });
      if (result.status !== 0) {
        rollBack();
        return result;
      }
      stdout += result.stdout;
    }
    return { status: 0, stdout, stderr: '' };
  }

  /** The handle of the rule that `nft -s list` prints as `text`; `table` with its family. */
  handleOf(table: string, chain: string, text: string): number | undefined {
    const rules = this.#tables.get(table)?.chains.get(chain)?.rules;
    return rules?.find((rule) => nftRuleText(rule, true) === text)?.handle;
  }

  #take(command: string, options: ListOptions, place?: ScriptPlace): CommandResult {
    try {
      return { status: 0, stdout: this.#apply(command, options), stderr: '' };
    } catch (problem) {
      if (!(problem instanceof NftProblem)) throw problem;
      const { lengthChars, message } = problem;
      const shown = place?.written ?? command;
      const at = place === undefined ? problem.at : writtenAt(command, problem, shown);
      const last = at + lengthChars;
      const head = place === undefined ? '' : `${place.path}:${place.line}:${at + 1}-${last}: `;
      const mark = shown.slice(0, at).replaceAll(/[^\t]/g, ' ') + '^'.repeat(lengthChars);
      return { status: 1, stdout: '', stderr: `${head}Error: ${message}\n${shown}\n${mark}` };
    }
  }

  get #nowNs(): number {
    return this.#namespace.world.nowNs;
  }

  /** Remembers all tables; what is returned puts them back. */
  #savepoint(): () => void {
    const before = [...this.#tables].map(([key, table]) => ({
      key,
      table,
      restore: table.savepoint(),
    }));
    return () => {
      for (const table of [...this.#tables.values()]) this.#removeTable(table);
      for (const { key, table, restore } of before) {
        this.#tables.set(key, table);
        restore();
        for (const chain of table.chains.values()) {
          if (chain.base !== undefined && table.family === 'ip') {
            this.#hookIn(table, chain, chain.base);
          }
        }
      }
    };
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
      case 'sets':
        return [...this.#tables.values()].map((table) => listSets(table, options)).join('');
      case 'set': {
        const table = this.#tableOf(reader, NOTHING_TO_LIST);
        return listSet(table, setOf(reader, table, NOTHING_TO_LIST), options);
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
      case 'set':
        this.#addSet(reader, verb === 'create');
        return;
      case 'element': {
        const table = this.#tableOf(reader, NOT_THERE);
        const set = table.sets.get(reader.next);
        if (set === undefined) addElements(reader, table, mapOf(reader, table, NOT_THERE));
        else {
          reader.take();
          set.add(reader, this.#nowNs, verb === 'create');
        }
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
    this.#tables.set(key, new NftTable(this.#namespace, family, name.text, ++this.#lastHandle));
  }

  #addSet(reader: WordReader, mustBeNew: boolean): void {
    const table = this.#tableOf(reader, NOT_THERE);
    const name = reader.take();
    const known = table.sets.has(name.text);
    if (known && mustBeNew) throw reader.problem(EXISTS, name);
    const nextHandle = () => (known ? 0 : table.nextHandle());
    const set = readSet(reader, name.text, nextHandle, this.#nowNs);
    if (!known) table.sets.set(set.name, set);
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
    else if (what.text === 'set') setOf(reader, table, NOT_THERE).flush();
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
      case 'set': {
        const word = reader.peek();
        const set = setOf(reader, table, NOT_THERE);
        if (table.isAsked(set)) throw reader.problem(BUSY, word);
        table.sets.delete(set.name);
        return;
      }
      case 'element': {
        const set = table.sets.get(reader.next);
        if (set !== undefined) {
          reader.take();
          set.delete(reader, this.#nowNs);
          return;
        }
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

function setOf(reader: WordReader, table: NftTable, message: string): NftSet {
  const name = reader.take();
  const set = table.sets.get(name.text);
  if (set === undefined) throw reader.problem(message, name);
  return set;
}

/** Where the words of a problem stand in the line of the script that they were written in. */
function writtenAt(command: string, { at, lengthChars }: NftProblem, written: string): number {
  const words = command.slice(at, at + lengthChars);
  const found = words === '' ? -1 : written.lastIndexOf(words);
  return found < 0 ? written.length : found;
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
