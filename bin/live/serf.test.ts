import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { LAN } from '../../gossip/constants.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import { Keyring } from '../../wire/memberlist/encrypt.ts';
import { type LiveEvent, LiveServer, type LiveServerInit } from './live-server.ts';

const hasSerf = spawnSync('serf', ['version']).status === 0;
/** Addresses on loopback that nothing else of a machine uses. */
const FIRST_OWN_ADDRESS = 0x7f4d_0001;
const SHARED_ADDRESS = 0x7f4d_0101;
const DEADLINE_MS = 30_000;
const OTHERS = 9;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Everything that happened, and who waits for something to happen. */
class Happenings {
  readonly events: LiveEvent[] = [];
  readonly lines: string[] = [];
  readonly #waiting: (() => void)[] = [];

  add(change: () => void): void {
    change();
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves when it is so; rejects at the deadline, telling what was waited for. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timeout);
        this.#waiting.splice(this.#waiting.indexOf(check), 1);
        settle();
      };
      const check = (): void => {
        if (isSo()) end(resolve);
      };
      const tail = (): string => this.lines.slice(-20).join('\n');
      const fail = (): void => end(() => reject(new Error(`not in time: ${what}\n${tail()}`)));
      const timeout = setTimeout(fail, DEADLINE_MS);
      this.#waiting.push(check);
      check();
    });
  }

  countOf(what: LiveEvent['what'], subject: string): number {
    return this.events.filter((event) => event.what === what && event.subject === subject).length;
  }

  has(text: string): boolean {
    return this.lines.some((line) => line.includes(text));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

async function serve(
  happenings: Happenings,
  settings: Partial<LiveServerInit> = {},
): Promise<LiveServer> {
  const init = {
    memberCount: 1 + OTHERS,
    bind: { address: FIRST_OWN_ADDRESS, port: await freePort() },
    hasOwnAddresses: true,
    config: LAN,
    keyring: undefined,
    peers: 'auto' as const,
    seed: '1',
    ...settings,
  };
  const server = new LiveServer(init, (event) => {
    happenings.add(() => happenings.events.push(event));
  });
  closers.push(() => server.close());
  await server.listen();
  return server;
}

interface Agent {
  readonly process: ChildProcess;
  readonly rpc: string;
}

async function startSerf(happenings: Happenings, join: string, ...words: string[]): Promise<Agent> {
  const rpc = `127.0.0.1:${await freePort()}`;
  const bind = `127.0.0.1:${await freePort()}`;
  const argv = ['agent', '-node=real', `-bind=${bind}`, `-rpc-addr=${rpc}`, `-join=${join}`];
  const agent = spawn('serf', [...argv, '-log-level=debug', ...words]);
  closers.push(() => agent.kill('SIGKILL'));
  let rest = '';
  const hear = (piece: Buffer): void => {
    const pieces = (rest + String(piece)).split('\n');
    rest = pieces.pop()!;
    happenings.add(() => happenings.lines.push(...pieces));
  };
  agent.stdout.on('data', hear);
  agent.stderr.on('data', hear);
  return { process: agent, rpc };
}

function serfMembers({ rpc }: Agent): Map<string, string> {
  const argv = ['members', `-rpc-addr=${rpc}`, '-format=json'];
  const { members } = JSON.parse(execFileSync('serf', argv, { encoding: 'utf8' })) as {
    members: { name: string; status: string }[];
  };
  return new Map(members.map(({ name, status }) => [name, status]));
}

function addressText(server: LiveServer): string {
  const { address, port } = server.live.members[0]!;
  return `${formatIpv4Address(address)}:${port}`;
}

describe.skipIf(!hasSerf)('a real serf agent among live members (needs serf)', () => {
  test('joins, lists them, sees one crash and one leave, and is itself found dead', async () => {
    const happenings = new Happenings();
    const server = await serve(happenings);
    const agent = await startSerf(happenings, addressText(server));
    await happenings.until('all know it', () => happenings.countOf('alive', 'real') === 1 + OTHERS);
    await happenings.until('it runs', () => happenings.has('agent: joined: 1 nodes'));
    const names = server.live.members.map(({ name }) => name);
    const listed = serfMembers(agent);
    expect([...listed.keys()].sort()).toEqual([...names, 'real'].sort());
    expect(new Set(listed.values())).toEqual(new Set(['alive']));

    await server.leave(server.live.memberOf('node-4')!);
    await happenings.until('it hears', () => happenings.has('EventMemberLeave: node-4'));
    server.crash(server.live.memberOf('node-3')!);
    await happenings.until('it notices', () => happenings.has('EventMemberFailed: node-3'));
    expect(serfMembers(agent).get('node-3')).toBe('failed');
    expect(serfMembers(agent).get('node-4')).toBe('left');
    // it was probed all the while, and it probed: nobody suspected anybody who ran
    const suspected = happenings.events.filter(({ what }) => what === 'suspects');
    expect(new Set(suspected.map(({ subject }) => subject))).toEqual(new Set(['node-3']));
    expect(server.counters).toMatchObject({ badPackets: 0, badStreams: 0 });
    const notAnswering = happenings.lines.filter((line) => /Failed (UDP )?ping/.test(line));
    expect(notAnswering.filter((line) => !line.includes('node-3'))).toEqual([]);

    agent.process.kill('SIGKILL');
    await happenings.until('they notice', () => happenings.countOf('dead', 'real') === OTHERS - 1);
  }, 40_000);

  test('encrypts with one key of the ring, has one port each, and leaves', async () => {
    const happenings = new Happenings();
    const [key, other] = [randomBytes(32), randomBytes(32)];
    const ring = Keyring.of([key, other], key);
    if (typeof ring === 'string') throw new Error(ring);
    const server = await serve(happenings, {
      memberCount: 3,
      bind: { address: SHARED_ADDRESS, port: 7946 },
      hasOwnAddresses: false,
      keyring: ring,
      config: { ...LAN, hasKeyring: true },
    });
    const encrypt = `-encrypt=${key.toString('base64')}`;
    const agent = await startSerf(happenings, addressText(server), encrypt);
    await happenings.until('all know it', () => happenings.countOf('alive', 'real') === 3);
    expect(server.counters).toMatchObject({ badPackets: 0, badStreams: 0 });
    agent.process.kill('SIGINT'); // an agent leaves on it
    await happenings.until('all hear it leave', () => happenings.countOf('left', 'real') === 3);
    expect(happenings.countOf('suspects', 'real')).toBe(0);
  }, 40_000);

  test("refuses members without serf's delegate versions", async () => {
    const happenings = new Happenings();
    const server = await serve(happenings, { peers: 'memberlist', memberCount: 2 });
    await startSerf(happenings, addressText(server));
    await happenings.until('it refuses', () =>
      happenings.has('delegate protocol version (0) is incompatible: [2, 0]'),
    );
    expect(happenings.countOf('alive', 'real')).toBe(0);
  }, 40_000);
});
