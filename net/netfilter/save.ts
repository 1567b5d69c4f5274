/**
 * The text of `iptables-save` 1.8.9 (legacy), without the comment lines that carry a date.
 *
 * Tables come newest first, as the kernel lists them (`/proc/net/ip_tables_names`); built-in chains
 * in hook order, user chains by name; a rule's head in the order -s -d -i -o -p -f, then the matches
 * as they were loaded, then the target.
 */
import { formatIpv4Address } from '../../wire/addresses.ts';
import { formatIpPrefix } from '../../wire/ip-address.ts';
import { protocolName } from './protocols.ts';
import type { Ipv6Prefixes, Rule } from './rule.ts';
import { RuleAction } from './rule.ts';
import type { Table } from './table.ts';

/** The text of some tables; `hasCounters` is `iptables-save -c`. */
export function saveTables(tables: readonly Table[], hasCounters: boolean): string {
  let text = '';
  for (const table of tables) {
    text += `*${table.name}\n`;
    const chains = table.sortedChains();
    for (const chain of chains) {
      text += `:${chain.name} ${chain.policy ?? '-'} [${chain.packets}:${chain.bytes}]\n`;
    }
    for (const chain of chains) {
      for (const rule of chain.rules) {
        if (hasCounters) text += `[${rule.packets}:${rule.bytes}] `;
        text += `${ruleText(chain.name, rule)}\n`;
      }
    }
    text += 'COMMIT\n';
  }
  return text;
}

/** A rule as `-A CHAIN …`. */
export function ruleText(chainName: string, rule: Rule): string {
  return `-A ${chainName}${ruleArguments(rule)}`;
}

/** A rule's arguments, each with a blank before it; equal rules have equal texts. */
export function ruleArguments(rule: Rule): string {
  if (rule.text === undefined) rule.text = formatArguments(rule);
  return rule.text;
}

function formatArguments(rule: Rule): string {
  let text = rule.ipv6 === undefined ? ipv4Text(rule) : ipv6Text(rule, rule.ipv6);
  if (rule.inInterface !== '' && rule.inInterface !== '+') {
    text += `${not(rule.isInInterfaceNegated)} -i ${rule.inInterface}`;
  }
  if (rule.outInterface !== '' && rule.outInterface !== '+') {
    text += `${not(rule.isOutInterfaceNegated)} -o ${rule.outInterface}`;
  }
  if (rule.protocol !== 0) {
    text += `${not(rule.isProtocolNegated)} -p ${protocolName(rule.protocol)}`;
  }
  if (rule.onlyFragments) text += `${not(rule.isFragmentNegated)} -f`;
  for (const { name, match } of rule.matches) text += ` -m ${name}${match.save()}`;
  if (rule.targetName !== '') {
    text += rule.action === RuleAction.goto ? ' -g ' : ' -j ';
    text += rule.targetName;
    if (rule.target !== undefined) text += rule.target.save();
  }
  return text;
}

function ipv4Text(rule: Rule): string {
  let text = '';
  if (rule.sourceMask !== 0 || rule.isSourceNegated) {
    text += `${not(rule.isSourceNegated)} -s ${prefixText(rule.source, rule.sourceMask)}`;
  }
  if (rule.destinationMask !== 0 || rule.isDestinationNegated) {
    const prefix = prefixText(rule.destination, rule.destinationMask);
    text += `${not(rule.isDestinationNegated)} -d ${prefix}`;
  }
  return text;
}

function ipv6Text(rule: Rule, { source, destination }: Ipv6Prefixes): string {
  let text = '';
  if (source !== undefined) text += `${not(rule.isSourceNegated)} -s ${formatIpPrefix(source)}`;
  if (destination !== undefined) {
    text += `${not(rule.isDestinationNegated)} -d ${formatIpPrefix(destination)}`;
  }
  return text;
}

function not(isNegated: boolean): string {
  return isNegated ? ' !' : '';
}

/** `10.0.0.0/8`, or with a dotted mask when that is no prefix. */
function prefixText(address: number, mask: number): string {
  return `${formatIpv4Address(address >>> 0)}/${maskText(mask)}`;
}

/** `24`, or `255.0.255.0` when the ones are not in a row. */
export function maskText(mask: number): string {
  const unsigned = mask >>> 0;
  const lengthBits = Math.clz32(~unsigned);
  const isPrefix = lengthBits === 32 || unsigned << lengthBits === 0;
  return isPrefix ? String(lengthBits) : formatIpv4Address(unsigned);
}
