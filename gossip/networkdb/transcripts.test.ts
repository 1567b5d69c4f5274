/**
 * One transcript per rule of NetworkDB: `testdata/*.txt` holds commands, `----`, and all that the
 * nodes observed meanwhile. With `REWRITE=1` in the environment the files are rewritten.
 */
import { testTranscripts } from '../../sim/testing/transcript.ts';
import { parseDuration, SECOND_NS } from '../../sim/time.ts';
import { encodeGossipMessage } from '../../wire/networkdb/encode.ts';
import { type GossipMessage, GossipMessageType } from '../../wire/networkdb/message.ts';
import { bytesOfHex } from '../../wire/testing/frames.ts';
import { CountedKind } from './counters.ts';
import type { GenerationName } from './generation.ts';
import type { NetworkDb } from './network-db.ts';
import { FakeCluster } from './testing/fake-carrier.ts';
import { opaqueValue } from './testing/opaque-value.ts';

const TABLE = 'endpoint_table';
const EVENT_TYPES = { create: 1, update: 2, delete: 3, wrong: 9 } as const;

const nameOf = (node: number) => `node${String(node).padStart(8, '0')}`;

type Act = (words: readonly string[], first: number, second: number) => void;

/** Runs the commands of a transcript and tells what happened. */
class Script {
  #cluster = new FakeCluster({ seed: 'transcript', nodes: 0 });
  #lines: string[] = [];
  #hidden = new Set<string>(['networkdb.agreed', 'networkdb.bulkSync', 'networkdb.nodeActive']);

  block(commands: readonly string[]): string[] {
    this.#lines = [];
    for (const command of commands) if (!command.startsWith('#')) this.#execute(command);
    return this.#lines;
  }

  #say(text: string): void {
    const seconds = (this.#cluster.world.nowNs / SECOND_NS).toFixed(6);
    this.#lines.push(`${seconds} ${text}`);
  }

