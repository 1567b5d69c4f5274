/**
 * A thousand members and a serf agent for ten minutes, and the other profiles: what takes too long
 * for every run of the tests. It wants a machine that has a core to spare; a real process that gets
 * none is suspected, and rightly so.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { LOCAL, WAN } from '../../gossip/constants.ts';
import { MINUTE_NS, SECOND_NS } from '../../sim/time.ts';
import { Happenings, hasSerf } from './testing/serf-agent.ts';

const MEMBERS = 1000;
/** An acknowledgement is one datagram, and a thousand come within a second. */
const ACKS_MIN = 990;
const FIRST_ADDRESS = 0x7f4e_0001;
const DEADLINE_MS = 300_000;

let happenings = new Happenings();
afterEach(() => {
  happenings.close();
  happenings = new Happenings();
});

describe.skipIf(!hasSerf)('a real serf agent (needs serf)', () => {
  test('among a thousand members nobody is suspected for ten minutes', async () => {
    const server = await happenings.serve({
      memberCount: MEMBERS,
      bind: { address: FIRST_ADDRESS, port: 7946 },
    });
    const cpuBefore = process.cpuUsage();
    const agent = await happenings.startSerf(server);
    const isKnown = (): boolean => happenings.countOf('alive', 'real') === MEMBERS;
    await happenings.until('all know it', isKnown, DEADLINE_MS);
    await happenings.until('it runs', () => happenings.has('agent: joined: 1 nodes'));
    while (server.nowNs < 10 * MINUTE_NS) {
      const answers = await agent.ask('query', '-timeout=60s', 'all');
      const ackCount = Number(/Total Acks: (\d+)/.exec(answers)?.[1]);
      expect(ackCount).toBeGreaterThan(ACKS_MIN);
    }
    expect(happenings.events.filter(({ what }) => what !== 'alive' && what !== 'query')).toEqual(
      [],
    );
    const doubts = /Suspect|EventMemberFailed|Refuting|Marking/;
    expect(happenings.lines.filter((line) => doubts.test(line))).toEqual([]);
    const members = await agent.members();
    expect(members.size).toBe(MEMBERS + 1);
    expect(new Set(members.values())).toEqual(new Set(['alive']));
    const { user, system } = process.cpuUsage(cpuBefore);
    const { badPackets, badStreams, badUserMessages, ...counters } = server.counters;
    expect({ badPackets, badStreams, badUserMessages }).toEqual({
      badPackets: 0,
      badStreams: 0,
      badUserMessages: 0,
    });
    const seconds = server.nowNs / SECOND_NS;
    const cpuSeconds = (user + system) / 1e6;
    const residentMib = process.memoryUsage.rss() / 1024 / 1024;
    console.log({ seconds, cpuSeconds, residentMib, ...counters });
  });

  test.for([
    { profile: 'wan', config: WAN },
    { profile: 'local', config: LOCAL },
  ])('of the profile $profile notices a kill, and its own is noticed', async (its) => {
    const { profile, config } = its;
    const server = await happenings.serve({ config });
    const agent = await happenings.startSerf(server, `-profile=${profile}`);
    const countOf = (what: 'alive' | 'dead'): number => happenings.countOf(what, 'real');
    await happenings.until('all know it', () => countOf('alive') === 10, DEADLINE_MS);
    server.crash(server.live.memberOf('node-3')!);
    const isFailed = (): boolean => happenings.has('EventMemberFailed: node-3');
    await happenings.until('it notices', isFailed, DEADLINE_MS);
    const suspected = happenings.events.filter(({ what }) => what === 'suspects');
    expect(new Set(suspected.map(({ subject }) => subject))).toEqual(new Set(['node-3']));
    agent.kill('SIGKILL');
    await happenings.until('they notice', () => countOf('dead') === 9, DEADLINE_MS);
  });
});
