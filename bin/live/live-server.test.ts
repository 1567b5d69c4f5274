import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import type { LiveAddress } from '../../gossip/live/live-member.ts';
import { joinAddressesOf } from './join-addresses.ts';
import type { LiveServer } from './live-server.ts';
import { Happenings } from './testing/serf-agent.ts';

let happenings = new Happenings();
afterEach(() => {
  happenings.close();
  happenings = new Happenings();
});

/** Two members of a cluster with a label; the second byte of their addresses is the process's. */
function serve(second: number, label: string): Promise<LiveServer> {
  return happenings.serve({
    memberCount: 2,
    bind: { address: 0x7f50_0001 + (second << 8), port: 7946 },
    config: { ...LAN, label },
    namePrefix: `p${second}-`,
  });
}

test('members of two processes join when their label is the same, and not otherwise', async () => {
  const [first, second, third] = [
    await serve(1, 'blue'),
    await serve(2, 'blue'),
    await serve(3, ''),
  ];
  const [seed] = first.live.members;
  expect(await second.join(second.live.members[0]!, seed!)).toBeUndefined();
  await happenings.until('all know them', () => happenings.countOf('alive', 'p1-0') === 2);
  await happenings.until('all know it', () => happenings.countOf('alive', 'p2-1') === 2);
  expect(await third.join(third.live.members[0]!, seed!)).toBe('EOF');
  expect(first.counters).toMatchObject({ badPackets: 0, badStreams: 1 });
  expect(third.live.members[0]!.list).toHaveLength(2);
});

test.each<[string, LiveAddress[] | string]>([
  ['127.80.9.1', [{ address: 0x7f50_0901, port: 7000 }]],
  ['127.80.9.1:7946', [{ address: 0x7f50_0901, port: 7946 }]],
  ['localhost:8946', [{ address: 0x7f00_0001, port: 8946 }]],
  ['node-1/localhost', [{ address: 0x7f00_0001, port: 7000, name: 'node-1' }]],
  ['/localhost', 'empty node name provided'],
  ['localhost:http', "'http' is no port"],
  ['localhost:0', "'0' is no port"],
  [':7946', 'there is no host'],
  ['[::1]:7946', [{ address: '::1', port: 7946 }]],
  ['::1', [{ address: '::1', port: 7000 }]],
  ['node-1/[0::1]', [{ address: '::1', port: 7000, name: 'node-1' }]],
  ['::1::7946', expect.stringContaining('is written [::1]:7946') as unknown as string],
  ['nobody.invalid', expect.stringContaining('nobody.invalid') as unknown as string],
])('--join %s', async (text, addresses) => {
  expect(await joinAddressesOf(text, { address: 0x7f50_0901, port: 7000 })).toEqual(addresses);
});

test('noise on the sockets is counted, refused and forgotten', async () => {
  const server = await serve(4, '');
  const [member] = server.live.members;
  const host = '127.80.4.1';
  const udp = createSocket('udp4');
  await Promise.all(
    Array.from({ length: 200 }, (_, i) => {
      const packet = randomBytes(1 + 7 * i);
      return new Promise((resolve) => udp.send(packet, member!.port, host, resolve));
    }),
  );
  udp.close();
  await happenings.until('the last has come', () => server.counters.packetsReceived >= 200);
  const streams = Array.from({ length: 300 }, () => connect({ host, port: member!.port }));
  const closed = streams.map((stream) => {
    stream.on('error', () => {}); // reset, when it was one too many
    const noise = randomBytes(3);
    noise[0]! |= 0x10; // no message begins so, and one in forty runs would have had one
    stream.end(noise);
    return once(stream.resume(), 'close');
  });
  await Promise.all(closed);
  expect(server.counters.badPackets).toBeGreaterThan(100);
  expect(server.counters.badStreams + server.counters.streamsRefused).toBe(300);
  expect(member!.list.map(({ name }) => name).sort()).toEqual(['p4-0', 'p4-1']);
});
