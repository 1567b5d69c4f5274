/**
 * Live members paced by the real clock: the event queue's virtual instant is the time since the
 * start, and what is due is run when it is due or when something arrives.
 */

import type { SwimConfig } from '../../gossip/constants.ts';
import type { LiveAddress, LiveMember } from '../../gossip/live/live-member.ts';
import { LiveMembers } from '../../gossip/live/live-members.ts';
import { SERF_META, SERF_VSN } from '../../gossip/live/serf-intent.ts';
import { Observed } from '../../gossip/observed.ts';
import type { ObservationKind } from '../../sim/observations.ts';
import { World } from '../../sim/world.ts';
import type { Keyring } from '../../wire/memberlist/encrypt.ts';
import { DOCKER_VSN } from '../../wire/memberlist/message.ts';
import { MemberSockets, type SocketCounters } from './member-sockets.ts';

const NS_PER_MS = 1e6;
/** The queue is looked at this often even if nothing is due: timers of a process may be late. */
const IDLE_MS_MAX = 1000;
/**
 * A process that was late catches up in steps, and reads its sockets between them: otherwise the
 * deadline of a probe would pass before its ack could be read.
 */
const STEP_NS_MAX = 50 * NS_PER_MS;

/** Settings of a server. */
export interface LiveServerInit {
  readonly memberCount: number;
  /** Of the first member; the others follow. */
  readonly first: LiveAddress;
  /** True: each member has its own address and all have one port; false: the reverse. */
  readonly hasOwnAddresses: boolean;
  readonly config: SwimConfig;
  readonly keyring: Keyring | undefined;
  /** Looks like serf agents: versions, tags and the intent to leave. */
  readonly isSerf: boolean;
  readonly seed: string;
  readonly namePrefix?: string;
}

/** What a member has come to hold of a node. */
export interface LiveEvent {
  readonly atNs: number;
  readonly what: 'suspects' | 'dead' | 'left' | 'alive' | 'trusts' | 'refutes' | 'conflict';
  /** The member's name. */
  readonly observer: string;
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
];

/** See the module comment. */
export class LiveServer {
  readonly live: LiveMembers;
  readonly #world: World;
  readonly #onEvent: (event: LiveEvent) => void;
  readonly #sockets: MemberSockets;
  /** The real instant of virtual 0; until the members run, virtual time stands still. */
  #startedAt: bigint | undefined = undefined;
  #catchUp: NodeJS.Immediate | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isRunning = false;
  #isClosed = false;

  /** `onEvent` hears of every change after the start. */
  constructor(init: LiveServerInit, onEvent: (event: LiveEvent) => void) {
    this.#world = new World(init.seed);
    const { label } = init.config;
    this.#sockets = new MemberSockets(
      {
        nowNs: () => this.#world.nowNs,
        onPacket: (index, messages, from) => {
          this.#run(() => this.live.receivePacket(this.live.members[index]!, messages, from));
        },
        onStream: (index, request, reply) => {
          this.#run(() => this.live.receiveStream(this.live.members[index]!, request, reply));
        },
        onAnswer: (handle) => this.#run(handle),
      },
      { keyring: init.keyring, label },
    );
    this.live = new LiveMembers(this.#world, this.#sockets, init.isSerf);
    const digits = String(init.memberCount - 1).length;
    for (let i = 0; i < init.memberCount; i++) {
      const { address, port } = init.first;
      this.live.add({
        name: `${init.namePrefix ?? 'node-'}${String(i).padStart(digits, '0')}`,
        address: init.hasOwnAddresses ? address + i : address,
        port: init.hasOwnAddresses ? port : port + i,
        config: init.config,
        meta: init.isSerf ? SERF_META : new Uint8Array(0),
        vsn: init.isSerf ? SERF_VSN : DOCKER_VSN,
      });
    }
    this.#onEvent = onEvent;
  }

  /** What the sockets have counted. */
  get counters(): Readonly<SocketCounters> {
    return this.#sockets.counters;
  }

  /** Opens all sockets and starts the members, which know each other. */
  async listen(): Promise<void> {
    const { members } = this.live;
    await Promise.all(members.map((member) => this.#sockets.open(member.index, member)));
    this.#run(() => {
      for (const member of [...members]) this.live.start(member);
      this.live.establish();
    });
    this.#startedAt = process.hrtime.bigint();
    this.#hearEvents();
    this.#arm();
  }

  /** Kills a member: its sockets close and it says nothing. */
  crash(member: LiveMember): void {
    this.#run(() => this.live.crash(member));
    this.#sockets.close(member.index);
  }

  /** Makes a member leave; resolves when it has stopped. */
  async leave(member: LiveMember): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#run(() => this.live.leave(member, resolve));
    });
    this.#sockets.close(member.index);
  }

  /** Starts a stopped member again; resolves to what went wrong when it joined `through` another. */
  async restart(member: LiveMember, through: LiveAddress): Promise<string | undefined> {
    await this.#sockets.open(member.index, member);
    return this.join(
      this.#run(() => this.live.start(member)),
      through,
    );
  }

  /** Joins through whoever listens there; resolves to what went wrong. */
  join(member: LiveMember, to: LiveAddress): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#run(() => this.live.join(member, to, resolve));
    });
  }

  /** Ends everything without a word. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#catchUp);
    for (const { index } of this.live.members) this.#sockets.close(index);
  }

  #hearEvents(): void {
    for (const [kind, what] of EVENTS) {
      this.#world.observations.subscribe(kind, ({ atNs, node, text }) => {
        const observer = this.live.members[node]!.name;
        if (observer !== text || what === 'refutes') {
          this.#onEvent({ atNs, what, observer, subject: text });
        }
      });
    }
  }

  #elapsedNs(): number {
    return this.#startedAt === undefined ? 0 : Number(process.hrtime.bigint() - this.#startedAt);
  }

  /** Runs what is due, or a step of it, then the action. */
  #run<T>(action: () => T): T {
    if (this.#isRunning) return action();
    this.#isRunning = true;
    try {
      const { queue } = this.#world;
      queue.runUntil(Math.min(this.#elapsedNs(), queue.nowNs + STEP_NS_MAX));
      return action();
    } finally {
      this.#isRunning = false;
      this.#arm();
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed || this.#startedAt === undefined) return;
    clearImmediate(this.#catchUp);
    if (this.#elapsedNs() - this.#world.nowNs > STEP_NS_MAX) {
      this.#catchUp = setImmediate(() => this.#run(() => {}));
      return;
    }
    const leftMs = (this.#world.queue.nextAtNs - this.#elapsedNs()) / NS_PER_MS;
    const delayMs = Math.min(IDLE_MS_MAX, Math.max(0, Math.ceil(leftMs)));
    this.#timer = setTimeout(() => this.#run(() => {}), delayMs);
  }
}
