/**
 * `iptables-restore`: a text of `iptables-save` made into tables, with its errors.
 *
 * Each table takes effect at its COMMIT or not at all: what the text says before that is tried on a
 * draft, and an error leaves the table as it was. Mirrors iptables' iptables-restore.c (1.8.9).
 */
import { splitWords } from './command-words.ts';
import { Chain } from './rule.ts';
import type { Table, TableName } from './table.ts';
import type { CommandResult, Tables } from './tables.ts';

const TABLE_NAMES: readonly string[] = ['raw', 'mangle', 'nat', 'filter'];
const CHAIN_NAME_MAX = 28;
const PROGRAM = 'iptables-restore v1.8.9 (legacy)';
const POLICIES: readonly string[] = ['ACCEPT', 'DROP', 'QUEUE', 'RETURN'];

/** The flags of `iptables-restore`. */
export interface RestoreOptions {
  /** `-c`: counters of the text count. */
  readonly hasCounters?: boolean;
  /** `-n`: tables keep what the text does not name. */
  readonly keepsRules?: boolean;
  /** `-t`: nothing takes effect. */
  readonly isTest?: boolean;
}

/** Loads a text. */
export function restoreTables(
  tables: Tables,
  text: string,
  options: RestoreOptions,
): CommandResult {
  return new Restoration(tables, options).load(text);
}

class Restoration {
  readonly #tables: Tables;
  readonly #options: RestoreOptions;
  #table: Table | undefined = undefined;
  #undo: () => void = () => {};
  #lineNumber = 0;

  constructor(tables: Tables, options: RestoreOptions) {
    this.#tables = tables;
    this.#options = options;
  }

  load(text: string): CommandResult {
    const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n');
    for (const line of lines) {
      this.#lineNumber++;
      if (line === '' || line.startsWith('#')) continue;
      const error = this.#take(line);
      if (error === undefined) continue;
      if (this.#table !== undefined) this.#undo();
      return error;
    }
    if (this.#table === undefined) return { status: 0, stdout: '', stderr: '' };
    this.#undo();
    return refused(1, `iptables-restore: COMMIT expected at line ${this.#lineNumber + 1}`);
  }

  #take(line: string): CommandResult | undefined {
    const table = this.#table;
    if (line.startsWith('*') && table === undefined) return this.#begin(line.slice(1).trim());
    if (table === undefined) return this.#failed();
    if (line.startsWith('COMMIT')) return this.#commit(table);
    return line.startsWith(':') ? this.#takeChain(table, line) : this.#takeRule(table, line);
  }

  #begin(name: string): CommandResult | undefined {
    if (!TABLE_NAMES.includes(name)) {
      return this.#usage(`iptables-restore: unable to initialize table '${name}'`);
    }
    const table = this.#tables.table(name as TableName);
    this.#undo = table.savepoint();
    this.#table = table;
    if (this.#options.keepsRules !== true) table.clear();
    return undefined;
  }

  #commit(table: Table): CommandResult | undefined {
    if (this.#options.isTest === true) this.#undo();
    else if (!this.#tables.accepts(table)) return this.#failed();
    this.#table = undefined;
    return undefined;
  }

  /** `:CHAIN POLICY [packets:bytes]`. */
  #takeChain(table: Table, line: string): CommandResult | undefined {
    const [name = '', policy, counters = ''] = line.slice(1).trim().split(/\s+/);
    if (name.length > CHAIN_NAME_MAX) {
      return this.#usage(`Invalid chain name \`${name}' (${CHAIN_NAME_MAX} chars max)`);
    }
    let chain = table.chains.get(name);
    if (chain?.policy === undefined) {
      const isFree = chain === undefined && !POLICIES.includes(name);
      if (!isFree && (this.#options.keepsRules !== true || chain === undefined)) {
        return this.#usage(`error creating chain '${name}':File exists`);
      }
      if (chain === undefined) {
        chain = new Chain(name, undefined);
        table.chains.set(name, chain);
      } else chain.flush();
    }
    if (policy === undefined) return this.#usage('policy invalid');
    if (policy === '-') return undefined;
    const isPolicy = policy === 'ACCEPT' || policy === 'DROP';
    if (chain.policy === undefined || !isPolicy) {
      const why = chain.policy === undefined ? 'Bad built-in chain name' : 'Bad policy name';
      const where = `on \`${name}' line ${this.#lineNumber}`;
      return refused(1, `${PROGRAM}: Can't set policy \`${policy}' ${where}: ${why}`);
    }
    const counted = /^\[(\d+):(\d+)\]$/.exec(counters);
    const hasCounters = this.#options.hasCounters === true;
    if (hasCounters && counted === null) {
      return this.#usage(`invalid policy counters for chain '${name}'`);
    }
    chain.policy = policy;
    chain.packets = hasCounters ? Number(counted![1]) : 0;
    chain.bytes = hasCounters ? Number(counted![2]) : 0;
    return undefined;
  }

  /** `[packets:bytes] -A CHAIN …`. */
  #takeRule(table: Table, line: string): CommandResult | undefined {
    const counted = /^\[([^\]]*)\](.*)$/.exec(line);
    if (line.startsWith('[') && counted === null) {
      return this.#usage(`Bad line ${this.#lineNumber}: need ]`);
    }
    const words = splitWords(counted === null ? line : counted[2]!);
    if (words.includes('-t') || words.includes('--table')) {
      return this.#usage('The -t option cannot be used in iptables-restore.\n');
    }
    // rules of the other family are passed over
    if (words.some((word) => this.#tables.isOtherFamily(word))) return undefined;
    const [packets = '', bytes = ''] = (counted?.[1] ?? '').split(':');
    const counters =
      counted === null || this.#options.hasCounters !== true ? [] : ['-c', packets, bytes];
    const { status, stderr } = this.#tables.executeDraft(['-t', table.name, ...words, ...counters]);
    if (status === 0) return undefined;
    return status === 1 ? this.#failed() : this.#usage(withoutHint(stderr));
  }

  #failed(): CommandResult {
    return refused(1, `iptables-restore: line ${this.#lineNumber} failed`);
  }

  #usage(text: string): CommandResult {
    const head = text.startsWith('Bad argument') ? text : `${PROGRAM}: ${text}`;
    return refused(
      2,
      `${head}\nError occurred at line: ${this.#lineNumber}\n` +
        "Try `iptables-restore -h' or 'iptables-restore --help' for more information.",
    );
  }
}

function refused(status: number, stderr: string): CommandResult {
  return { status, stdout: '', stderr };
}

/** What iptables itself said, without its name and its hint. */
function withoutHint(stderr: string): string {
  return stderr.replace(/^iptables v\S+ \(legacy\): /, '').replace(/\nTry `iptables -h' .*$/, '');
}
