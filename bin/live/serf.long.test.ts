/**
 * A thousand members and a serf agent for ten minutes, and the other profiles: what takes too long
 * for every run of the tests. Whoever gets no CPU for half a second is suspected, and rightly so:
 * server and agent run with the priority of those that have deadlines where that is allowed, and want
 * a core to spare where it is not.
 */
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LOCAL, WAN } from '../../gossip/constants.ts';
import { MINUTE_NS, SECOND_NS } from '../../sim/time.ts';
import { Happenings, hasSerf } from './testing/serf-agent.ts';

const MEMBERS = 1000;
/**
 * An agent that joins tells everybody about everybody, 16 times, and its queries wait behind that:
 * 1.4 MB at 15 packets of 1400 bytes a second. The first query is asked for longer than that takes.
 */
const QUERY_SECONDS = 120;
const FIRST_ADDRESS = 0x7f4e_0001;
const DEADLINE_MS = 300_000;
const PRIORITY = -10;

beforeAll(() => {
  try {
    // all threads, the collector's among them; the agent inherits it
    for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), PRIORITY);
  } catch {} // not allowed
});

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
      const droppedBefore = await agent.droppedCount();
      const linesBefore = happenings.lines.length;
      await agent.ask('query', `-timeout=${QUERY_SECONDS}s`, 'all');
      const lines = happenings.lines.slice(linesBefore);
      // a thousand acks come within a second: the agent and its host may drop some, and say so; the
      // command counts fewer, because it drops what it has no time for and does not
      const answered = lines.filter((line) => line.includes('messageQueryResponseType')).length;
      const dropped = lines.filter((line) => line.includes('dropping')).length;
      const lost = (await agent.droppedCount()) - droppedBefore;
      expect(answered + dropped + lost).toBeGreaterThan(MEMBERS);
    }
    const doubts = /Suspect|EventMemberFailed|Refuting|Marking/;
    const late = `late by ${server.lateNsMax / SECOND_NS} s at most`;
    expect(
      happenings.lines.filter((line) => doubts.test(line)),
      late,
    ).toEqual([]);
    const events = happenings.events.filter(({ what }) => what !== 'alive' && what !== 'query');
    expect(events, late).toEqual([]);
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
    const lostSeconds = server.lostNs / SECOND_NS;
    const lateSecondsMax = server.lateNsMax / SECOND_NS;
    console.log({ seconds, cpuSeconds, residentMib, lateSecondsMax, lostSeconds, ...counters });
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
