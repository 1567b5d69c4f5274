/**
 * `iptables-restore`: loads the text of `iptables-save`, counters included.
 *
 * Each `*table` begins with an empty table, so what is not in the text is gone afterwards. Unlike
 * the real one, a text with an error leaves the lines before it in place.
 */
import { splitWords } from './command-words.ts';
import { Chain } from './rule.ts';
import type { Table, TableName } from './table.ts';
import type { Tables } from './tables.ts';

const TABLE_NAMES: readonly string[] = ['raw', 'mangle', 'nat', 'filter'];

/** Loads the text; returns iptables-restore's error text, or undefined. */
export function restoreTables(tables: Tables, text: string): string | undefined {
  let table: Table | undefined;
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const failed = `iptables-restore: line ${index + 1} failed`;
    if (line === '' || line.startsWith('#')) continue;
    if (line === 'COMMIT') {
      table = undefined;
    } else if (line.startsWith('*')) {
      const name = line.slice(1).trim();
      if (!TABLE_NAMES.includes(name)) {
        return `iptables-restore v1.8.9 (legacy): iptables-restore: unable to initialize table '${name}'\n`;
      }
      table = tables.reset(name as TableName);
    } else if (table === undefined) {
      return failed;
    } else if (line.startsWith(':')) {
      if (!restoreChain(table, line)) return failed;
    } else {
      const error = restoreRule(tables, table, line);
      if (error !== undefined) return `${error}\n${failed}`;
    }
  }
  return undefined;
}

/** `:CHAIN POLICY [packets:bytes]`. */
function restoreChain(table: Table, line: string): boolean {
  const found = /^:(\S+) (ACCEPT|DROP|-)(?: \[(\d+):(\d+)\])?$/.exec(line);
  if (found === null) return false;
  const [, name = '', policy, packets = '0', bytes = '0'] = found;
  let chain = table.chains.get(name);
  if (chain === undefined) {
    chain = new Chain(name, undefined);
    table.chains.set(name, chain);
  }
  if ((chain.policy === undefined) !== (policy === '-')) return false;
  if (policy === 'ACCEPT' || policy === 'DROP') chain.policy = policy;
  chain.packets = Number(packets);
  chain.bytes = Number(bytes);
  return true;
}

/** `[packets:bytes] -A CHAIN …`. */
function restoreRule(tables: Tables, table: Table, line: string): string | undefined {
  const found = /^\[(\d+):(\d+)\] (.*)$/.exec(line);
  const words = splitWords(found === null ? line : found[3]!);
  const counters = found === null ? [] : ['-c', found[1]!, found[2]!];
  return tables.run(['-t', table.name, ...words, ...counters]);
}
