/**
 * The text of `iptables -L` (with -n, -v, -x, --line-numbers) and `iptables -S`, 1.8.9 legacy.
 * Mirrors `print_header`, `print_rule_details` and `save_rule` of xshared.c.
 */
import { formatIpv4Address } from '../../wire/addresses.ts';
import { formatIp, formatIpPrefix, type IpPrefix } from '../../wire/ip-address.ts';
import { protocolName } from './protocols.ts';
import { type Chain, type Rule, RuleAction } from './rule.ts';
import { maskText, ruleText } from './save.ts';
import type { Table } from './table.ts';
import { TARGET_KINDS } from './target/kinds.ts';

/** Which columns and how. */
export interface ListFormat {
  readonly isNumeric: boolean;
  readonly isVerbose: boolean;
  readonly isExact: boolean;
  readonly hasLineNumbers: boolean;
}

/** `iptables -L`; all chains when `chain` is undefined, one rule when `number` is not 0. */
export function listTable(
  table: Table,
  chain: Chain | undefined,
  number: number,
  format: ListFormat,
): string {
  if (number > 0) {
    const rule = chain?.rules[number - 1];
    return rule === undefined ? '' : `${ruleLine(rule, number, format)}\n`;
  }
  const chains = chain === undefined ? table.sortedChains() : [chain];
  return chains.map((each) => chainText(each, format)).join('\n');
}

function chainText(chain: Chain, format: ListFormat): string {
  let text = `Chain ${chain.name} (${originText(chain, format)})\n`;
  if (format.hasLineNumbers) text += 'num  ';
  if (format.isVerbose) text += format.isExact ? '    pkts      bytes ' : ' pkts bytes ';
  text += 'target     prot opt';
  if (format.isVerbose) text += ' in     out   ';
  text += `${format.isVerbose ? ' ' : ''} source               destination         \n`;
  let number = 1;
  for (const rule of chain.rules) text += `${ruleLine(rule, number++, format)}\n`;
  return text;
}

function originText(chain: Chain, format: ListFormat): string {
  if (chain.policy === undefined) return `${chain.references} references`;
  if (!format.isVerbose) return `policy ${chain.policy}`;
  const packets = countText(chain.packets, format).trim();
  const bytes = countText(chain.bytes, format).trim();
  return `policy ${chain.policy} ${packets} packets, ${bytes} bytes`;
}

function ruleLine(rule: Rule, number: number, format: ListFormat): string {
  let text = '';
  if (format.hasLineNumbers) text += `${String(number).padEnd(4)} `;
  if (format.isVerbose) text += countText(rule.packets, format) + countText(rule.bytes, format);
  const target = TARGET_KINDS[rule.family].get(rule.targetName)?.listedName ?? rule.targetName;
  text += `${target.padEnd(9)} ${rule.isProtocolNegated ? '!' : ' '}`;
  const protocol = format.isNumeric
    ? String(rule.protocol)
    : rule.protocol === 0
      ? 'all'
      : protocolName(rule.protocol);
  text += `${protocol.padEnd(4)} `;
  text += `${optionText(rule)} `;
  if (format.isVerbose) {
    text += ` ${interfaceText(rule.inInterface, rule.isInInterfaceNegated).padEnd(6)} `;
    text += `${interfaceText(rule.outInterface, rule.isOutInterfaceNegated).padEnd(6)} `;
  }
  text += addressesText(rule, format).join('');
  if (rule.action === RuleAction.goto) text += '[goto] ';
  for (const { match } of rule.matches) text += match.list(format.isNumeric);
  if (rule.target !== undefined) text += rule.target.list(format.isNumeric);
  return text;
}

