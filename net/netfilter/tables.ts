/**
 * The iptables of one namespace: what the commands `iptables`, `iptables-save` and
 * `iptables-restore` do, and the hook functions that send packets through the tables.
 *
 * A table exists, costs something and shows up in `iptables-save` from the first command on that
 * touches it, as in Linux; the nat table and state matches switch conntrack on.
 * Mirrors iptables.c, libiptc.c and net/ipv4/netfilter/iptable_*.c of iptables 1.8.9 (legacy).
 */
import { Nat, rewritesSource } from '../conntrack/nat.ts';
import type { Namespace } from '../namespace.ts';
import {
  type Command,
  type CommandError,
  isCommandError,
  parseCommand,
  usageError,
  VERDICTS,
} from './command/command.ts';
import { splitWords } from './command-words.ts';
import type { ParseEnvironment } from './extension.ts';
import { type HookFunction, HookPriority, type Hooks } from './hook.ts';
import { IpSets } from './ip-sets.ts';
import { listRules, listTable, verboseRule } from './list.ts';
import { NO_SUCH_NAME } from './options.ts';
import { type RestoreOptions, restoreTables } from './restore.ts';
import { Chain, type Rule, RuleAction } from './rule.ts';
import { ruleArguments, saveTables } from './save.ts';
import { TABLE_HOOKS, Table, type TableName } from './table.ts';
import { extensionRefusal, hookRefusalOf, isTooDeep } from './validity.ts';

const TABLE_NAMES: readonly string[] = ['raw', 'mangle', 'nat', 'filter'];

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  /** Without the last newline. */
  readonly stderr: string;
}

const BAD_RULE = 'Bad rule (does a matching rule exist in that chain?).';
const INVALID = "Invalid argument. Run `dmesg' for more information.";

function refused(reason: string): CommandError {
  return { status: 1, message: `iptables: ${reason}` };
}

/** The tables of one namespace. */
export class Tables {
  readonly namespace: Namespace;
  /** The ipsets that `-m set` looks into. */
  readonly sets = new IpSets();
  /** Binds and rewrites connections; used by the NAT targets. */
  readonly nat: Nat;
  readonly #hooks: Hooks;
  readonly #program: string;
  #isDraft = false;
  readonly #shared = new Map<string, object>();
  readonly #tables = new Map<TableName, Table>();
  readonly #environment: ParseEnvironment;

