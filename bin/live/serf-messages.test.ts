import { afterEach, describe, expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { Happenings, hasSerf } from './testing/serf-agent.ts';

const MEMBERS = 10;

let happenings = new Happenings();
afterEach(() => {
  happenings.close();
  happenings = new Happenings();
});

describe.skipIf(!hasSerf)('a real serf agent talks with live members (needs serf)', () => {
  test('reaches all, tells and hears events, knows tags and distances, forces one to leave', async () => {
    const server = await happenings.serve();
    const agent = await happenings.startSerf(server);
    await happenings.until('all know it', () => happenings.countOf('alive', 'real') === MEMBERS);
    await happenings.until('it runs', () => happenings.has('agent: joined: 1 nodes'));
    expect(await agent.ask('query', '-timeout=2s', 'all')).toContain(
      `Total Acks: ${MEMBERS + 1}\n`,
    );
    await agent.ask('event', 'deploy', 'v1');
    await happenings.until(
      'all hear it',
      () => happenings.countOf('event', 'deploy v1') === MEMBERS,
    );
    const teller = server.live.memberOf('node-7')!;
    expect(server.sendUserEvent(teller, 'hello', new Uint8Array(0))).toBeUndefined();
    await happenings.until('it hears', () => happenings.has('Received event: user-event: hello'));
    server.update(teller, new Uint8Array(Buffer.from('ff81a4726f6c65a3776562', 'hex')));
    await happenings.until('it is told', () => happenings.has('EventMemberUpdate: node-7'));
    expect(server.live.setAnswer('who', new TextEncoder().encode('the web'))).toBeUndefined();
    const answers = await agent.ask('query', '-tag', 'role=w.b', '-timeout=1s', 'who');
    expect(answers).toContain("Ack from 'node-7'\n");
    expect(answers).toContain("Response from 'node-7': the web\n");
    expect(answers).toMatch(/Total Acks: 1\nTotal Responses: 1\n/);
    expect(happenings.countOf('query', 'who')).toBe(1);
    const question = { name: 'uptime', payload: new Uint8Array(0), timeoutNs: SECOND_NS };
    const replies = await server.ask(teller, question);
    expect(replies).toMatchObject({ acks: expect.arrayContaining(['real', 'node-0', 'node-7']) });
    server.crash(server.live.memberOf('node-3')!);
    await happenings.until('it notices', () => happenings.has('EventMemberFailed: node-3'));
    await agent.ask('force-leave', 'node-3');
    expect((await agent.members()).get('node-3')).toBe('left');
    expect(await agent.ask('rtt', 'node-7')).toMatch(/Estimated node-7 <-> real rtt: [\d.]+ ms/);
  });
});
