/**
 * Live members on real sockets, paced by the real clock.
 */
import type { SwimConfig } from '../../gossip/constants.ts';
import type {
  LiveAddress,
  LiveCounters,
  LiveMember,
  PeerKind,
} from '../../gossip/live/live-member.ts';
import { LiveMembers } from '../../gossip/live/live-members.ts';
import type { Answers, Question } from '../../gossip/live/serf/asking.ts';
import { SERF_KEYS_CHANGED } from '../../gossip/live/serf/key-queries.ts';
import { SERF_QUERY_HEARD } from '../../gossip/live/serf/queries.ts';
import { SERF_EVENT_HEARD } from '../../gossip/live/serf/user-events.ts';
import { Observed } from '../../gossip/observed.ts';
import { assert } from '../../sim/assert.ts';
import type { ObservationKind } from '../../sim/observations.ts';
import { World } from '../../sim/world.ts';
import { readU32, writeU32 } from '../../wire/bytes.ts';
import { hostAddressBytes, hostAddressOf } from '../../wire/host-address.ts';
import { Keyring } from '../../wire/memberlist/encrypt.ts';
import { LoopbackEcho } from './loopback-echo.ts';
import { MemberSockets, type SocketCounters } from './member-sockets.ts';
import { PacedClock } from './paced-clock.ts';

/** Settings of a server. */
export interface LiveServerInit {
  readonly memberCount: number;
  /** Where the first member listens; the others follow. */
  readonly bind: LiveAddress;
  /** Where others find the first member, if not there. */
  readonly advertise?: LiveAddress;
  /** True: each member has its own address and all have one port; false: the reverse. */
  readonly hasOwnAddresses: boolean;
  readonly config: SwimConfig;
  /** What each member's own ring begins with. */
  readonly keyring: Keyring | undefined;
  /** Hears of the first member's ring when its keys have changed. */
  readonly onKeys?: (keyring: Keyring) => void;
  readonly peers: PeerKind;
  readonly seed: string;
  readonly namePrefix?: string;
}

/** What a member has come to hold of a node, or has heard. */
export interface LiveEvent {
  readonly atNs: number;
  readonly what:
    | 'suspects'
    | 'dead'
    | 'left'
    | 'alive'
    | 'trusts'
    | 'refutes'
    | 'conflict'
    | 'event'
    | 'query';
  /** The member's name. */
  readonly observer: string;
  /** A node's name; of an event or query its own, with an event's payload. */
  readonly subject: string;
}

const EVENTS: readonly (readonly [ObservationKind, LiveEvent['what']])[] = [
  [Observed.suspect, 'suspects'],
  [Observed.dead, 'dead'],
  [Observed.left, 'left'],
  [Observed.alive, 'alive'],
  [Observed.trusted, 'trusts'],
  [Observed.refute, 'refutes'],
  [Observed.conflict, 'conflict'],
  [SERF_EVENT_HEARD, 'event'],
  [SERF_QUERY_HEARD, 'query'],
];

/** See the module comment. */
export class LiveServer {
  readonly live: LiveMembers;
  readonly #world: World;
  readonly #bindOf: (index: number) => LiveAddress;
  readonly #onEvent: (event: LiveEvent) => void;
  readonly #onKeys: (keyring: Keyring) => void;
  readonly #sockets: MemberSockets;
  readonly #echo = new LoopbackEcho();
  readonly #clock: PacedClock;

