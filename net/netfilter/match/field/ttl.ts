/**
 * The `ttl` match, and `hl`, which is its like for IPv6's hop limit.
 * Mirrors `extensions/libipt_ttl.c`, `libip6t_hl.c` and `net/netfilter/xt_hl.c`.
 */
import { ttlOf } from '../../../../wire/ipv4.ts';
import { hopLimitOf } from '../../../../wire/ipv6/header.ts';
import type { MatchKind } from '../../extension.ts';
import { outOfRange, parseByte } from '../../options.ts';
import { fieldMatchKind } from './field-match.ts';

interface TtlTest {
  readonly comparison: 'eq' | 'lt' | 'gt';
  readonly ttl: number;
}

const SIGNS = { eq: '==', lt: '<', gt: '>' } as const;

function holds(own: number, { comparison, ttl }: TtlTest): boolean {
  if (comparison === 'eq') return own === ttl;
  return comparison === 'lt' ? own < ttl : own > ttl;
}

function parse(name: string, text: string, option: string): TtlTest | string {
  const ttl = parseByte(text);
  const named = option === `--${name}` ? `--${name}-eq` : option;
  if (ttl === undefined) return outOfRange(name, named, 0, 255);
  const comparison = option.slice(`--${name}-`.length) as TtlTest['comparison'] | '';
  return { comparison: comparison === '' ? 'eq' : comparison, ttl };
}

/** `-m ttl`. */
export const ttlMatch: MatchKind = fieldMatchKind<TtlTest>({
  name: 'ttl',
  family: 'ipv4',
  options: ['--ttl-lt', '--ttl-gt', '--ttl-eq', '--ttl'],
  checks: {
    plain: ['--ttl-lt', '--ttl-gt'],
    aliases: [['--ttl-eq', '--ttl']],
    exclusive: [['--ttl-lt', '--ttl-gt', '--ttl-eq']],
  },
  parse: (text, option) => parse('ttl', text, option),
  holds: ({ bytes, at }, test) => holds(ttlOf(bytes, at), test),
  save: ({ comparison, ttl }, not) => ` ${not}--ttl-${comparison} ${ttl}`,
  list: ({ comparison, ttl }, isNegated) =>
    ` TTL match TTL ${isNegated ? '!=' : SIGNS[comparison]} ${ttl}`,
  missing: "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt",
});

/** `-m hl`. */
export const hlMatch: MatchKind = fieldMatchKind<TtlTest>({
  name: 'hl',
  family: 'ipv6',
  options: ['--hl-lt', '--hl-gt', '--hl-eq', '--hl'],
  checks: {
    plain: ['--hl-lt', '--hl-gt'],
    aliases: [['--hl-eq', '--hl']],
    exclusive: [['--hl-lt', '--hl-gt', '--hl-eq']],
  },
  parse: (text, option) => parse('hl', text, option),
  holds: ({ bytes, at }, test) => holds(hopLimitOf(bytes, at), test),
  save: ({ comparison, ttl }, not) => ` ${not}--hl-${comparison} ${ttl}`,
  list: ({ comparison, ttl }, isNegated) =>
    ` HL match HL ${isNegated ? '!=' : SIGNS[comparison]} ${ttl}`,
  missing: "HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'",
});