/** A rule as `-A -v` says that it was added. */
export function verboseRule(rule: Rule): string {
  const { target, targetName } = rule;
  const name = TARGET_KINDS[rule.family].get(targetName)?.listedName ?? targetName;
  const protocol = rule.protocol === 0 ? 'all' : protocolName(rule.protocol);
  const format = { isNumeric: true, isVerbose: true, isExact: false, hasLineNumbers: false };
  const [source, destination] = addressesText(rule, format).map((text) => text.trimEnd());
  let text = `${name} ${rule.isProtocolNegated ? '!' : ' '}${protocol} opt ${optionText(rule)} `;
  text += `in ${interfaceText(rule.inInterface, rule.isInInterfaceNegated)} `;
  text += `out ${interfaceText(rule.outInterface, rule.isOutInterfaceNegated)} ${source} `;
  text += `${destination![0]}-> ${destination!.slice(1)}  `;
  if (rule.action === RuleAction.goto) text += '[goto] ';
  for (const { match } of rule.matches) text += match.list(true);
  return text + (target?.list(true) ?? '');
}

/** `--`, `-f`, `!f`. */
function optionText(rule: Rule): string {
  return `${rule.isFragmentNegated ? '!' : '-'}${rule.onlyFragments ? 'f' : '-'}`;
}

/** Source and destination in their columns. */
function addressesText(rule: Rule, format: ListFormat): [string, string] {
  if (rule.ipv6 !== undefined) {
    const { source, destination } = rule.ipv6;
    return [
      prefixText(source, rule.isSourceNegated, format),
      prefixText(destination, rule.isDestinationNegated, format),
    ];
  }
  return [
    addressText(rule.source, rule.sourceMask, rule.isSourceNegated, format),
    addressText(rule.destination, rule.destinationMask, rule.isDestinationNegated, format),
  ];
}

function interfaceText(name: string, isNegated: boolean): string {
  return (isNegated ? '!' : '') + (name === '' ? '*' : name);
}

function prefixText(prefix: IpPrefix | undefined, isNegated: boolean, format: ListFormat): string {
  let text = format.isNumeric ? '::/0' : 'anywhere';
  if (prefix !== undefined) {
    text = prefix.lengthBits === 128 ? formatIp(prefix.address) : formatIpPrefix(prefix);
  }
  return `${isNegated ? '!' : ' '}${text.padEnd(19)} `;
}

function addressText(
  address: number,
  mask: number,
  isNegated: boolean,
  format: ListFormat,
): string {
  let text = format.isNumeric ? '0.0.0.0/0' : 'anywhere';
  if (mask !== 0) {
    text = formatIpv4Address(address >>> 0);
    if (mask !== -1) text += `/${maskText(mask)}`;
  }
  return `${isNegated ? '!' : ' '}${text.padEnd(19)} `;
}

/** `xtables_print_num`: up to 99999, then K, M, G and T of a thousand, rounded. */
function countText(count: number, format: ListFormat): string {
  if (format.isExact) return `${String(count).padStart(8)} `;
  if (count <= 99_999) return `${String(count).padStart(5)} `;
  let scaled = count;
  for (const unit of 'KMG') {
    scaled = Math.floor((scaled + 500) / 1000);
    if (scaled <= 9_999) return `${String(scaled).padStart(4)}${unit} `;
  }
  return `${String(Math.floor((scaled + 500) / 1000)).padStart(4)}T `;
}

/** `iptables -S`; all chains when `chain` is undefined, one rule when `number` is not 0. */
export function listRules(
  table: Table,
  chain: Chain | undefined,
  number: number,
  hasCounters: boolean,
): string {
  const counters = ({ packets, bytes }: { packets: number; bytes: number }) =>
    hasCounters ? ` -c ${packets} ${bytes}` : '';
  const line = (each: Chain, rule: Rule) => `${ruleText(each.name, rule)}${counters(rule)}\n`;
  if (number > 0) {
    const rule = chain?.rules[number - 1];
    return rule === undefined ? '' : line(chain!, rule);
  }
  const chains = chain === undefined ? table.sortedChains() : [chain];
  let text = '';
  for (const each of chains) {
    if (each.policy === undefined) text += `-N ${each.name}\n`;
    else text += `-P ${each.name} ${each.policy}${counters(each)}\n`;
  }
  for (const each of chains) for (const rule of each.rules) text += line(each, rule);
  return text;
}