  /** `ip6tables` of a namespace has hooks of its own. */
  constructor(namespace: Namespace, family: 'ipv4' | 'ipv6' = 'ipv4', hooks = namespace.hooks) {
    this.namespace = namespace;
    this.#hooks = hooks;
    this.#program = family === 'ipv4' ? 'iptables' : 'ip6tables';
    this.nat = new Nat(namespace, hooks);
    this.#environment = {
      family,
      hasSet: (name) => this.sets.has(name),
      forceAccounting: () => namespace.sysctls.set('net.netfilter.nf_conntrack_acct', 1),
    };
  }

  /**
   * Executes a command line without the word iptables; returns iptables' own error text, or
   * undefined on success.
   */
  run(argv: string | readonly string[]): string | undefined {
    const { status, stderr } = this.execute(argv);
    return status === 0 ? undefined : stderr;
  }

  /** Executes a command line without the word iptables. */
  execute(argv: string | readonly string[]): CommandResult {
    const words = typeof argv === 'string' ? splitWords(argv) : argv;
    const command = parseCommand(words, this.#environment);
    const result = isCommandError(command) ? command : this.#apply(command);
    if (typeof result === 'string') return { status: 0, stdout: result, stderr: '' };
    if (result.status === 0)
      return { status: 0, stdout: `${this.#named(result.message)}\n`, stderr: '' };
    return { status: result.status, stdout: '', stderr: this.#named(result.message) };
  }

  /** The text of `iptables-save` without its comment lines; `hasCounters` is `-c`. */
  save(names?: readonly TableName[], hasCounters = false): string {
    const newestFirst = [...this.#tables.values()].reverse();
    const chosen =
      names === undefined ? newestFirst : newestFirst.filter((t) => names.includes(t.name));
    return saveTables(chosen, hasCounters);
  }

  /** The text of `iptables -t table -L -n -v`; empty when the table was never touched. */
  list(name: TableName, chainName?: string): string {
    const table = this.#tables.get(name);
    if (table === undefined) return '';
    const format = { isNumeric: true, isVerbose: true, isExact: false, hasLineNumbers: false };
    return listTable(table, table.chains.get(chainName ?? ''), 0, format);
  }

  /** `iptables-restore`: loads a text of `iptables-save`, each table at its COMMIT or not at all. */
  restore(text: string, options: RestoreOptions = {}): CommandResult {
    const result = restoreTables(this, text, options);
    return { ...result, stderr: this.#named(result.stderr) };
  }

  /** True for the option (`-4`, `--ipv6`) that makes a rule one of the other family's. */
  isOtherFamily(option: string): boolean {
    const other = this.#program === 'iptables' ? '6' : '4';
    return option === `-${other}` || option === `--ipv${other}`;
  }

  /** What is said in the name of the program. */
  #named(message: string): string {
    return this.#program === 'iptables' ? message : message.replaceAll('iptables', this.#program);
  }

  /** As {@link execute}, for a table that the kernel sees only once it is whole. */
  executeDraft(argv: readonly string[]): CommandResult {
    this.#isDraft = true;
    const result = this.execute(argv);
    this.#isDraft = false;
    return result;
  }

  /** True when the kernel takes the table as it is. */
  accepts(table: Table): boolean {
    const rules = [...table.chains.values()].flatMap((chain) => chain.rules);
    return !isTooDeep(table) && hookRefusalOf(table, rules) === undefined;
  }

  /** The table, made and hooked in when this is the first touch. */
  table(name: TableName): Table {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const table = new Table(this.namespace, name);
    this.#tables.set(name, table);
    this.#hookIn(table);
    return table;
  }

  /** What rules share by name (the lists of `recent`, the buckets of `hashlimit`); made once. */
  shared<T extends object>(name: string, make: () => T): T {
    const known = this.#shared.get(name) ?? make();
    this.#shared.set(name, known);
    return known as T;
  }

  #hookIn(table: Table): void {
    const { name } = table;
    const label = `${this.#program} ${name}`;
    for (const hook of TABLE_HOOKS[name]) {
      const run: HookFunction = (packet, at, inDevice, outDevice) =>
        table.run(packet, at, inDevice, outDevice);
      if (name !== 'nat') this.#hooks.register(hook, HookPriority[name], label, run);
      else {
        const isSource = rewritesSource(hook);
        const priority = isSource ? HookPriority.natSource : HookPriority.natDestination;
        this.nat.addRules(hook, priority, label, run);
      }
    }
  }

  /** Does what a command says; a string is what it prints. */
  #apply(command: Command): string | CommandError {
    const { letter } = command;
    if (!TABLE_NAMES.includes(command.table)) {
      return {
        status: 3,
        message:
          `iptables v1.8.9 (legacy): can't initialize iptables table \`${command.table}': ` +
          'Table does not exist (do you need to insmod?)\n' +
          'Perhaps iptables or your kernel needs to be upgraded.',
      };
    }
    const table = this.table(command.table as TableName);
    if (command.hasRule) return this.#applyRule(table, command);
    const chain = table.chains.get(command.chain);
    switch (letter) {
      case 'N':
        if (chain !== undefined) return refused('Chain already exists.');
        table.chains.set(command.chain, new Chain(command.chain, undefined));
        return '';
      case 'X':
        return deleteChains(table, command.chain, chain);
      case 'E':
        return renameChain(table, chain, command.argument);
      case 'P':
        return setPolicy(chain, command.argument);
      case 'D':
        return deleteNumber(chain, command.number);
      case 'F':
      case 'Z':
        if (command.chain !== '' && chain === undefined) return refused(NO_SUCH_NAME);
        return this.#sweep(table, chain, command);
      default: {
        if (command.chain !== '' && chain === undefined) return refused(NO_SUCH_NAME);
        const text =
          letter === 'L'
            ? listTable(table, chain, command.number, command)
            : listRules(table, chain, command.number, command.isVerbose);
        if (command.zeroes) this.#sweep(table, chain, { ...command, letter: 'Z' });
        return text;
      }
    }
  }

  /** `-F` and `-Z`, of one chain or all; `-v` names them. */
  #sweep(table: Table, chain: Chain | undefined, command: Command): string | CommandError {
    const { letter, number, isVerbose } = command;
    if (chain !== undefined && letter === 'Z' && number > chain.rules.length) {
      return refused('Index of counter too big.');
    }
    const chains = chain === undefined ? table.sortedChains() : [chain];
    for (const each of chains) {
      if (letter === 'F') each.flush();
      else zeroCounters(each, number);
    }
    if (!isVerbose || number > 0) return '';
    const word = letter === 'F' ? 'Flushing' : 'Zeroing';
    return chains.map(({ name }) => `${word} chain \`${name}'\n`).join('');
  }

  #applyRule(table: Table, command: Command): string | CommandError {
    const { letter } = command;
    const deletes = letter === 'D' || letter === 'C';
    const rule = command.rules[0]!;
    if ((command.chain === 'PREROUTING' || command.chain === 'INPUT') && rule.outInterface !== '') {
      return usageError(`Can't use -o with ${command.chain}\n`);
    }
    if (
      (command.chain === 'POSTROUTING' || command.chain === 'OUTPUT') &&
      rule.inInterface !== ''
    ) {
      return usageError(`Can't use -i with ${command.chain}\n`);
    }
    for (const each of command.rules) {
      const error = resolveTarget(table, each);
      if (error !== undefined) return error;
    }
    const chain = table.chains.get(command.chain);
    if (chain === undefined) return refused(deletes ? BAD_RULE : NO_SUCH_NAME);
    if (command.rules.some((each) => each.chain?.policy !== undefined)) return refused(INVALID);
    const said = command.isVerbose
      ? command.rules.map((each) => `${verboseRule(each)}\n`).join('')
      : '';
    if (letter === 'C') {
      for (const each of command.rules) if (indexOfRule(chain, each) < 0) return refused(BAD_RULE);
      return said;
    }
    if (letter === 'D') {
      for (const each of command.rules) {
        const index = indexOfRule(chain, each);
        if (index < 0) return refused(BAD_RULE);
        removeRule(chain, index);
      }
      return said;
    }
    const index = indexOfNew(chain, command);
    if (typeof index !== 'number') return index;
    const before = chain.rules.slice();
    chain.rules.splice(index, letter === 'R' ? 1 : 0, ...command.rules);
    const problem = this.#isDraft ? undefined : this.#problemOf(table, command.rules);
    if (problem !== undefined) {
      chain.rules.splice(0, chain.rules.length, ...before);
      return refused(problem);
    }
    if (letter === 'R' && before[index]!.chain !== undefined) before[index]!.chain.references--;
    for (const each of command.rules) if (each.chain !== undefined) each.chain.references++;
    if (command.needsTracking) this.namespace.connections.enable();
    return said;
  }

  /** Why the kernel would refuse the table with these new rules; its log says more. */
  #problemOf(table: Table, added: readonly Rule[]): string | undefined {
    if (isTooDeep(table)) return 'Too many levels of symbolic links.';
    for (const rule of added) {
      const refusal = extensionRefusal(rule);
      if (refusal !== undefined) return refusal;
    }
    const refusal = hookRefusalOf(table, added);
    if (refusal === undefined) return undefined;
    if (refusal !== '') this.namespace.host.log.writeLimited(refusal);
    return INVALID;
  }
}

