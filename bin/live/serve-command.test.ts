/**
 * `swarmlab gossip serve` as a process: what ends it, and what does not. `npm test` has built it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { askServer } from './control-socket.ts';

const PROGRAM = new URL('../../dist/bin/swarmlab.js', import.meta.url).pathname;

const home = mkdtempSync(join(tmpdir(), 'swarmlab-serve-'));
const control = join(home, 'control.sock');
const started: ChildProcess[] = [];
afterEach(() => {
  for (const server of started.splice(0)) server.kill('SIGKILL');
});
afterAll(() => rmSync(home, { recursive: true }));

/** Two members, with nothing to read or with commands. */
function serve(stdin: 'ignore' | 'pipe'): ChildProcess {
  const words = ['gossip', 'serve', '--members=2', '--bind=127.77.9.1:7946', '--quiet'];
  const argv = [PROGRAM, ...words, `--control=${control}`];
  const server = spawn(process.execPath, argv, { stdio: [stdin, 'pipe', 'inherit'] });
  started.push(server);
  return server;
}

/** Resolves when the server has said so. */
async function said(server: ChildProcess, text: string): Promise<void> {
  let output = '';
  for await (const piece of server.stdout!.iterator({ destroyOnReturn: false })) {
    output += String(piece);
    if (output.includes(text)) return;
  }
  expect(output).toContain(text);
}

const runningCount = async (): Promise<unknown> =>
  ((await askServer(control, ['status'])).data as { running: number }).running;

test('goes on when there is nothing to read, as under systemd, and ends by a signal', async () => {
  const server = serve('ignore');
  await said(server, '2 members listen');
  expect(await runningCount()).toBe(2);
  server.kill('SIGTERM');
  expect(await once(server, 'exit')).toEqual([0, null]);
  await expect(runningCount()).rejects.toThrow('ENOENT');
});

test('obeys a pipe, outlives its end, and ends when it is told to quit', async () => {
  const server = serve('pipe');
  server.stdin!.end('kill node-1\n');
  await said(server, 'node-1 was killed');
  expect(await runningCount()).toBe(1);
  expect(await askServer(control, ['quit'])).toMatchObject({ isDone: true });
  expect(await once(server, 'exit')).toEqual([0, null]);
});