  /** `onEvent` hears of every change after the start. */
  constructor(init: LiveServerInit, onEvent: (event: LiveEvent) => void) {
    this.#world = new World(init.seed);
    this.#clock = new PacedClock(this.#world.queue, this.#echo);
    this.#sockets = new MemberSockets({
      nowNs: () => this.#world.nowNs,
      onPacket: (index, messages, from) => {
        this.#clock.run(() => this.live.receivePacket(this.live.members[index]!, messages, from));
      },
      onStream: (index, request, reply) => {
        this.#clock.run(() => this.live.receiveStream(this.live.members[index]!, request, reply));
      },
      onAnswer: (handle) => this.#clock.run(handle),
    });
    this.live = new LiveMembers(this.#world, this.#sockets, init.peers, ({ index }) => {
      this.#sockets.close(index);
    });
    const { bind, advertise = bind, hasOwnAddresses, config } = init;
    this.#bindOf = (index) => addressAfter(bind, index, hasOwnAddresses);
    const digits = String(init.memberCount - 1).length;
    for (let i = 0; i < init.memberCount; i++) {
      this.live.add({
        name: `${init.namePrefix ?? 'node-'}${String(i).padStart(digits, '0')}`,
        ...addressAfter(advertise, i, hasOwnAddresses),
        config,
        keyring: init.keyring === undefined ? undefined : copyOf(init.keyring),
      });
    }
    this.#onEvent = onEvent;
    this.#onKeys = init.onKeys ?? (() => {});
  }

  /** What was sent, received and dropped. */
  get counters(): Readonly<SocketCounters & LiveCounters> {
    return { ...this.#sockets.counters, ...this.live.counters };
  }

  /** The most by which members have been late since the start, ns. */
  get lateNsMax(): number {
    return this.#clock.lateNsMax;
  }

  /** Time since the start that did not pass for members, because they had too much to do, ns. */
  get lostNs(): number {
    return this.#clock.lostNs;
  }

  /** Time since the start, ns. */
  get nowNs(): number {
    return this.#clock.elapsedNs();
  }

  /** Opens all sockets and starts the members, which know each other. */
  async listen(): Promise<void> {
    const { members } = this.live;
    await Promise.all([this.#echo.open(), ...members.map((member) => this.#open(member))]);
    for (const member of [...members]) this.live.start(member);
    this.live.establish();
    this.#hearEvents();
    this.#clock.start();
  }

  /** Kills a member: its sockets close and it says nothing. */
  crash(member: LiveMember): void {
    this.#clock.run(() => this.live.crash(member));
    this.#sockets.close(member.index);
  }

  /** Makes a member leave; resolves when it has stopped. */
  async leave(member: LiveMember): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#clock.run(() => this.live.leave(member, resolve));
    });
    this.#sockets.close(member.index);
  }

  /** Starts a stopped member again; resolves to what went wrong when it joined `through` another. */
  async restart(member: LiveMember, through: LiveAddress): Promise<string | undefined> {
    await this.#open(member);
    return this.join(
      this.#clock.run(() => this.live.start(member)),
      through,
    );
  }

  /** Joins through whoever listens there; resolves to what went wrong. */
  join(member: LiveMember, to: LiveAddress): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#clock.run(() => this.live.join(member, to, resolve));
    });
  }

  /** Makes a member stand still, as a stopped process does: its host still takes what arrives. */
  pause(member: LiveMember): void {
    this.#sockets.pause(member.index);
    this.#clock.run(() => this.live.pause(member));
  }

  /** Lets a paused member go on. */
  resume(member: LiveMember): void {
    this.#clock.run(() => this.live.resume(member));
    this.#sockets.resume(member.index);
  }

  /** Tells the others a member's new meta; the text of what forbids it. */
  update(member: LiveMember, meta: Uint8Array): string | undefined {
    return this.#clock.run(() => this.live.update(member, meta));
  }

  /** Makes a user event of serf's at a member; the text of what forbids it. */
  sendUserEvent(member: LiveMember, name: string, payload: Uint8Array): string | undefined {
    return this.#clock.run(() => this.live.sendUserEvent(member, name, payload));
  }

  /** Changes the ring of every member; the texts of what forbids it at some. */
  changeKeys(method: 'add' | 'use' | 'remove', key: Uint8Array): string[] {
    const { members } = this.live;
    const errors = members.flatMap(({ keyring }) => keyring?.[method](key) ?? []);
    const first = members[0]?.keyring;
    if (errors.length === 0 && first !== undefined) this.#onKeys(first);
    return errors;
  }

  /** Makes a query of serf's at a member; resolves to the answers, or to what forbids it. */
  async ask(member: LiveMember, question: Question): Promise<Answers | string> {
    return new Promise((resolve) => {
      const error = this.#clock.run(() => this.live.ask(member, question, resolve));
      if (error !== undefined) resolve(error);
    });
  }

  /** Ends everything without a word. */
  close(): void {
    this.#clock.stop();
    this.#echo.close();
    for (const { index } of this.live.members) this.#sockets.close(index);
  }

  #open({ index, config, keyring }: LiveMember): Promise<void> {
    return this.#sockets.open({ index, at: this.#bindOf(index), config, keyring });
  }

  #hearEvents(): void {
    this.#world.observations.subscribe(SERF_KEYS_CHANGED, ({ node }) => {
      if (node === 0) this.#onKeys(this.live.members[0]!.keyring!);
    });
    for (const [kind, what] of EVENTS) {
      this.#world.observations.subscribe(kind, ({ atNs, node, text }) => {
        const observer = this.live.members[node]!.name;
        if (observer !== text || what === 'refutes') {
          this.#onEvent({ atNs, what, observer, subject: text });
        }
      });
    }
  }
}

function addressAfter(
  { address, port }: LiveAddress,
  index: number,
  hasOwnAddresses: boolean,
): LiveAddress {
  if (!hasOwnAddresses) return { address, port: port + index };
  if (typeof address === 'number') return { address: address + index, port };
  const bytes = hostAddressBytes(address);
  writeU32(bytes, 12, readU32(bytes, 12) + index);
  return { address: hostAddressOf(bytes)!, port };
}

function copyOf({ keys, primary }: Keyring): Keyring {
  const copy = Keyring.of(keys, primary ?? new Uint8Array(0));
  assert(typeof copy !== 'string', 'the keys of a ring make a ring');
  return copy;
}
