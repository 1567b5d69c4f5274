/**
 * Everything that the transitions of all members work on. The functions in the files beside this
 * one take it first; `Swim` is its face to the outside.
 */
import type { DrawKey } from '../sim/chance.ts';
import type { EventHandle } from '../sim/event-queue.ts';
import type { World } from '../sim/world.ts';
import type { SwimConfig } from './constants.ts';
import { Counters } from './counters.ts';
import type { SwimDelegate } from './delegate.ts';
import { Awareness } from './detection/awareness.ts';
import { CertainProbes } from './detection/certain-probes.ts';
import { LateAcks } from './detection/late-acks.ts';
import { Probes } from './detection/probes.ts';
import { Suspicions } from './detection/suspicion.ts';
import { Broadcasts } from './dissemination/broadcasts.ts';
import { SolePlan } from './dissemination/sole-gossip.ts';
import { grown } from './members/grown.ts';
import { Members } from './members/members.ts';
import { Rings } from './members/rings.ts';
import { Reason, Unrest } from './members/unrest.ts';
import { Views } from './members/views.ts';
import type { Part, Rumor } from './message.ts';
import { vsnOf } from './protocol-versions.ts';
import type { Tickers } from './tickers.ts';
import type { Backlog } from './transport/backlog.ts';
import type { Measured } from './transport/compression.ts';
import { Dialects, DialectUnderlay } from './transport/dialects.ts';
import { Flights } from './transport/flights.ts';
import type { RunInstants } from './transport/starvation.ts';
import type { GossipUnderlay } from './underlay.ts';

/** Hears of every datagram when it is sent; `arrivalNs` is -1 for one that will be lost. */
export type OnDatagram = (
  from: number,
  to: number,
  parts: readonly Part[],
  hasCrc: boolean,
  sentAtNs: number,
  arrivalNs: number,
) => void;

/** Typed events: the first operand is the member whose process handles them. */
export interface EventKinds {
  readonly pushPull: number;
  readonly probeTimeout: number;
  readonly probeDeadline: number;
  readonly arrival: number;
  readonly asked: number;
  readonly relayTimeout: number;
  readonly suspicion: number;
  readonly batch: number;
}

/** Keys of chance, by what is drawn. */
export interface DrawKeys {
  readonly start: DrawKey;
  readonly gossip: DrawKey;
  readonly indirect: DrawKey;
  readonly pushPull: DrawKey;
  readonly stagger: DrawKey;
  readonly starvation: DrawKey;
}

/** An indirect ping on behalf of somebody (`handleIndirectPing`). */
export interface Relay {
  readonly requester: number;
  readonly seqNo: number;
  readonly wantsNack: boolean;
  readonly handle: EventHandle;
}

/** What a state is made of. */
export interface StateParts {
  readonly world: World;
  readonly config: SwimConfig;
  readonly underlay: GossipUnderlay;
  readonly delegate: SwimDelegate | undefined;
  readonly shortcuts: boolean;
}

/** The state of all members. */
export class State {
  readonly world: World;
  readonly config: SwimConfig;
  underlay: GossipUnderlay;
  delegate: SwimDelegate | undefined = undefined;
  /** Whether alive messages are asked about before they count: no shortcuts then. */
  hasGuards = false;
  /** Whether acks carry something or somebody hears of them: no shortcuts of probes then. */
  hasPingDelegate = false;
  readonly dialects: Dialects;
  /** The version bytes of members with the cluster's configuration. */
  readonly vsn: Uint8Array;
  readonly shortcuts: boolean;
  onDatagram: OnDatagram | undefined = undefined;

  readonly unrest = new Unrest();
  readonly members = new Members(this.unrest);
  readonly views = new Views(this.unrest);
  readonly rings: Rings;
  readonly awareness = new Awareness(this.unrest);
  readonly counters = new Counters();
  readonly broadcasts = new Broadcasts(this.unrest);
  readonly probes: Probes;
  readonly suspicions: Suspicions;
  readonly certain = new CertainProbes();
  readonly lateAcks: LateAcks;
  readonly keys: DrawKeys;
  gossipTickers!: Tickers;
  probeTickers!: Tickers;
  kinds!: EventKinds;

  /** The configurations that are not the cluster's. */
  readonly #ownConfigs = new Map<number, SwimConfig>();
  readonly #aliveRumors: (Rumor | undefined)[] = [];
  /** Own incarnation counters (`m.incarnation`). */
  incarnations = new Uint32Array(0);
  seqNos = new Uint32Array(0);
  hasLeft = new Uint8Array(0);
  /** The next push/pull. */
  pushPullHandles = new Float64Array(0);
  pushPullCounts = new Uint32Array(0);
  streamCounts = new Uint32Array(0);
  /** How many push/pulls a process answers now (`pushPullReq`); none for most. */
  readonly pushPullsAnswered = new Map<number, number>();
  /** Bytes of all entries that are agreed on, in a push/pull. */
  agreedBytes = { version: -1, bytes: 0 };
  readonly relays = new Map<number, Map<number, Relay>>();
  readonly backlogs = new Map<number, Backlog>();
  /** Members that are starved of CPU; it outlasts their processes. */
  readonly starved = new Map<number, RunInstants>();
  readonly measured: Measured = { packetBytesOf: new WeakMap(), streamBytesOf: new Map() };
  readonly flights = new Flights();
  /** Whether any member has a name that lets a lone message shrink; see `hasCompressibleName`. */
  hasCompressibleNames = false;
  /** Scratch of random choices. */
  readonly chosen: number[] = [];
  /** Scratch of packets that are being filled. */
  readonly parts: Part[] = [];
  /** Scratch of gossip ticks. */
  readonly plan = new SolePlan();
  /** Whom a swept member will probe, when its tick was not passed; -1 for nobody. */
  readonly passed = { prober: -1, target: -1 };

