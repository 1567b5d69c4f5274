/** Which subnets and addresses a host hands out, in Docker's order. */
import { expect, test } from 'vitest';
import {
  formatIpv4Address,
  formatPrefix,
  parseIpv4Address,
  parsePrefix,
} from '../../wire/addresses.ts';
import { LocalPool, LocalPools, PREDEFINED_POOLS } from './local-pools.ts';

test('31 predefined pools: 172.17/16 to 172.31/16, then /20s of 192.168/16', () => {
  const texts = PREDEFINED_POOLS.map(formatPrefix);
  expect(texts).toHaveLength(31);
  expect([texts[0], texts[14], texts[15], texts[30]]).toEqual([
    '172.17.0.0/16',
    '172.31.0.0/16',
    '192.168.0.0/20',
    '192.168.240.0/20',
  ]);
});

test('pools that overlap an allocated one or a route of the host are passed over', () => {
  const pools = new LocalPools(false);
  const routes = [parsePrefix('172.18.5.0/24')!, parsePrefix('192.168.56.0/24')!];
  const next = () => {
    const pool = pools.allocate(routes);
    return pool === undefined ? undefined : formatPrefix(pool.subnet);
  };
  expect([next(), next(), next()]).toEqual(['172.17.0.0/16', '172.19.0.0/16', '172.20.0.0/16']);
  const chosen = pools.claim(parsePrefix('172.21.0.0/24')!)!;
  expect(pools.claim(parsePrefix('172.21.0.128/25')!)).toBeUndefined();
  expect(next()).toBe('172.22.0.0/16');
  pools.release(chosen);
  expect(next()).toBe('172.21.0.0/16');
  const rest: (string | undefined)[] = [];
  for (let i = 0; i < 30; i++) rest.push(next());
  expect(rest).not.toContain('192.168.48.0/20');
  expect(rest.filter((text) => text !== undefined)).toHaveLength(24);
});

test('up to 26 a pool that was given back is not given again before the others', () => {
  const pools = new LocalPools(true);
  const first = pools.allocate([])!;
  pools.release(pools.allocate([])!);
  const third = pools.allocate([])!;
  pools.release(first);
  const texts = [first, third, pools.allocate([])!].map(({ subnet }) => formatPrefix(subnet));
  expect(texts).toEqual(['172.17.0.0/16', '172.19.0.0/16', '172.20.0.0/16']);
});

test('addresses: the lowest free one, so that a freed one is used again at once', () => {
  const pool = new LocalPool(parsePrefix('172.17.0.0/29')!);
  const take = (text?: string) => {
    const address = pool.take(text === undefined ? undefined : parseIpv4Address(text));
    return address === undefined ? undefined : formatIpv4Address(address);
  };
  expect([take(), take(), take()]).toEqual(['172.17.0.1', '172.17.0.2', '172.17.0.3']);
  pool.release(parseIpv4Address('172.17.0.2')!);
  expect(take()).toBe('172.17.0.2');
  expect(take('172.17.0.5')).toBe('172.17.0.5');
  expect(take('172.17.0.5')).toBeUndefined();
  expect(take('172.17.1.5')).toBeUndefined();
  expect([take(), take(), take()]).toEqual(['172.17.0.4', '172.17.0.6', undefined]);
});
