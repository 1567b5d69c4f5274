/**
 * Test support: the commands of membership's transcripts. Members are numbers; what they observe and
 * what their delegate hears is said with the seconds since the cluster stood.
 */
import { MILLISECOND_NS, parseDuration, SECOND_NS } from '../../sim/time.ts';
import { formatIp, type IpAddress, parseIp, parseIpPrefix } from '../../wire/ip-address.ts';
import { DOCKER_VSN, MessageType, type PacketMessage } from '../../wire/memberlist/message.ts';
import { bytesOfHex } from '../../wire/testing/frames.ts';
import { LAN, PROFILES, type SwimConfig } from '../constants.ts';
import { Counter } from '../counters.ts';
import type { OnJoined } from '../delegate.ts';
import { MEMBERLIST_VERSIONS } from '../memberlist-version.ts';
import { MemberState } from '../members/entries.ts';
import { type Part, wireAddressOf } from '../message.ts';
import type { OnDatagram } from '../state.ts';
import type { Swim } from '../swim.ts';
import { ScriptDelegate } from './script-delegate.ts';
import { TestCluster } from './test-cluster.ts';

const STATE_NAMES = new Map(Object.entries(MemberState).map(([name, state]) => [state, name]));
const TYPE_NAMES = new Map<number, string>(
  Object.entries(MessageType).map(([name, type]) => [type, name]),
);

type Options = ReadonlyMap<string, string>;
type Command = (words: readonly string[], options: Options) => void;

/** See the module comment. */
export class SwimScript {
  #cluster = new TestCluster({ seed: 'none', count: 0 });
  readonly #delegate = new ScriptDelegate((text) => this.#say(text));
  #sinceNs = 0;
  #lines: string[] = [];

