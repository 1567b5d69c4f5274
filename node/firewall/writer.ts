/**
 * How Docker writes iptables rules: every add is idempotent (checked with `-C` first), inserts go to
 * the head, and a rule that must come first is deleted and inserted again
 * (`libnetwork/iptables/iptables.go`).
 */
import type { Tables } from '../../net/netfilter/tables.ts';
import { assert } from '../../sim/assert.ts';

/** A table's name as `-t` takes it. */
export type TableName = 'raw' | 'mangle' | 'nat' | 'filter';

/** Writes rules to the tables of one namespace. */
export class RuleWriter {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Creates a chain unless it is there. */
  chain(table: TableName, chain: string): void {
    this.#tables.run(`-t ${table} -N ${chain}`);
  }

  /** Empties and removes a chain if it is there. */
  dropChain(table: TableName, chain: string): void {
    if (this.#tables.run(`-t ${table} -F ${chain}`) === undefined) {
      this.#tables.run(`-t ${table} -X ${chain}`);
    }
  }

  /** Empties a chain if it is there. */
  flush(table: TableName, chain: string): void {
    this.#tables.run(`-t ${table} -F ${chain}`);
  }

  /** True when the rule is there. */
  has(table: TableName, chain: string, rule: string): boolean {
    return this.#tables.run(`-t ${table} -C ${chain} ${rule}`) === undefined;
  }

  /** Inserts a rule at the head unless it is there. */
  insert(table: TableName, chain: string, rule: string): void {
    if (!this.has(table, chain, rule)) this.#must(`-t ${table} -I ${chain} ${rule}`);
  }

  /** Appends a rule unless it is there. */
  append(table: TableName, chain: string, rule: string): void {
    if (!this.has(table, chain, rule)) this.#must(`-t ${table} -A ${chain} ${rule}`);
  }

  /** Deletes a rule if it is there. */
  remove(table: TableName, chain: string, rule: string): void {
    if (this.has(table, chain, rule)) this.#must(`-t ${table} -D ${chain} ${rule}`);
  }

  /** Makes a rule the first of its chain. */
  moveToHead(table: TableName, chain: string, rule: string): void {
    this.remove(table, chain, rule);
    this.#must(`-t ${table} -I ${chain} ${rule}`);
  }

  /** Sets the policy of a built-in chain. */
  policy(table: TableName, chain: string, target: 'ACCEPT' | 'DROP'): void {
    this.#must(`-t ${table} -P ${chain} ${target}`);
  }

  /** Executes an nft command. */
  nft(command: string): void {
    const { status, stderr } = this.#tables.namespace.nftables.execute(command);
    assert(status === 0, `nft ${command}: ${stderr}`);
  }

  /** True when a chain of nftables has the rule, counters aside. */
  hasNftRule(table: string, chain: string, rule: string): boolean {
    return this.#handleOf(table, chain, rule) !== undefined;
  }

  /** Inserts a rule of nftables before another one. */
  nftBefore(table: string, chain: string, other: string, rule: string): void {
    this.nft(`insert rule ${table} ${chain} handle ${this.#handleOf(table, chain, other)} ${rule}`);
  }

  /** Deletes a rule of nftables if it is there. */
  removeNftRule(table: string, chain: string, rule: string): void {
    const handle = this.#handleOf(table, chain, rule);
    if (handle !== undefined) this.nft(`delete rule ${table} ${chain} handle ${handle}`);
  }

  #handleOf(table: string, chain: string, rule: string): number | undefined {
    return this.#tables.namespace.nftables.handleOf(table, chain, rule);
  }

  #must(command: string): void {
    const error = this.#tables.run(command);
    assert(error === undefined, `iptables ${command}: ${error}`);
  }
}
