/**
 * One transcript per rule of membership: `testdata/*.txt` holds commands, `----`, and all that the
 * members observed, sent or hold. With `REWRITE=1` in the environment the files are rewritten.
 */

import { testTranscripts } from '../sim/testing/transcript.ts';
import { parseDuration, SECOND_NS } from '../sim/time.ts';
import { DOCKER_VSN, MessageType, type PacketMessage } from '../wire/memberlist/message.ts';
import { LAN, PROFILES } from './constants.ts';
import { Counter } from './counters.ts';
import type { SwimDelegate } from './delegate.ts';
import { MemberState } from './members/views.ts';
import type { Part } from './message.ts';
import { TestCluster } from './testing/test-cluster.ts';

const STATE_NAMES = new Map(Object.entries(MemberState).map(([name, state]) => [state, name]));
const TYPE_NAMES = new Map<number, string>(
  Object.entries(MessageType).map(([name, type]) => [type, name]),
);

type Command = (words: readonly string[], options: ReadonlyMap<string, string>) => void;

class Script {
  #cluster = new TestCluster({ seed: 'none', count: 0 });
  #sinceNs = 0;
  #lines: string[] = [];

  readonly #commands: Readonly<Record<string, Command>> = {
    cluster: (_words, options) => this.#start(options),
    run: ([span]) => this.#cluster.run(parseDuration(span!)!),
    crash: ([a]) => this.#cluster.swim.crash(Number(a)),
    start: ([a], options) => {
      const address = options.get('address');
      const at = address === undefined ? undefined : { address: Number(address) };
      this.#cluster.swim.start(Number(a), at);
    },
    join: ([a, b]) => {
      this.#cluster.swim.join(Number(a), [Number(b)], (ok) => this.#say(`${a} join ${ok}`));
    },
    leave: ([a]) => {
      const { swim } = this.#cluster;
      swim.leave(Number(a), 5 * SECOND_NS, () => this.#say(`${a} has left and stopped`));
    },
    update: ([a, meta]) => this.#cluster.swim.updateMeta(Number(a), Uint8Array.of(Number(meta))),
    pause: ([a]) => this.#cluster.swim.pause(Number(a)),
    resume: ([a]) => this.#cluster.swim.resume(Number(a)),
    starve: ([a], options) => {
      const lateNs = parseDuration(options.get('late')!)!;
      this.#cluster.swim.starve(Number(a), {
        late: { kind: 'uniform', minNs: lateNs, maxNs: lateNs },
        shareRatio: 1,
        windowNs: SECOND_NS / 10,
      });
    },
    relieve: ([a]) => this.#cluster.swim.relieve(Number(a)),
    cut: ([a, b, protocol]) => {
      this.#cluster.swim.beforeUnderlayChange();
      this.#cluster.underlay.cut(Number(a), Number(b), (protocol ?? 'all') as 'all');
    },
    heal: ([a, b]) => {
      this.#cluster.swim.beforeUnderlayChange();
      this.#cluster.underlay.heal(Number(a), Number(b));
    },
    send: (words, options) => this.#send(words, options),
    packets: ([onOff]) => {
      const hook = (from: number, to: number, parts: readonly Part[]): void => {
        this.#say(`${from} > ${to} ${parts.map(textOfPart).join(', ')}`);
      };
      this.#cluster.swim.setOnDatagram(onOff === 'on' ? hook : undefined);
    },
    show: ([a]) => this.#show(Number(a)),
    count: ([a, ...names]) => {
      const values = names.map(
        (name) =>
          `${name} ${this.#cluster.swim.counterOf(Number(a), Counter[name as keyof typeof Counter])}`,
      );
      this.#say(`${a} counts ${values.join(', ')}`);
    },
  };

  /** Runs the commands of a block; returns what was said. */
  block(commands: readonly string[]): string[] {
    this.#lines = [];
    for (const command of commands) {
      if (command.startsWith('#')) continue;
      const [verb, ...words] = command.split(' ');
      const options = new Map(
        words
          .filter((word) => word.includes('='))
          .map((word) => word.split('=') as [string, string]),
      );
      this.#commands[verb!]!(words, options);
    }
    return this.#lines;
  }

  #start(options: ReadonlyMap<string, string>): void {
    const count = Number(options.get('count') ?? 5);
    const config = { ...(PROFILES[options.get('config') ?? 'lan'] ?? LAN) };
    const reclaim = options.get('reclaim');
    const cluster = new TestCluster({
      seed: options.get('seed') ?? 'transcript',
      count,
      config:
        reclaim === undefined
          ? config
          : { ...config, deadNodeReclaimTimeNs: parseDuration(reclaim)! },
      startAtNs: (member) => member * 0.037 * SECOND_NS,
    });
    this.#cluster = cluster;
    cluster.run(2 * SECOND_NS);
    for (let i = 1; i < count; i++) cluster.swim.join(i, [0]);
    cluster.run(8 * SECOND_NS);
    this.#sinceNs = cluster.world.nowNs;
    cluster.swim.setDelegate(this.#delegate());
    cluster.world.observations.subscribe(undefined, ({ kind, node, a, b }) => {
      this.#say(`${node} ${kind.name.slice('membership.'.length)} ${a} at ${b}`);
    });
  }

  #delegate(): SwimDelegate {
    return {
      notifyJoin: (observer, subject) => this.#say(`${observer} notifyJoin ${subject}`),
      notifyLeave: (observer, subject) => this.#say(`${observer} notifyLeave ${subject}`),
      notifyUpdate: (observer, subject) => this.#say(`${observer} notifyUpdate ${subject}`),
      getBroadcasts: () => [],
      notifyMessage: () => {},
      encode: () => new Uint8Array(0),
      localState: () => undefined,
      mergeRemoteState: () => {},
    };
  }

  #send(words: readonly string[], options: ReadonlyMap<string, string>): void {
    const [to, type, subject, incarnation] = words;
    const { swim } = this.#cluster;
    const node = swim.nameOf(Number(subject));
    const from = swim.nameOf(Number(options.get('from') ?? subject));
    const common = { node, incarnation: Number(incarnation) };
    const meta = options.get('meta');
    const message: PacketMessage =
      type === 'alive'
        ? {
            ...common,
            type: MessageType.alive,
            addr: Number(options.get('address') ?? 0x0a00_0001 + Number(subject)),
            port: 7946,
            meta: meta === undefined ? undefined : Uint8Array.of(Number(meta)),
            vsn: DOCKER_VSN,
          }
        : { ...common, type: MessageType[type as 'suspect' | 'dead'], from };
    swim.receive(Number(to), Number(options.get('from') ?? subject), [message]);
  }

  #show(observer: number): void {
    const { swim } = this.#cluster;
    const known = swim.membersOf(observer).sort((a, b) => a - b);
    const held = known.map(
      (subject) =>
        `${subject} ${STATE_NAMES.get(swim.stateOf(observer, subject))} ` +
        `${swim.incarnationOf(observer, subject)}`,
    );
    const queue = swim.queueOf(observer).map(({ name }) => (name < 0 ? 'own address' : name));
    this.#say(
      `${observer} holds ${held.join(', ')}; health ${swim.awarenessOf(observer)}; ` +
        `queue ${queue.join(', ') || 'empty'}`,
    );
  }

  #say(text: string): void {
    const seconds = (this.#cluster.world.nowNs - this.#sinceNs) / SECOND_NS;
    this.#lines.push(`${seconds.toFixed(4)} ${text}`);
  }
}

function textOfPart(part: Part): string {
  const name = TYPE_NAMES.get(part.type)!;
  if (part.type === MessageType.user) return name;
  if ('seqNo' in part)
    return `${name} ${part.seqNo}${part.subject < 0 ? '' : ` of ${part.subject}`}`;
  const from = part.from === part.subject ? '' : ` from ${part.from}`;
  return `${name} ${part.subject} at ${part.incarnation}${from}`;
}

testTranscripts(new URL('./testdata/', import.meta.url), () => new Script());