  readonly #commands: Readonly<Record<string, Command>> = {
    cluster: (_words, options) => this.#start(options),
    add: () => this.#say(`${this.#cluster.add()} starts`),
    run: ([span]) => this.#cluster.run(parseDuration(span!)!),
    crash: ([a]) => this.#swim.crash(Number(a)),
    start: ([a], options) => {
      const address = options.get('address');
      this.#swim.start(
        Number(a),
        address === undefined ? undefined : { address: addressOf(address) },
      );
    },
    join: ([a, ...seeds], options) => {
      const onJoined: OnJoined = (ok, _nowNs, joinedCount) => {
        const share = seeds.length === 1 ? '' : `, ${joinedCount} of ${seeds.length}`;
        this.#say(`${a} join ${ok}${share}`);
      };
      for (let i = Number(options.get('count') ?? 1); i > 0; i--) {
        this.#swim.join(Number(a), seeds.map(Number), onJoined, options.has('named'));
      }
    },
    leave: ([a], options) => {
      const timeoutNs = parseDuration(options.get('timeout') ?? '5s')!;
      this.#swim.leave(Number(a), timeoutNs, (_nowNs, isTold) => {
        this.#say(`${a} has left and stopped${isTold ? '' : ', untold'}`);
      });
    },
    update: ([a, meta], options) => {
      const timeoutNs = parseDuration(options.get('timeout') ?? '0s')!;
      this.#swim.updateMeta(Number(a), Uint8Array.of(Number(meta)), timeoutNs, (_, isTold) => {
        this.#say(`${a} update ${isTold ? 'told' : 'untold'}`);
      });
    },
    pause: ([a]) => this.#swim.pause(Number(a)),
    block: ([a]) => this.#swim.block(Number(a)),
    resume: ([a]) => this.#swim.resume(Number(a)),
    starve: ([a], options) => {
      const waitNs = parseDuration(options.get('wait')!)!;
      const wait = { kind: 'uniform', minNs: waitNs, maxNs: waitNs } as const;
      this.#swim.starve(Number(a), { wait, shareRatio: 1, burstNs: SECOND_NS });
    },
    relieve: ([a]) => this.#swim.relieve(Number(a)),
    keyring: ([a, keys]) => this.#swim.setKeyring(Number(a), (keys ?? '').split(',')),
    cut: (words) => this.#cut(words),
    heal: ([a, b]) => {
      this.#swim.beforeUnderlayChange();
      this.#cluster.underlay.heal(Number(a), Number(b));
    },
    send: ([to, ...words], options) => {
      const from = Number(options.get('from') ?? words[1]);
      const parts = words.join(' ').split(' + ');
      const messages = parts.map((part) => messageOf(this.#swim, part.split(' '), options));
      this.#swim.receive(Number(to), from, messages);
    },
    bytes: ([to, hex], options) => {
      const bytes = bytesOfHex(hex!);
      this.#swim.receiveBytes(Number(to), Number(options.get('from')), bytes);
    },
    broadcast: ([a, bytes], options) => {
      const messages = Array.from({ length: Number(options.get('count') ?? 1) }, (_, number) => ({
        number,
        sizeBytes: Number(bytes),
      }));
      this.#delegate.broadcasts.set(Number(a), messages);
      this.#swim.wakeGossip(Number(a));
    },
    user: ([a, b, bytes, protocol]) => {
      const message = { sizeBytes: Number(bytes) };
      if (protocol !== 'tcp') this.#swim.sendBestEffort(Number(a), Number(b), message);
      else {
        this.#swim.sendReliable(Number(a), Number(b), message, (ok) => {
          this.#say(`${a} sent to ${b}: ${ok}`);
        });
      }
    },
    state: ([a, bytes]) => this.#delegate.stateBytes.set(Number(a), Number(bytes)),
    refuse: ([what, a, b]) => {
      this.#delegate.refuse(what!, Number(a), Number(b));
      this.#swim.setDelegate(this.#delegate);
    },
    acks: ([bytes]) => {
      this.#delegate.watchPings(Number(bytes));
      this.#swim.beforeUnderlayChange();
      this.#swim.setDelegate(this.#delegate);
    },
    packets: ([onOff], options) => {
      const hook: OnDatagram = (from, to, parts) => {
        const isMeant =
          (options.get('from') ?? String(from)) === String(from) &&
          (!options.has('type') || parts.some(({ type }) => isNamed(type, options.get('type')!)));
        if (!isMeant) return;
        this.#say(`${from} > ${to} ${textOfParts(parts)}`);
      };
      this.#swim.setOnDatagram(onOff === 'on' ? hook : undefined);
    },
    show: ([a]) => this.#show(Number(a)),
    ring: ([a]) => this.#say(`${a} lists ${this.#swim.membersOf(Number(a)).join(' ')}`),
    queue: ([a]) => {
      const waiting = this.#swim.queueOf(Number(a)).map(({ rumor, transmits }) => {
        return `${textOfParts([rumor])}, ${rumor.sizeBytes} bytes, sent ${transmits}`;
      });
      this.#say(`${a} queues ${waiting.join('; ') || 'nothing'}`);
    },
    members: ([a]) => {
      const observer = Number(a);
      const nodeCount = this.#swim.estimatedCount(observer);
      this.#say(`${a} has ${this.#swim.numMembers(observer)} members in ${nodeCount} nodes`);
    },
    count: ([a, ...names]) => {
      const values = names.map((name) => {
        const counter = Counter[name as keyof typeof Counter];
        return `${name} ${this.#swim.counterOf(Number(a), counter)}`;
      });
      this.#say(`${a} counts ${values.join(', ')}`);
    },
  };

  get #swim(): Swim {
    return this.#cluster.swim;
  }

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
      this.#commands[verb!]!(
        words.filter((word) => !word.includes('=')),
        options,
      );
    }
    return this.#lines;
  }

  #start(options: Options): void {
    const count = Number(options.get('count') ?? 5);
    const cluster = new TestCluster({
      seed: options.get('seed') ?? 'transcript',
      count,
      config: { ...PROFILES[options.get('config') ?? 'lan']!, ...tunedBy(options, '') },
      isIpv6: options.get('addresses') === 'ipv6',
      ...(options.get('names') === 'addresses' ? { nameOf: nameByAddress } : {}),
      configOf: (member) => tunedBy(options, `${member}.`),
      startAtNs: (member) => member * 0.037 * SECOND_NS,
    });
    this.#cluster = cluster;
    cluster.run(2 * SECOND_NS);
    // one after the other: who joins within the time of an answer does not hear of each other
    for (let i = 1; i < count; i++) {
      cluster.swim.join(i, [0]);
      cluster.run(MILLISECOND_NS);
    }
    cluster.run(8 * SECOND_NS - (count - 1) * MILLISECOND_NS);
    this.#sinceNs = cluster.world.nowNs;
    cluster.swim.setDelegate(this.#delegate);
    cluster.world.observations.subscribe(undefined, ({ kind, node, a, b, text }) => {
      const reason = text === '' ? '' : `: ${text}`;
      this.#say(`${node} ${kind.name.slice('membership.'.length)} ${a} at ${b}${reason}`);
    });
  }

  /** Cuts one direction between two members, or every direction. */
  #cut(words: readonly string[]): void {
    this.#swim.beforeUnderlayChange();
    const isAll = words[0] === 'all';
    const protocol = (words[isAll ? 1 : 2] ?? 'all') as 'all';
    const all = Array.from({ length: this.#swim.memberCount }, (_, i) => i);
    for (const a of isAll ? all : [Number(words[0])]) {
      for (const b of isAll ? all : [Number(words[1])]) {
        if (a !== b) this.#cluster.underlay.cut(a, b, protocol);
      }
    }
  }

  #show(observer: number): void {
    const swim = this.#swim;
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

  /** Says it with the instant; what is said again and again is said once, and how often. */
  #say(text: string): void {
    const seconds = (this.#cluster.world.nowNs - this.#sinceNs) / SECOND_NS;
    const line = `${seconds.toFixed(4)} ${text}`;
    const last = this.#lines.at(-1);
    const count = last === line ? 1 : Number(last?.match(/ \((\d+) times\)$/)?.[1] ?? 0);
    const isAgain = count > 0 && last!.replace(/ \(\d+ times\)$/, '') === line;
    if (isAgain) this.#lines[this.#lines.length - 1] = `${line} (${count + 1} times)`;
    else this.#lines.push(line);
  }
}

