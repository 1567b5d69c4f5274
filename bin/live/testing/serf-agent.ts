/**
 * What tests of live members share: a server in the test's process, a real serf agent beside it, and
 * waiting for what either of them tells.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { LAN } from '../../../gossip/constants.ts';
import { formatHostPort } from '../../../wire/host-address.ts';
import { type LiveEvent, LiveServer, type LiveServerInit } from '../live-server.ts';

/** Whether there is a serf to test with. */
export const hasSerf = spawnSync('serf', ['version']).status === 0;

/** On loopback, and nothing else of a machine uses it. */
const FIRST_ADDRESS = 0x7f4d_0001;
/** How long anything may take on a machine that others use. */
const DEADLINE_MS = 60_000;
const POLL_MS = 50;

const run = promisify(execFile);

/** Everything that happened in one test, who waits for something to happen, and what must end. */
export class Happenings {
  readonly events: LiveEvent[] = [];
  /** What agents have logged. */
  readonly lines: string[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #closers: (() => void)[] = [];

  /** Starts members, ten that wait for whoever comes unless told otherwise. */
  async serve(settings: Partial<LiveServerInit> = {}): Promise<LiveServer> {
    const init = {
      memberCount: 10,
      bind: { address: FIRST_ADDRESS, port: await freePort() },
      hasOwnAddresses: true,
      config: LAN,
      keyring: undefined,
      peers: 'auto' as const,
      seed: '1',
      ...settings,
    };
    const server = new LiveServer(init, (event) => this.#add(() => this.events.push(event)));
    this.#closers.push(() => server.close());
    await server.listen();
    return server;
  }

  /** Starts an agent named `real`, which joins the first member. */
  async startSerf(server: LiveServer, ...words: string[]): Promise<SerfAgent> {
    const agent = new SerfAgent(await freePort(), await freePort(), [
      `-join=${addressText(server)}`,
      ...words,
    ]);
    this.#closers.push(() => agent.kill('SIGKILL'));
    agent.onLines((lines) => this.#add(() => this.lines.push(...lines)));
    return agent;
  }

  /** Resolves when it is so; rejects at the deadline, telling what was waited for. */
  async until(what: string, isSo: () => boolean, deadlineMs = DEADLINE_MS): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timeout);
        clearInterval(poll);
        this.#waiting.splice(this.#waiting.indexOf(check), 1);
        settle();
      };
      const check = (): void => {
        if (isSo()) end(resolve);
      };
      const tail = (): string => this.lines.slice(-20).join('\n');
      const fail = (): void => end(() => reject(new Error(`not in time: ${what}\n${tail()}`)));
      const timeout = setTimeout(fail, deadlineMs);
      const poll = setInterval(() => check(), POLL_MS); // counters tell nobody that they change
      this.#waiting.push(check);
      check();
    });
  }

  /** How many members have come to hold that of the subject. */
  countOf(what: LiveEvent['what'], subject: string): number {
    return this.events.filter((event) => event.what === what && event.subject === subject).length;
  }

  /** True when an agent has logged that. */
  has(text: string): boolean {
    return this.lines.some((line) => line.includes(text));
  }

  /** Forgets what was heard. */
  forget(): void {
    this.events.length = 0;
    this.lines.length = 0;
  }

  /** Ends all that was started. */
  close(): void {
    for (const close of this.#closers.splice(0)) close();
  }

  #add(change: () => void): void {
    change();
    for (const check of [...this.#waiting]) check();
  }
}

/** A running serf agent. */
export class SerfAgent {
  /** The flag that says where it listens, for another that takes its place. */
  readonly bind: string;
  readonly #process: ChildProcess;
  readonly #port: number;
  readonly #rpc: string;

  constructor(port: number, rpcPort: number, words: readonly string[]) {
    this.#port = port;
    this.#rpc = `-rpc-addr=127.0.0.1:${rpcPort}`;
    this.bind = `-bind=127.0.0.1:${port}`;
    const argv = ['agent', '-node=real', this.bind, this.#rpc];
    this.#process = spawn('serf', [...argv, '-log-level=debug', ...words]);
  }

  /** Hears what the agent logs. */
  onLines(hear: (lines: readonly string[]) => void): void {
    let rest = '';
    const take = (piece: Buffer): void => {
      const pieces = (rest + String(piece)).split('\n');
      rest = pieces.pop()!;
      hear(pieces);
    };
    this.#process.stdout!.on('data', take);
    this.#process.stderr!.on('data', take);
  }

  /** What the agent holds of its members. */
  async members(): Promise<Map<string, string>> {
    const { members } = JSON.parse(await this.ask('members', '-format=json')) as {
      members: { name: string; status: string }[];
    };
    return new Map(members.map(({ name, status }) => [name, status]));
  }

  /** Datagrams that its host has dropped so far, because the agent did not read them in time. */
  async droppedCount(): Promise<number> {
    const local = `:${this.#port.toString(16).toUpperCase().padStart(4, '0')} `;
    const lines = (await readFile('/proc/net/udp', 'utf8')).split('\n');
    const ownLine = lines.find((line) => line.includes(local));
    return Number(ownLine?.trim().split(/\s+/).at(-1));
  }

  /** What one of serf's commands prints. */
  async ask(command: string, ...words: string[]): Promise<string> {
    const { stdout } = await run('serf', [command, this.#rpc, ...words]);
    return stdout;
  }

  /** Sends a signal; an agent leaves on SIGINT. */
  kill(signal: 'SIGINT' | 'SIGKILL'): void {
    this.#process.kill(signal);
  }
}

/** Where the first member listens. */
function addressText(server: LiveServer): string {
  const { address, port } = server.live.members[0]!;
  return formatHostPort(address, port);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
