/**
 * `ip rule`: show, add, del, flush. Mirrors iproute2 ip/iprule.c.
 */
import { RouteTableId, type Rule } from '../../../net/ip/route.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { ruleText } from '../../../net/show/route.ts';
import type { IpFormat } from './format.ts';
import { routeTableOf } from './route.ts';
import { commandOf, prefixOf, refused, type Words, wrong } from './words.ts';

/** Runs `ip rule WORDS`; what it prints. */
export function ipRule(namespace: Namespace, words: Words, { family }: IpFormat): string {
  const { rules } = family === 6 ? namespace.ipv6.routes : namespace;
  const word = words.next() ?? 'show';
  switch (commandOf(word, ['show', 'list', 'lst', 'add', 'delete', 'flush', 'help'])) {
    case 'show':
    case 'list':
    case 'lst':
      return ruleText(namespace, family === 6 ? 6 : 4);
    case 'add': {
      const { priority, table = RouteTableId.main, ...rest } = fieldsOf(words);
      const lowest = rules.list().find((rule) => rule.priority > 0)?.priority ?? 1;
      rules.add({ priority: priority ?? lowest - 1, table, ...rest });
      return '';
    }
    case 'delete':
      if (!rules.remove(fieldsOf(words))) throw refused('No such file or directory');
      return '';
    case 'flush':
      for (const rule of [...rules.list()]) {
        if (rule.priority !== 0) rules.remove(rule);
      }
      return '';
    default:
      throw wrong(`Command "${word}" is unknown, try "ip rule help".`);
  }
}

type Fields = { -readonly [K in keyof Rule]?: Rule[K] };

function fieldsOf(words: Words): Fields {
  const fields: Fields = {};
  while (words.first !== undefined) {
    if (words.maybe('not')) fields.isNegated = true;
    else if (words.maybe('from')) takePrefix(words, (prefix) => (fields.source = prefix));
    else if (words.maybe('to')) takePrefix(words, (prefix) => (fields.destination = prefix));
    else if (words.maybe('preference', 'pref', 'order', 'priority', 'prio')) {
      fields.priority = words.number('preference value is invalid\n');
    } else if (words.maybe('fwmark')) takeMark(fields, words);
    else if (words.maybe('iif', 'dev')) fields.inDevice = words.value();
    else if (words.maybe('oif')) fields.outDevice = words.value();
    else if (words.maybe('table', 'lookup')) fields.table = routeTableOf(words.value());
    else if (words.maybe('blackhole')) fields.action = 'blackhole';
    else if (words.maybe('unreachable')) fields.action = 'unreachable';
    else if (words.maybe('prohibit')) fields.action = 'prohibit';
    else throw wrong(`Error: argument "${words.value()}" is wrong: Failed to parse rule type`);
  }
  return fields;
}

function takePrefix(words: Words, take: (prefix: NonNullable<Rule['source']>) => void): void {
  const prefix = prefixOf(words.value());
  if (prefix.lengthBits > 0) take(prefix);
}

function takeMark(fields: Fields, words: Words): void {
  const word = words.value();
  const [mark, mask] = word.split('/').map(Number);
  if (mark === undefined || Number.isNaN(mark) || Number.isNaN(mask ?? 0)) {
    throw wrong(`Error: argument "${word}" is wrong: fwmark value is invalid\n`);
  }
  fields.mark = mark;
  if (mask !== undefined) fields.markMask = mask;
}