/** Tunables among the options: fields of the configuration behind `prefix`, without their units. */
function tunedBy(options: Options, prefix: string): Partial<SwimConfig> {
  const config: Record<string, unknown> = {};
  for (const [field, usual] of Object.entries(LAN)) {
    const text = options.get(prefix + field.replace(/Ns$/, ''));
    if (text === undefined) continue;
    if (field === 'memberlist') config[field] = MEMBERLIST_VERSIONS.find((v) => v.text === text);
    else if (field === 'cidrsAllowed') config[field] = text.split(',').map(parseIpPrefix);
    else if (field.endsWith('Ns')) config[field] = parseDuration(text);
    else if (Array.isArray(usual)) config[field] = text === '' ? [] : text.split(',');
    else if (typeof usual === 'number') config[field] = Number(text);
    else config[field] = typeof usual === 'boolean' ? text === 'true' : text;
  }
  if (Array.isArray(config['keyring'])) config['hasKeyring'] = config['keyring'].length > 0;
  return config as Partial<SwimConfig>;
}

/**
 * The message of `<type> <subject or number> [<incarnation>]`; several go in one packet with ` + `
 * between.
 */
function messageOf(swim: Swim, words: readonly string[], options: Options): PacketMessage {
  const [type, number, incarnation] = words;
  switch (type) {
    case 'ack':
    case 'nack':
      return type === 'ack'
        ? { type: MessageType.ack, seqNo: Number(number), payload: undefined }
        : { type: MessageType.nack, seqNo: Number(number) };
    case 'ping': {
      const node = options.get('node');
      return {
        type: MessageType.ping,
        seqNo: Number(number),
        node: node === undefined ? '' : swim.nameOf(Number(node)),
        sourceAddr: 0,
        sourcePort: 0,
        sourceNode: '',
      };
    }
  }
  const common = { node: swim.nameOf(Number(number)), incarnation: Number(incarnation) };
  if (type !== 'alive') {
    const from = swim.nameOf(Number(options.get('from') ?? number));
    return { ...common, type: MessageType[type as 'suspect' | 'dead'], from };
  }
  const meta = options.get('meta');
  const vsn = options.get('vsn');
  return {
    ...common,
    type: MessageType.alive,
    addr: wireAddressOf(addressOf(options.get('address') ?? String(0x0a00_0001 + Number(number)))),
    port: 7946,
    meta: meta === undefined ? undefined : Uint8Array.of(Number(meta)),
    vsn: vsn === undefined ? DOCKER_VSN : bytesOf(vsn),
  };
}

/** Called like its address, as few are. */
function nameByAddress(_member: number, address: IpAddress): string {
  return formatIp(address);
}

/** An address of either family as text, or as its number. */
function addressOf(text: string): IpAddress {
  return parseIp(text) ?? Number(text);
}

/** Bytes with commas between; no bytes are none at all. */
function bytesOf(text: string): Uint8Array | undefined {
  return text === '' ? undefined : Uint8Array.from(text.split(',').map(Number));
}

function isNamed(type: number, names: string): boolean {
  return names.split(',').includes(TYPE_NAMES.get(type)!);
}

/** The parts of a packet; so many user messages in a row are counted. */
function textOfParts(parts: readonly Part[]): string {
  const texts: string[] = [];
  let userCount = 0;
  for (const part of parts) {
    if (part.type === MessageType.user) userCount++;
    else texts.push(textOfPart(part));
  }
  if (userCount > 0) texts.push(userCount === 1 ? 'user' : `${userCount} user messages`);
  return texts.join(', ') || 'nothing that could be read';
}

function textOfPart(part: Exclude<Part, { readonly type: typeof MessageType.user }>): string {
  const name = TYPE_NAMES.get(part.type)!;
  if ('seqNo' in part) {
    return `${name} ${part.seqNo}${part.subject < 0 ? '' : ` of ${part.subject}`}`;
  }
  const from = part.from === part.subject ? '' : ` from ${part.from}`;
  return `${name} ${part.subject} at ${part.incarnation}${from}`;
}
