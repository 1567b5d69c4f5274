import { afterEach, expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { runLiveCommand } from './live-commands.ts';
import { LiveServer } from './live-server.ts';

let server: LiveServer | undefined;
afterEach(() => server?.close());

test('members on real sockets crash, leave and start again when they are told', async () => {
  const first = { address: 0x7f4d_0201, port: 7946 };
  const settings = { keyring: undefined, isSerf: false, seed: '1', hasOwnAddresses: true };
  const onEvent = (): void => {};
  server = new LiveServer({ memberCount: 3, first, config: LAN, ...settings }, onEvent);
  await server.listen();
  const answers: (string | undefined)[] = [];
  const lines = [
    'members',
    'crash node-1',
    'crash node-1',
    'start node-1',
    'leave node-2',
    'members node-0',
    'leave',
    'crash node-7',
    'jump node-1',
    'quit',
  ];
  for (const line of lines) answers.push(await runLiveCommand(server, line));
  expect(answers[0]).toBe(
    [
      'name    address          state  incarnation',
      'node-0  127.77.2.1:7946  alive  1',
      'node-1  127.77.2.2:7946  alive  1',
      'node-2  127.77.2.3:7946  alive  1',
    ].join('\n'),
  );
  expect(answers.slice(1, 5)).toEqual([
    'node-1 crashed',
    'node-1 does not run',
    'node-1 joined',
    'node-2 has left',
  ]);
  expect(answers[5]).toMatch(/node-2 {2}127\.77\.2\.3:7946 {2}left/);
  expect(answers.slice(6, 8)).toEqual([
    'leave wants the name of a member',
    'node-7 is no member of this process',
  ]);
  expect(answers[8]).toContain("'jump' is not a command");
  expect(answers[9]).toBeUndefined();
});
