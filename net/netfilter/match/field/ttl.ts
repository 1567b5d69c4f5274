/**
 * The `ttl` match. Mirrors `extensions/libipt_ttl.c`.
 */
import { ttlOf } from '../../../../wire/ipv4.ts';
import { outOfRange, parseByte } from '../../options.ts';
import { fieldMatchKind } from './field-match.ts';

interface TtlTest {
  readonly comparison: 'eq' | 'lt' | 'gt';
  readonly ttl: number;
}

const SIGNS = { eq: '==', lt: '<', gt: '>' } as const;

/** `-m ttl`. */
export const ttlMatch = fieldMatchKind<TtlTest>({
  name: 'ttl',
  family: 'ipv4',
  options: ['--ttl', '--ttl-eq', '--ttl-lt', '--ttl-gt'],
  parse: (text, option) => {
    const ttl = parseByte(text);
    if (ttl === undefined) return outOfRange('ttl', option, 0, 255);
    const comparison = option.slice('--ttl-'.length) as TtlTest['comparison'] | '';
    return { comparison: comparison === '' ? 'eq' : comparison, ttl };
  },
  holds: ({ bytes, at }, { comparison, ttl }) => {
    const own = ttlOf(bytes, at);
    if (comparison === 'eq') return own === ttl;
    return comparison === 'lt' ? own < ttl : own > ttl;
  },
  save: ({ comparison, ttl }, not) => ` ${not}--ttl-${comparison} ${ttl}`,
  list: ({ comparison, ttl }, isNegated) =>
    ` TTL match TTL ${isNegated ? '!=' : SIGNS[comparison]} ${ttl}`,
  missing: "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt",
});