/** Where `-A`, `-I` and `-R` put a rule. */
function indexOfNew(chain: Chain, { letter, number }: Command): number | CommandError {
  if (letter === 'A') return chain.rules.length;
  if (letter === 'I') {
    const index = Math.max(number - 1, 0);
    return index > chain.rules.length ? refused('Index of insertion too big.') : index;
  }
  return number > chain.rules.length ? refused('Index of replacement too big.') : number - 1;
}

/** Finds out what a rule's target name means in this table. */
function resolveTarget(table: Table, rule: Rule): CommandError | undefined {
  const name = rule.targetName;
  if (name === '') return undefined;
  const chain = table.chains.get(name);
  const isGoto = rule.action === RuleAction.goto;
  const isUserChain = chain !== undefined && chain.policy === undefined;
  if (isUserChain) {
    rule.chain = chain;
    if (!isGoto) rule.action = RuleAction.jump;
    return undefined;
  }
  if (chain !== undefined) {
    rule.chain = chain;
    return undefined;
  }
  if (isGoto) return usageError(`goto '${name}' is not a chain`);
  if (rule.target !== undefined) {
    rule.action = RuleAction.target;
    return undefined;
  }
  if (!VERDICTS.has(name)) {
    return usageError(`Couldn't load target \`${name}':No such file or directory\n`);
  }
  if (name === 'ACCEPT') rule.action = RuleAction.accept;
  else if (name === 'RETURN') rule.action = RuleAction.return;
  else rule.action = RuleAction.drop;
  return undefined;
}