  #report(error: string | undefined): void {
    if (error !== undefined) this.#say(`error: ${error}`);
  }

  #execute(command: string): void {
    const [verb, ...words] = command.split(' ') as [string, ...string[]];
    const act = this.#faults[verb] ?? this.#acts[verb] ?? this.#views[verb];
    if (act === undefined) throw new Error(`unknown command ${command}`);
    act(words, Number(words[0]), Number(words[1]));
  }

  /** What the test can do to the cluster, by verb. */
  readonly #faults: Readonly<Record<string, Act>> = {
    cluster: (words) => this.#start(words),
    'show-kind': (words) => void this.#hidden.delete(`networkdb.${words[0]}`),
    'hide-kind': (words) => void this.#hidden.add(`networkdb.${words[0]}`),
    run: (words) => this.#cluster.run(parseDuration(words[0]!)!),
    cut: (words, a, b) => this.#cluster.cut(a, b, parseDuration(words[2]!)!),
    heal: (_words, a, b) => this.#cluster.heal(a, b),
    kill: (words, node) => this.#cluster.kill(node, parseDuration(words[1]!)!),
    start: (_words, node, place) => this.#cluster.start(node, place),
    alive: (_words, observer, subject) => this.#cluster.join(observer, subject),
    dead: (_words, observer, subject) => this.#cluster.fail(observer, subject),
    pause: (_words, node) => this.#cluster.setPaused(node, true),
    resume: (_words, node) => this.#cluster.setPaused(node, false),
    drop: (words) => void this.#cluster.dropped.add(words.join(' ')),
    refuse: () => {
      this.#cluster.refuses = true;
    },
    undrop: (words) => void this.#cluster.dropped.delete(words.join(' ')),
  };

  /** What a daemon does, by verb. */
  readonly #acts: Readonly<Record<string, Act>> = {
    attach: (words, node) => this.#report(this.#db.joinNetwork(node, words[1]!)),
    'attach-many': (words, node) => {
      for (let i = 0; i < Number(words[1]); i++)
        this.#report(this.#db.joinNetwork(node, `net${i}`));
    },
    detach: (words, node) => this.#report(this.#db.leaveNetwork(node, words[1]!)),
    create: (words, node) => this.#write('createEntry', node, words),
    update: (words, node) => this.#write('updateEntry', node, words),
    delete: (words, node) => this.#report(this.#db.deleteEntry(node, TABLE, words[1]!, words[2]!)),
    'create-many': (words, node) => {
      for (let i = 0; i < Number(words[2]); i++) {
        this.#write('createEntry', node, [words[0]!, words[1]!, `k${i}`]);
      }
    },
    watch: (_words, node) => this.#watch(node),
    inject: (words) => this.#inject(words),
    'inject-network': (words) => this.#injectNetwork(words),
    'inject-node': (words) => this.#injectNode(words),
    bytes: (words, node) => this.#db.notifyBytes(node, bytesOfHex(words[1] ?? '')),
    'notify-join': (_words, observer, subject) => this.#db.notifyJoin(observer, subject),
    close: (_words, node) => this.#db.close(node, () => this.#say(`node ${node} closed`)),
    'cluster-join': (_words, node, place) => {
      const bootstrap = [{ address: 0x0a00_0001 + place, port: 0 }];
      this.#db.join(node, bootstrap, (ok) => this.#say(`node ${node} join ${ok}`));
    },
  };

  /** What a daemon can be asked, by verb. */
  readonly #views: Readonly<Record<string, Act>> = {
    entries: (words, node) => this.#entries(node, words[1]!),
    has: (words, node) => {
      const value = this.#db.entryOf(node, TABLE, words[1]!, words[2]!);
      this.#say(`node ${node} ${value === undefined ? 'lacks' : 'has'} ${words[2]}`);
    },
    peers: (words, node) => {
      this.#say(
        `node ${node} peers of ${words[1]}: ${this.#db.peersOf(node, words[1]!).join(' ')}`,
      );
    },
    'cluster-peers': (_words, node) => {
      const [active, failed] = [this.#db.clusterPeersOf(node), this.#db.failedPeersOf(node)];
      this.#say(`node ${node} active ${active.join(' ')}, failed ${failed.join(' ') || 'none'}`);
    },
    clocks: (_words, node) => {
      const clocks = this.#db.clocksOf(node);
      this.#say(`node ${node} clocks: network ${clocks.network} table ${clocks.table}`);
    },
    malformed: (_words, node) => {
      this.#say(`node ${node} has dropped ${this.#db.counters.malformedOf(node)} messages`);
    },
    gossiped: (_words, node) => {
      const count = this.#db.counters.messagesOf(node, CountedKind.tableGossip);
      this.#say(`node ${node} has sent ${count} gossip packets`);
    },
    dials: (_words, node) => {
      this.#say(`node ${node} has dialled ${this.#cluster.dialCounts.get(node) ?? 0} times`);
    },
    sent: (words, node) => {
      const kind = words[1] as keyof typeof CountedKind;
      const count = this.#db.counters.messagesOf(node, CountedKind[kind]);
      this.#say(`node ${node} has sent ${count} ${kind}`);
    },
    stats: (words, node) => this.#say(String(this.#db.statsLine(node, words[1]!))),
    networkstats: (words, node) => this.#say(JSON.stringify(this.#db.statsOf(node, words[1]!))),
  };

  get #db(): NetworkDb {
    return this.#cluster.db;
  }

  #write(verb: 'createEntry' | 'updateEntry', node: number, words: readonly string[]): void {
    const value = { ...opaqueValue(10), text: words[3] ?? '' };
    this.#report(this.#db[verb](node, TABLE, words[1]!, words[2]!, value));
  }

  #start(words: readonly string[]): void {
    const options = new Map(words.map((word) => word.split('=') as [string, string]));
    const generation = (options.get('generation') ?? '1').split(',').map((name) => {
      return (name.includes('.') ? name : Number(name)) as GenerationName;
    });
    const nodes = Number(options.get('nodes') ?? 3);
    const spacingNs = parseDuration(options.get('spacing') ?? '37ms')!;
    this.#cluster = new FakeCluster({ seed: 'transcript', nodes, generation, spacingNs });
    const { db, world } = this.#cluster;
    world.observations.subscribe(undefined, ({ kind, node, a, b, text }) => {
      if (this.#hidden.has(kind.name)) return;
      const name = kind.name.slice('networkdb.'.length);
      if (name === 'event' || name === 'dropped' || name === 'agreed') {
        const subject = db.entrySubject(a)!;
        const what = `${subject.networkId}/${subject.key} ltime ${b}`;
        this.#say(`node ${node} ${name} ${what}${text === '' ? '' : ` ${text}`}`);
      } else if (name.startsWith('network')) {
        this.#say(`node ${node} ${name} ${db.networkIdOf(b)} of ${a}`);
      } else if (name === 'warning') {
        this.#say(`node ${node} warning ${text}`);
      } else if (name === 'inSync') {
        this.#say(`node ${node} inSync ${db.networkIdOf(b)}`);
      } else {
        this.#say(`node ${node} ${name} ${a}${text === '' ? '' : ` ${b} bytes ${text}`}`);
      }
    });
  }

  #watch(node: number): void {
    this.#cluster.db.watch(node, {}, (event) => {
      const value = (event.value as { text?: string }).text ?? '';
      const { kind, networkId, key, owner } = event;
      this.#say(`node ${node} watch ${kind} ${networkId}/${key} "${value}" of ${owner}`);
    });
  }

  /** inject <to> <network> <key> <type> <ltime> <owner> <residual>: gossip of the owner */
  #inject(words: readonly string[]): void {
    this.#send(Number(words[0]), {
      type: GossipMessageType.tableEvent,
      event: EVENT_TYPES[words[3] as keyof typeof EVENT_TYPES],
      ltime: Number(words[4]),
      nodeName: nameOf(Number(words[5])),
      networkId: words[1]!,
      tableName: TABLE,
      key: words[2]!,
      value: new Uint8Array(10),
      residualReapTime: Number(words[6] ?? 0),
    });
  }

  /** inject-network <to> <network> <type> <ltime> <owner> */
  #injectNetwork(words: readonly string[]): void {
    this.#send(Number(words[0]), {
      type: GossipMessageType.networkEvent,
      event: words[2] === 'leave' ? 2 : 1,
      ltime: Number(words[3]),
      nodeName: nameOf(Number(words[4])),
      networkId: words[1]!,
    });
  }

  /** inject-node <to> <type> <ltime> <subject> */
  #injectNode(words: readonly string[]): void {
    this.#send(Number(words[0]), {
      type: GossipMessageType.nodeEvent,
      event: words[1] === 'leave' ? 2 : 1,
      ltime: Number(words[2]),
      nodeName: nameOf(Number(words[3])),
    });
  }

  #send(to: number, message: GossipMessage): void {
    this.#db.notifyBytes(to, encodeGossipMessage(message));
  }

  #entries(node: number, network: string): void {
    const entries = this.#cluster.db.entriesOf(node, TABLE, network);
    const texts = entries.map(({ key, owner, ltime, value }) => {
      return `${key}="${(value as { text?: string }).text ?? ''}" of ${owner} ltime ${ltime}`;
    });
    this.#say(`node ${node} entries of ${network}: ${texts.join(', ') || 'none'}`);
  }
}

testTranscripts(new URL('./testdata/', import.meta.url), () => new Script());
