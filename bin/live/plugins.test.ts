/**
 * Real plugin processes on unix sockets for simulated hosts, and a sample plugin as a real process.
 * `npm test` has built the program.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { loadScenario } from '../../scenarios/load.ts';
import { collectPlugin, pluginAttacher } from '../plugin-flags.ts';

const PROGRAM = new URL('../../dist/bin/swarmlab.js', import.meta.url).pathname;

const home = mkdtempSync(join(tmpdir(), 'swarmlab-plugins-'));
const socket = join(home, 'plugin.sock');
const scenario = join(home, 'x.yaml');
writeFileSync(scenario, 'name: x\ncluster: { managers: 1 }\nuntil: 10s\n');
const started: ChildProcess[] = [];
afterEach(() => {
  for (const server of started.splice(0)) server.kill('SIGKILL');
  rmSync(socket, { force: true });
});
afterAll(() => rmSync(home, { recursive: true }));

/** Starts a process that says a word when it listens. */
async function start(argv: readonly string[]): Promise<ChildProcess> {
  const server = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(server);
  await once(server.stdout!, 'data');
  return server;
}

/** What a line prints on the node with a plugin at the socket. */
function type(line: string) {
  const plugins = ['--plugin', `acme=${socket}`, '--plugin', `gone=${home}/gone.sock`];
  const argv = [PROGRAM, 'exec', scenario, 'manager-1', ...plugins, '--', 'sh', '-c', line];
  const { stdout, stderr, status } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  return { lines: stdout.trimEnd().split('\n'), stderr, status };
}

/** A driver and address manager that says what it was asked, and gives out 10.9.0.2, 10.9.0.3, … */
const PLUGIN = `
  const { createServer } = require('node:http');
  let count = 0;
  const answers = {
    'Plugin.Activate': () => ({ Implements: ['NetworkDriver', 'IpamDriver'] }),
    'NetworkDriver.GetCapabilities': () => ({ Scope: 'local' }),
    'IpamDriver.GetDefaultAddressSpaces': () =>
      ({ LocalDefaultAddressSpace: 'l', GlobalDefaultAddressSpace: 'g' }),
    'IpamDriver.RequestPool': () => ({ PoolID: 'p', Pool: '10.9.0.0/24' }),
    'IpamDriver.RequestAddress': () => ({ Address: '10.9.0.' + ++count + '/24' }),
    'NetworkDriver.CreateNetwork': ({ Options }) =>
      Options['com.docker.network.generic'].colour === 'red' ? { Err: 'red is sold out' } : {},
    'NetworkDriver.Join': ({ EndpointID }) =>
      ({ InterfaceName: { SrcName: 'acme' + EndpointID.slice(0, 7), DstPrefix: 'eth' } }),
  };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (piece) => (text += piece));
    request.on('end', () => {
      const answer = answers[request.url.slice(1)] ?? (() => ({}));
      response.end(JSON.stringify(answer(text === '' ? {} : JSON.parse(text))));
    });
  });
  server.listen(process.argv[1], () => console.log('at', server.address().port));
`;

test('a network of a real plugin: its addresses, its refusals, and containers that reach each other', async () => {
  await start(['-e', PLUGIN, socket]);
  const { lines, stderr, status } = type(
    'docker network create -d gone net; docker network create -d acme -o colour=red net; ' +
      'docker network create -d acme --ipam-driver acme net; ' +
      'docker run -d --name a1 --network net nginx; docker run -d --name b1 --network net nginx; ' +
      'docker exec a1 ip -br addr show dev eth0; docker exec a1 ping -c 1 10.9.0.3',
  );
  // nobody listens there, which dockerd says after 15 s that nobody has waited for
  expect(stderr).toContain(`dial unix ${home}/gone.sock: connect: no such file or directory`);
  expect(stderr).toContain('remote: red is sold out');
  expect(lines.slice(0, 3).map((line) => line.length)).toEqual([64, 64, 64]);
  expect(lines[3]).toMatch(/^eth0@if\d+ +UP +10\.9\.0\.2\/24/);
  expect(lines.join('\n')).toContain('1 received, 0% packet loss');
  expect(status).toBe(0);
});

test('a plugin at a TCP port, in a run that is shown and explained', async () => {
  const server = spawn(process.execPath, ['-e', PLUGIN, '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(server);
  const [data] = await once(server.stdout!, 'data');
  const port = /at (\d+)/.exec(String(data))![1];
  const file = join(home, 'plugged.yaml');
  const lines = ['network create -d acme net', 'run -d --name a1 --network net nginx'];
  lines.push('run -d --name b1 --network net nginx');
  const docker = lines.map((line) => `        - ${line}\n`).join('');
  const timeline = `timeline:\n  - at: 1s\n    docker:\n      manager-1:\n${docker}`;
  writeFileSync(file, `name: x\ncluster: { managers: 1 }\n${timeline}until: 10s\n`);
  const plugin = ['--plugin', `acme=tcp://127.0.0.1:${port}`];
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...words, ...plugin, file], { encoding: 'utf8' }).stdout;
  expect(run('show', 'ip-link', 'manager-1', '--at', '9s')).toMatch(/plp-[0-9a-f]{11}/);
  const packet = run(
    'explain',
    'packet',
    '--from',
    'manager-1/a1',
    '--to',
    'manager-1/b1:80',
    '--at',
    '9s',
  );
  expect(packet).toMatch(/1\. SYN .* delivered to b1 on manager-1/);
});

test('a sample plugin as a process: over HTTP, and for a simulated docker', async () => {
  const server = await start([PROGRAM, 'plugin', 'serve', 'infoblox', '--socket', socket]);
  const answer = await new Promise<string>((resolve) => {
    const path = '/Plugin.Activate';
    request({ socketPath: socket, path, method: 'POST' }, (response) => {
      response.on('data', (piece) => resolve(String(piece)));
    }).end();
  });
  expect(JSON.parse(answer)).toEqual({ Implements: ['IpamDriver'] });
  const create =
    'docker network create --ipam-driver acme --ipam-opt network-container=10.3.0.0/16';
  const { lines } = type(`${create} one && ${create} two; docker network inspect two`);
  expect(lines.join('\n')).toContain('"Subnet": "10.3.1.0/24"');
  server.kill('SIGTERM');
  expect(await once(server, 'exit')).toEqual([0, null]);
});

test('what cannot be: nodes that there are not, digests of what the seed does not decide', () => {
  const { loaded } = loadScenario(scenario, (path) => readFileSync(path, 'utf8'));
  const flags = collectPlugin(`acme@manager-2=${socket}`, []);
  expect(flags).toEqual([{ name: 'acme', nodes: 'manager-2', place: { socketPath: socket } }]);
  expect(() => pluginAttacher(loaded!, flags)).toThrow("unknown node 'manager-2'");
  expect(() => collectPlugin('acme', [])).toThrow('such as acme=/run/acme.sock or acme=tcp://');
  const argv = [PROGRAM, 'run', scenario, '--check-determinism', '--plugin', `acme=${socket}`];
  const run = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  expect(run.stderr).toContain('what a real plugin says is not decided by the seed');
  expect(run.status).toBe(2);
});