function indexOfRule(chain: Chain, rule: Rule): number {
  const text = ruleArguments(rule);
  return chain.rules.findIndex((other) => ruleArguments(other) === text);
}

function removeRule(chain: Chain, index: number): void {
  const [rule] = chain.rules.splice(index, 1);
  if (rule?.chain !== undefined) rule.chain.references--;
}

function deleteNumber(chain: Chain | undefined, number: number): string | CommandError {
  if (chain === undefined) return refused(NO_SUCH_NAME);
  if (number > chain.rules.length) return refused('Index of deletion too big.');
  removeRule(chain, number - 1);
  return '';
}

function zeroCounters(chain: Chain, number: number): void {
  if (number === 0) {
    chain.packets = 0;
    chain.bytes = 0;
  }
  for (const [index, rule] of chain.rules.entries()) {
    if (number !== 0 && index !== number - 1) continue;
    rule.packets = 0;
    rule.bytes = 0;
  }
}

/** `-X`: one chain, or every user chain that is empty and not referred to. */
function deleteChains(table: Table, name: string, chain: Chain | undefined): string | CommandError {
  if (name === '') {
    for (const each of table.sortedChains()) {
      if (each.policy !== undefined) continue;
      const error = deleteChain(table, each);
      if (error !== undefined) return error;
    }
    return '';
  }
  if (chain === undefined) return refused(NO_SUCH_NAME);
  return deleteChain(table, chain) ?? '';
}

function deleteChain(table: Table, chain: Chain): CommandError | undefined {
  if (chain.policy !== undefined) return refused(INVALID);
  if (chain.references > 0) return refused('Too many links.');
  if (chain.rules.length > 0) return refused('Directory not empty.');
  table.chains.delete(chain.name);
  return undefined;
}

function renameChain(table: Table, chain: Chain | undefined, name: string): string | CommandError {
  if (table.chains.has(name)) return refused('File exists.');
  if (chain === undefined || chain.policy !== undefined) return refused(NO_SUCH_NAME);
  table.chains.delete(chain.name);
  chain.name = name;
  table.chains.set(name, chain);
  for (const each of table.chains.values()) {
    for (const rule of each.rules) {
      if (rule.chain !== chain) continue;
      rule.targetName = name;
      rule.text = undefined;
    }
  }
  return '';
}

function setPolicy(chain: Chain | undefined, policy: string): string | CommandError {
  if (chain?.policy === undefined) return refused('Bad built-in chain name.');
  if (policy !== 'ACCEPT' && policy !== 'DROP') {
    return refused("Bad policy name. Run `dmesg' for more information.");
  }
  chain.policy = policy;
  chain.packets = 0;
  chain.bytes = 0;
  return '';
}
