import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { Keyring } from '../../wire/memberlist/encrypt.ts';
import { Happenings, hasSerf } from './testing/serf-agent.ts';

const hasIpv6 = networkInterfaces()['lo']?.some(({ family }) => family === 'IPv6') === true;
const SHARED_ADDRESS = 0x7f4d_0101;
const MEMBERS = 10;

let happenings = new Happenings();
afterEach(() => {
  happenings.close();
  happenings = new Happenings();
});

describe.skipIf(!hasSerf)('a real serf agent among live members (needs serf)', () => {
  test('joins, lists them, sees one crash and one leave, is found dead and comes back', async () => {
    const server = await happenings.serve();
    const agent = await happenings.startSerf(server);
    await happenings.until('all know it', () => happenings.countOf('alive', 'real') === MEMBERS);
    await happenings.until('it runs', () => happenings.has('agent: joined: 1 nodes'));
    const names = server.live.members.map(({ name }) => name);
    const listed = await agent.members();
    expect([...listed.keys()].sort()).toEqual([...names, 'real'].sort());
    expect(new Set(listed.values())).toEqual(new Set(['alive']));

    await server.leave(server.live.memberOf('node-4')!);
    await happenings.until('it hears', () => happenings.has('EventMemberLeave: node-4'));
    server.crash(server.live.memberOf('node-3')!);
    await happenings.until('it notices', () => happenings.has('EventMemberFailed: node-3'));
    expect((await agent.members()).get('node-3')).toBe('failed');
    expect((await agent.members()).get('node-4')).toBe('left');
    // it was probed all the while, and it probed: nobody suspected anybody who ran
    const suspected = happenings.events.filter(({ what }) => what === 'suspects');
    expect(new Set(suspected.map(({ subject }) => subject))).toEqual(new Set(['node-3']));
    expect(server.counters).toMatchObject({ badPackets: 0, badStreams: 0, badUserMessages: 0 });
    const notAnswering = happenings.lines.filter((line) => /Failed (UDP )?ping/.test(line));
    expect(notAnswering.filter((line) => !line.includes('node-3'))).toEqual([]);

    agent.kill('SIGKILL');
    await happenings.until('they notice', () => happenings.countOf('dead', 'real') === MEMBERS - 2);
    happenings.forget();
    await happenings.startSerf(server, agent.bind);
    await happenings.until('it is back', () => happenings.countOf('alive', 'real') === MEMBERS - 2);
  });

  test('encrypts, changes the keys of all, has one port each, and leaves', async () => {
    const [key, fresh] = [randomBytes(32), randomBytes(32)];
    const kept: string[][] = [];
    const server = await happenings.serve({
      memberCount: 3,
      bind: { address: SHARED_ADDRESS, port: 7946 },
      hasOwnAddresses: false,
      keyring: Keyring.of([key], key) as Keyring,
      onKeys: ({ keys }) => kept.push(keys.map((each) => Buffer.from(each).toString('base64'))),
      config: { ...LAN, hasKeyring: true },
    });
    const [keyName, freshName] = [key.toString('base64'), fresh.toString('base64')];
    const agent = await happenings.startSerf(server, `-encrypt=${keyName}`);
    await happenings.until('all know it', () => happenings.countOf('alive', 'real') === 3);
    await happenings.until('it runs', () => happenings.has('agent: joined: 1 nodes'));
    for (const word of [`-install=${freshName}`, `-use=${freshName}`, `-remove=${keyName}`]) {
      expect(await agent.ask('keys', word)).toContain('Success');
    }
    expect(kept).toEqual([[keyName, freshName], [freshName, keyName], [freshName]]);
    const listed = await agent.ask('keys', '-list');
    expect(listed).toContain(freshName);
    expect(listed).toContain('[4/4]');
    for (const { keyring } of server.live.members)
      expect(keyring!.primary).toEqual(new Uint8Array(fresh));
    await agent.ask('event', 'deploy');
    await happenings.until('all hear it', () => happenings.countOf('event', 'deploy') === 3);
    agent.kill('SIGINT'); // an agent leaves on it
    await happenings.until('all hear it leave', () => happenings.countOf('left', 'real') === 3);
    expect(happenings.countOf('suspects', 'real')).toBe(0);
  });

  test.skipIf(!hasIpv6)('lives at IPv6 addresses, and answers queries there', async () => {
    const bind = { address: '::1', port: 7946 };
    const server = await happenings.serve({ memberCount: 3, bind, hasOwnAddresses: false });
    const agent = await happenings.startSerf(server, '-bind=[::1]:8946');
    await happenings.until('all know it', () => happenings.countOf('alive', 'real') === 3);
    await happenings.until('it runs', () => happenings.has('agent: joined: 1 nodes'));
    expect(server.live.members[1]!.nodes.get('real')).toMatchObject({ address: '::1', port: 8946 });
    const listed = await agent.members();
    expect([...listed.keys()].sort()).toEqual(['node-0', 'node-1', 'node-2', 'real']);
    expect(await agent.ask('query', '-timeout=1s', 'all')).toContain('Total Acks: 4\n');
  });

  test("refuses members without serf's delegate versions", async () => {
    const server = await happenings.serve({ peers: 'memberlist', memberCount: 2 });
    await happenings.startSerf(server);
    await happenings.until('it refuses', () =>
      happenings.has('delegate protocol version (0) is incompatible: [2, 0]'),
    );
    expect(happenings.countOf('alive', 'real')).toBe(0);
  });
});