  constructor(parts: StateParts, suspicionKind: number) {
    this.world = parts.world;
    this.config = parts.config;
    this.dialects = new Dialects(parts.config);
    this.underlay = this.dialects.isUniform
      ? parts.underlay
      : new DialectUnderlay(parts.underlay, this.dialects);
    this.vsn = vsnOf(parts.config);
    this.hasGuards = parts.config.cidrsAllowed !== undefined;
    this.setDelegate(parts.delegate);
    this.shortcuts = parts.shortcuts;
    const chance = parts.world.chance;
    this.rings = new Rings(this.views, chance.key('swim.shuffle'), chance.key('swim.insert'));
    this.probes = new Probes();
    this.lateAcks = new LateAcks(this.counters, parts.config);
    this.suspicions = new Suspicions(parts.world.queue, suspicionKind);
    this.keys = {
      start: chance.key('swim.start'),
      gossip: chance.key('swim.gossip'),
      indirect: chance.key('swim.indirect'),
      pushPull: chance.key('swim.pushPull'),
      stagger: chance.key('swim.stagger'),
      starvation: chance.key('swim.starvation'),
    };
  }

  /** Sets the delegate, and what follows from what it has. */
  setDelegate(delegate: SwimDelegate | undefined): void {
    this.delegate = delegate;
    this.hasPingDelegate =
      delegate?.ackPayload !== undefined || delegate?.notifyPingComplete !== undefined;
    this.hasGuards ||= delegate?.notifyAlive !== undefined;
  }

  /** Whether nobody wants to hear of pings, acks and their packets, and these are as usual. */
  get passesProbes(): boolean {
    if (this.hasPingDelegate || this.members.hasAddressNames) return false;
    return this.shortcuts && this.onDatagram === undefined;
  }

  /** Whether every entry of a push/pull is looked at, even those that both sides agree on. */
  get exchangesWholeLists(): boolean {
    const wantsList = this.delegate?.notifyMerge !== undefined;
    return this.hasGuards || this.members.hasMixedVersions || wantsList;
  }

  /** The virtual instant, in ns. */
  get nowNs(): number {
    return this.world.queue.nowNs;
  }

  /** Whether all members have the cluster's configuration. */
  get isAlike(): boolean {
    return this.#ownConfigs.size === 0;
  }

  /** The member's configuration. */
  configOf(member: number): SwimConfig {
    if (this.#ownConfigs.size === 0) return this.config;
    return this.#ownConfigs.get(member) ?? this.config;
  }

  /** Gives the member a configuration of its own. */
  setConfig(member: number, config: SwimConfig): void {
    this.#ownConfigs.set(member, config);
    this.dialects.set(member, config);
    this.hasGuards ||= config.cidrsAllowed !== undefined;
    this.unrest.set(member, Reason.ownConfig);
  }

  /** Who lives where the observer believes that the subject is. */
  residentFor(observer: number, subject: number): number {
    if (this.members.isOneToOne) return subject;
    return this.members.residentOf(this.views.factOf(observer, subject));
  }

  /** Whether the member has anything to spread. */
  hasBroadcasts(member: number): boolean {
    return this.unrest.has(member, Reason.broadcasts | Reason.delegate);
  }

  /** Makes room for members up to `capacity`. */
  grow(capacity: number): void {
    this.unrest.grow(capacity);
    this.views.grow(capacity);
    this.rings.grow(capacity);
    this.awareness.grow(capacity);
    this.counters.grow(capacity);
    this.broadcasts.grow(capacity);
    this.probes.grow(capacity);
    this.suspicions.grow(capacity);
    this.incarnations = grown(this.incarnations, capacity);
    this.seqNos = grown(this.seqNos, capacity);
    this.hasLeft = grown(this.hasLeft, capacity);
    this.gossipTickers.grow(capacity);
    this.probeTickers.grow(capacity);
    this.pushPullHandles = grown(this.pushPullHandles, capacity);
    this.pushPullCounts = grown(this.pushPullCounts, capacity);
    this.streamCounts = grown(this.streamCounts, capacity);
  }

  /** An alive rumor that was made before, if it says the same. */
  knownAliveRumor(subject: number, incarnation: number, fact: number): Rumor | undefined {
    const rumor = this.#aliveRumors[subject];
    return rumor?.incarnation === incarnation && rumor.fact === fact ? rumor : undefined;
  }

  /** Remembers an alive rumor. */
  rememberAliveRumor(rumor: Rumor): void {
    this.#aliveRumors[rumor.subject] = rumor;
  }
}
