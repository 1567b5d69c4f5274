import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { Keyring } from '../../wire/memberlist/encrypt.ts';
import { askServer, listenForControl } from './control-socket.ts';
import { writeKeyringFile } from './keyring-file.ts';
import { runLiveCommand } from './live-commands.ts';
import { LiveServer, type LiveServerInit } from './live-server.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Three members at addresses that nothing else uses, the third byte being the test's. */
async function serve(third: number, settings: Partial<LiveServerInit> = {}): Promise<LiveServer> {
  const init = {
    memberCount: 3,
    bind: { address: 0x7f4d_0001 + (third << 8), port: 7946 },
    hasOwnAddresses: true,
    config: LAN,
    keyring: undefined,
    peers: 'auto' as const,
    seed: '1',
    ...settings,
  };
  const server = new LiveServer(init, () => {});
  closers.push(() => server.close());
  await server.listen();
  return server;
}

/** What the server answers to a line. */
async function ask(server: LiveServer, line: string): Promise<string> {
  return (await runLiveCommand(server, line.split(' '))).text;
}

test('members on real sockets are killed, leave, start again and stand still when told', async () => {
  const server = await serve(2);
  expect(await ask(server, 'members')).toBe(
    [
      'name    address          state  incarnation  meta',
      'node-0  127.77.2.1:7946  alive            1',
      'node-1  127.77.2.2:7946  alive            1',
      'node-2  127.77.2.3:7946  alive            1',
    ].join('\n'),
  );
  expect(await ask(server, 'kill node-1')).toBe('node-1 was killed');
  expect(await ask(server, 'kill node-1')).toBe('node-1 does not run');
  expect(await ask(server, 'start node-1')).toBe('node-1 joined');
  expect(await ask(server, 'leave node-2')).toBe('node-2 has left');
  expect(await ask(server, 'members node-0')).toMatch(/node-2 {2}127\.77\.2\.3:7946 {2}left/);
  expect(await ask(server, 'update-meta node-1 role=web')).toBe('node-1 has told its meta');
  expect(await ask(server, 'members node-1')).toMatch(/node-1 .* \d {2}role=web/);
  expect(await ask(server, 'pause node-1')).toBe('node-1 is paused');
  expect(await ask(server, 'leave node-1')).toBe('node-1 is paused');
  const status = await runLiveCommand(server, ['status']);
  expect(status.data).toMatchObject({ members: 3, running: 2, paused: 1, peers: 'auto' });
  expect(await ask(server, 'resume node-1')).toBe('node-1 goes on');
  expect(await ask(server, 'resume node-1')).toBe('node-1 is not paused');
});

test('what cannot be done says why, and what may have been meant', async () => {
  const server = await serve(3);
  expect(await ask(server, 'leave')).toBe('the name of a member is missing');
  expect(await ask(server, 'kill node-x')).toContain(
    "no member of this process; did you mean 'node-",
  );
  expect(await ask(server, 'kil node-1')).toBe("'kil' is not a command; did you mean 'kill'?");
  expect(await ask(server, 'event deploy')).toContain('none has come yet');
  expect(await ask(server, 'answer load 0.7')).toBe('load is answered');
  expect(await ask(server, 'answer load')).toBe('load is not answered');
  expect(await ask(server, 'answer _serf_ping x')).toContain('as agents answer them');
  expect(await ask(server, `answer load ${'x'.repeat(1024)}`)).toContain('at most 1024 bytes');
  expect(await ask(server, 'keys')).toContain('do not encrypt');
  const answer = await runLiveCommand(server, ['kill', 'node-1', 'node-9']);
  expect(answer.isDone).toBe(false);
  expect(answer.data).toMatchObject([
    { member: 'node-1', isDone: true },
    { member: 'node-9', isDone: false },
  ]);
});

test('keys are installed, used and removed in the ring of every member', async () => {
  const [old, fresh] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const keyring = Keyring.of([old], old) as Keyring;
  const folder = mkdtempSync(join(tmpdir(), 'swarmlab-keys-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'keyring.json');
  const server = await serve(4, {
    keyring,
    config: { ...LAN, hasKeyring: true },
    onKeys: (first) => writeKeyringFile(file, first),
  });
  const name = (key: Uint8Array): string => Buffer.from(key).toString('base64');
  await ask(server, `keys install ${name(fresh)}`);
  await ask(server, `keys use ${name(fresh)}`);
  expect(readFileSync(file, 'utf8')).toBe(`[\n  "${name(fresh)}",\n  "${name(old)}"\n]`);
  expect(await ask(server, `keys remove ${name(fresh)}`)).toContain('not allowed');
  const { data } = await runLiveCommand(server, ['keys', 'remove', name(old)]);
  expect(data).toEqual({ [name(fresh)]: { members: 3, primary: 3 } });
  expect(keyring.keys).toEqual([old]);
});

test('the control socket carries the words of a command and one answer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'swarmlab-control-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'control.sock');
  const server = await serve(5);
  const control = await listenForControl(path, (words) => runLiveCommand(server, words));
  closers.push(() => control.close());
  expect(await askServer(path, ['kill', 'node-2'])).toMatchObject({
    isDone: true,
    text: 'node-2 was killed',
  });
  expect(server.live.memberOf('node-2')!.isUp).toBe(false);
  await expect(listenForControl(path, (words) => runLiveCommand(server, words))).rejects.toThrow(
    'another server listens',
  );
  const stranger = connect(path);
  stranger.end('{"kill": 1}\n');
  expect(JSON.parse(await text(stranger))).toMatchObject({ isDone: false });
  await expect(askServer(`${path}.not`, ['status'])).rejects.toThrow('ENOENT');
});
