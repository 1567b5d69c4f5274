/**
 * Membership of all simulated members of a cluster: hashicorp/memberlist v0.4.0, the version in
 * Docker 20.10.24 to 28.5, as one machine.
 *
 * A member is an index, its facts are columns, its transitions are functions in the files beside
 * this one, named after upstream's. The machine is told the time by the event queue, asks the
 * underlay for the fate of every packet, and answers through observations and the delegate. With
 * shortcuts, what cannot change anything is not executed; everything that can be observed is the
 * same without.
 */
import { assert } from '../sim/assert.ts';
import type { SweepHandlers } from '../sim/queue/sweep.ts';
import type { World } from '../sim/world.ts';
import type { IpAddress } from '../wire/ip-address.ts';
import { sizeOfMessages } from '../wire/memberlist/compound.ts';
import type { PacketMessage } from '../wire/memberlist/message.ts';
import { decodePacket, PLAIN_RECEIVER } from '../wire/memberlist/packet.ts';
import { DOCKER, GOSSIP_PORT, META_MAX_SIZE, type SwimConfig } from './constants.ts';
import { Counter } from './counters.ts';
import type { OnJoined, OnResult, OnTold, SwimDelegate, UserMessage } from './delegate.ts';
import { restIfCalm, skipProbes } from './detection/calm.ts';
import { onAsked, revealProbes, tellProbes } from './detection/certain-probe.ts';
import {
  onProbeDeadline,
  onProbeTick,
  onProbeTimeout,
  onRelayTimeout,
  onSweptProbeTick,
  passProbeTick,
} from './detection/probe.ts';
import type { WaitingBroadcast } from './dissemination/broadcasts.ts';
import {
  armGossip,
  onGossipTick,
  onSweptGossipTick,
  passGossipTick,
} from './dissemination/gossip-tick.ts';
import {
  establish,
  joinSeeds,
  leaveCluster,
  relieve,
  resume,
  startMember,
  starve,
  stopMember,
  suspend,
  updateNode,
} from './lifecycle.ts';
import { memberConfigOf, withClockDrift } from './member-config.ts';
import { MemberState } from './members/entries.ts';
import { ProcessState } from './members/members.ts';
import { Reason } from './members/unrest.ts';
import { type Part, partOf } from './message.ts';
import { vsnOf } from './protocol-versions.ts';
import { onPushPullTimer, pushPullNode } from './push-pull.ts';
import { type OnDatagram, State } from './state.ts';
import { onSuspicionTimeout } from './state-table.ts';
import { Tickers } from './tickers.ts';
import { hasCompressibleName, isMeasured, packetMessageOf } from './transport/compression.ts';
import { DialectUnderlay } from './transport/dialects.ts';
import { sendUser } from './transport/packet.ts';
import { runInnerTimer, runTimer } from './transport/process.ts';
import { onArrival, receiveParts } from './transport/receive.ts';
import type { RunInstants, Starvation } from './transport/starvation.ts';
import { sendReliable } from './transport/stream.ts';
import { runFirstBatch } from './transport/wake.ts';
import type { GossipUnderlay } from './underlay.ts';

/** What the machine is made of. */
export interface SwimParts {
  readonly world: World;
  readonly underlay: GossipUnderlay;
  /** Docker's configuration unless given. */
  readonly config?: SwimConfig;
  readonly delegate?: SwimDelegate;
  /** False executes everything literally. */
  readonly shortcuts?: boolean;
}

/** A member to add. */
export interface MemberInit {
  /** Unique among all members ever; Docker draws 12 hexadecimal digits at every daemon start. */
  readonly name: string;
  readonly address: IpAddress;
  /** 7946 unless given. */
  readonly port?: number;
  /** When its process starts, ns; now unless given, and never for Infinity. */
  readonly startAtNs?: number;
  readonly meta?: Uint8Array;
  /** Where it differs from the cluster's configuration. */
  readonly config?: Partial<SwimConfig>;
  /** How much faster than true time its host's clock runs: 0.0001 for 100 ppm; above -1. */
  readonly clockDriftRatio?: number;
}

/** Where a member is found that is to be joined. */
export interface JoinAddress {
  readonly address: IpAddress;
  readonly port?: number;
}

/** Every member. */
const ALL = -1;
/** No member. */
const NOBODY = -1;

const IGNORE = (): void => {};

/** True when the configuration says already what is asked for. */
function isPartOf(differences: Partial<SwimConfig>, config: SwimConfig): boolean {
  return (Object.keys(differences) as (keyof SwimConfig)[]).every(
    (field) => differences[field] === config[field],
  );
}

/** All members of a cluster. */
export class Swim {
  readonly #state: State;

  constructor(parts: SwimParts) {
    const { queue } = parts.world;
    const suspicion = queue.registerKind((member, subject) => {
      if (!this.#state.suspicions.isOver(member, subject)) return;
      runInnerTimer(this.#state, member, () => {
        onSuspicionTimeout(this.#state, member, subject);
      });
    });
    const state = new State(
      {
        world: parts.world,
        underlay: parts.underlay,
        config: memberConfigOf(parts.config ?? DOCKER),
        delegate: parts.delegate,
        shortcuts: parts.shortcuts ?? true,
      },
      suspicion,
    );
    this.#state = state;
    const { gossipIntervalNs, probeIntervalNs } = state.config;
    state.gossipTickers = this.#tickers(gossipIntervalNs, onGossipTick, {
      pass: (member, atNs) => passGossipTick(state, member, atNs),
      fire: (member) => onSweptGossipTick(state, member),
    });
    state.probeTickers = this.#tickers(probeIntervalNs, onProbeTick, {
      pass: (member, atNs) => passProbeTick(state, member, atNs),
      fire: (member) => onSweptProbeTick(state, member),
      skip: (member, count) => skipProbes(state, member, count),
      onTurn: () => restIfCalm(state),
    });
    state.kinds = {
      suspicion,
      pushPull: queue.registerKind((member, wait) => onPushPullTimer(state, member, wait)),
      probeTimeout: queue.registerKind((member, seqNo) => onProbeTimeout(state, member, seqNo)),
      probeDeadline: queue.registerKind((member, seqNo) => onProbeDeadline(state, member, seqNo)),
      relayTimeout: queue.registerKind((member, seqNo) => onRelayTimeout(state, member, seqNo)),
      arrival: queue.registerKind((slot) => onArrival(state, slot)),
      asked: queue.registerKind((index) => onAsked(state, index)),
      batch: queue.registerKind((member) => runFirstBatch(state, member)),
    };
  }

  #tickers(
    intervalNs: number,
    onTick: (state: State, member: number) => void,
    handlers: SweepHandlers,
  ): Tickers {
    const { world, shortcuts } = this.#state;
    const kind = world.queue.registerKind((member) => onTick(this.#state, member));
    return new Tickers(world, intervalNs, kind, shortcuts ? handlers : undefined);
  }

  /** How many members were ever added. */
  get memberCount(): number {
    return this.#state.members.count;
  }

  /** Sets the delegate; for one that needs the machine to be made. */
  setDelegate(delegate: SwimDelegate): void {
    this.#state.setDelegate(delegate);
  }

  /** Calls `hook` for every datagram when it is sent; without shortcuts of probes from then on. */
  setOnDatagram(hook: OnDatagram | undefined): void {
    revealProbes(this.#state, ALL);
    this.#state.onDatagram = hook;
  }

  /** A datagram's parts in memberlist's own form, to be asked for when it is sent. */
  wireMessagesOf(sender: number, parts: readonly Part[]): PacketMessage[] {
    return parts.map((part) => packetMessageOf(this.#state, sender, part));
  }

  /** Adds a member and starts its process at its instant; returns its index. */
  addMember(init: MemberInit): number {
    const state = this.#state;
    const { address, port = GOSSIP_PORT, meta, clockDriftRatio = 0 } = init;
    state.probeTickers.endRest();
    const hasDifferences = init.config !== undefined && !isPartOf(init.config, state.config);
    const isAlike = !hasDifferences && clockDriftRatio === 0;
    const config = isAlike
      ? state.config
      : withClockDrift(memberConfigOf({ ...state.config, ...init.config }), clockDriftRatio);
    const vsn = isAlike ? state.vsn : vsnOf(config);
    const member = state.members.add(init.name, { address, port, meta, vsn });
    if (member >= state.incarnations.length) state.grow(Math.max(16, member * 2));
    if (!isAlike) this.#setConfig(member, config);
    if (isMeasured(state, member) && hasCompressibleName(state.members, member)) {
      state.hasCompressibleNames = true;
    }
    const startAtNs = init.startAtNs ?? state.nowNs;
    if (startAtNs === state.nowNs) startMember(state, member);
    else if (startAtNs !== Number.POSITIVE_INFINITY) {
      state.world.queue.scheduleCallback(startAtNs, () => startMember(state, member));
    }
    return member;
  }

  /** Gives a member a configuration of its own, and looks what that means for the others. */
  #setConfig(member: number, config: SwimConfig): void {
    const state = this.#state;
    revealProbes(state, ALL);
    const wasUniform = state.dialects.isUniform;
    state.setConfig(member, config);
    if (!wasUniform || state.dialects.isUniform) return;
    state.underlay = new DialectUnderlay(state.underlay, state.dialects);
  }

  /** The names of a member's keys, primary first; none for the one key that all have. */
  keyringOf(member: number): readonly string[] {
    return this.#state.configOf(member).keyring;
  }

  /** Gives a member another keyring, by the names of its keys, primary first. */
  setKeyring(member: number, keyring: readonly string[]): void {
    const config = this.#state.configOf(member);
    this.#setConfig(member, { ...config, keyring, hasKeyring: keyring.length > 0 });
  }

  /**
   * Starts the process of a member that has none: its first, or again under its old name, with
   * incarnation 1. A Docker daemon that restarts has a new name: add a member with its address.
   */
  start(member: number, at?: JoinAddress): void {
    const { members } = this.#state;
    assert(!members.isUp(member), `member ${member} runs already`);
    this.#state.probeTickers.endRest();
    if (at !== undefined) {
      const { address, port = GOSSIP_PORT } = at;
      members.setFact({ ...members.fact(members.currentFactOf(member)), address, port });
    }
    startMember(this.#state, member);
  }

  /**
   * Makes all running members know each other at incarnation 1, as if they had joined long ago; to be
   * called once, before anything else has happened. A large cluster needs it: its views are stored
   * once from then on. Members that never ran and have an instant in `startedAtNs` (ns, no more than a
   * push/pull interval ago) count as started then.
   */
  establish(startedAtNs?: Float64Array): void {
    establish(this.#state, startedAtNs);
  }

  /** Makes room for so many members at once. */
  reserve(memberCount: number): void {
    this.#state.members.reserve(memberCount);
    this.#state.grow(memberCount);
  }

  /**
   * Joins through the members at these addresses, one after the other; `areNamed` when it is told their
   * names with them (`name/host:port`).
   */
  join(
    member: number,
    seeds: readonly number[],
    onResult: OnJoined = IGNORE,
    areNamed = false,
  ): void {
    const { members } = this.#state;
    const residents = seeds.map((seed) => members.successorOf(seed));
    joinSeeds(this.#state, member, residents, areNamed, onResult);
  }

  /** Joins through whoever lives at an address. */
  joinAddress(member: number, address: IpAddress, port: number, onResult: OnResult): void {
    const state = this.#state;
    const { tcpTimeoutNs, requireNodeNames } = state.configOf(member);
    const to = state.members.residentAt(address, port === 0 ? GOSSIP_PORT : port);
    if (to >= 0 && !requireNodeNames) {
      pushPullNode(state, member, to, true, onResult);
      return;
    }
    const atNs = state.nowNs + (requireNodeNames ? 0 : tcpTimeoutNs);
    state.world.queue.scheduleCallback(atNs, () => {
      runTimer(state, member, (nowNs) => onResult(false, nowNs));
    });
  }

  /**
   * Leaves gracefully, waits for that to have been told (at most `timeoutNs`; 0 for as long as it
   * takes), and stops.
   */
  leave(member: number, timeoutNs: number, onDone: OnTold = IGNORE): void {
    if (this.#state.members.isUp(member)) leaveCluster(this.#state, member, timeoutNs, onDone);
  }

  /** Ends the process without a word. */
  crash(member: number): void {
    if (this.#state.members.isUp(member)) stopMember(this.#state, member);
  }

  /** Stops the process for a while: it handles nothing, its timers and packets wait. */
  pause(member: number): void {
    suspend(this.#state, member, ProcessState.paused);
  }

  /**
   * Blocks the process before it sends and after it receives, while its timers go on: the anomaly of
   * the experiments in the Lifeguard paper.
   */
  block(member: number): void {
    suspend(this.#state, member, ProcessState.blocked);
  }

  /** Lets a paused or blocked process go on. */
  resume(member: number): void {
    resume(this.#state, member);
  }

  /**
   * Starves the member of CPU until {@link relieve}, also the processes that it is still to start:
   * timers, packets and streams are handled late, in the order in which they became due. Returns
   * when that is, for what else is in the process.
   */
  starve(member: number, starvation: Starvation): RunInstants {
    return starve(this.#state, member, starvation);
  }

  /** Gives a starved member a CPU whenever it needs one; what waited is handled now. */
  relieve(member: number): void {
    relieve(this.#state, member);
  }

  /** Changes the member's meta, tells it, and waits as {@link leave} does (`UpdateNode`). */
  updateMeta(member: number, meta: Uint8Array, timeoutNs = 0, onDone: OnTold = IGNORE): void {
    assert(meta.length <= META_MAX_SIZE, 'Node meta data provided is longer than the limit');
    const { members, probeTickers } = this.#state;
    probeTickers.endRest();
    members.setFact({ ...members.fact(members.currentFactOf(member)), meta });
    updateNode(this.#state, member, timeoutNs, onDone);
  }

  /** To be called before the underlay's conditions change. */
  beforeUnderlayChange(): void {
    revealProbes(this.#state, ALL);
  }

  /** A packet from outside the simulated network arrives now at the member's socket. */
  receive(member: number, from: number, messages: readonly PacketMessage[]): void {
    const parts: Part[] = [];
    const { requireNodeNames } = this.#state.configOf(member);
    for (const message of messages) {
      // an answer would go to an address without a name
      if (requireNodeNames && 'sourceNode' in message && message.sourceNode === '') continue;
      const part = partOf(this.#state.members, message);
      if (part !== undefined) parts.push(part);
    }
    if (parts.length > 0) receiveParts(this.#state, member, from, sizeOfMessages(messages), parts);
  }

  /**
   * Bytes from outside the simulated network arrive now at the member's socket, in the clear; what
   * is no message in them is counted and dropped.
   */
  receiveBytes(member: number, from: number, bytes: Uint8Array): void {
    const state = this.#state;
    const { label, skipInboundLabelCheck, memberlist } = state.configOf(member);
    const { codec } = memberlist;
    const receiver = { ...PLAIN_RECEIVER, label, skipInboundLabelCheck, codec };
    const { messages, errorCount } = decodePacket(bytes, receiver);
    state.counters.add(member, Counter.packetsDropped, errorCount);
    if (messages.length > 0) this.receive(member, from, messages);
  }

  /** Sends a message of the delegate in one UDP packet. */
  sendBestEffort(from: number, to: number, message: UserMessage): void {
    const state = this.#state;
    const number = ++state.streamCounts[from]!;
    sendUser(state, from, state.members.successorOf(to), message, number);
  }

  /** Sends a message of the delegate in a stream. */
  sendReliable(from: number, to: number, message: UserMessage, onResult: OnResult = IGNORE): void {
    sendReliable(this.#state, from, to, message, onResult);
  }

  /** The delegate's broadcasts of this member are not empty any more. */
  wakeGossip(member: number): void {
    const state = this.#state;
    tellProbes(state, member, NOBODY);
    state.unrest.set(member, Reason.delegate);
    if (state.members.isUp(member)) armGossip(state, member);
  }

  /** True while the member's process exists and is not paused. */
  isRunning(member: number): boolean {
    const process = this.#state.members.processOf(member);
    return process !== ProcessState.stopped && process !== ProcessState.paused;
  }

  /** True while the member's process exists. */
  isUp(member: number): boolean {
    return this.#state.members.isUp(member);
  }

  /** The member's name. */
  nameOf(member: number): string {
    return this.#state.members.nameOf(member);
  }

  /** What the observer holds of the subject. */
  stateOf(observer: number, subject: number): MemberState {
    return this.#state.views.stateOf(observer, subject);
  }

  /** The incarnation of the subject that the observer knows. */
  incarnationOf(observer: number, subject: number): number {
    return this.#state.views.incarnationOf(observer, subject);
  }

  /** The observer's node list, in its order: alive, suspect, dead and left. */
  membersOf(observer: number): number[] {
    return this.#state.rings.listOf(observer);
  }

  /** Length of the observer's node list (`estNumNodes`). */
  estimatedCount(observer: number): number {
    return this.#state.views.knownCountOf(observer);
  }

  /** How many the observer holds alive or suspect, itself included (`NumMembers`). */
  numMembers(observer: number): number {
    const { rings, views } = this.#state;
    const isThere = (subject: number): boolean => {
      const known = views.stateOf(observer, subject);
      return known === MemberState.alive || known === MemberState.suspect;
    };
    return rings.listOf(observer).filter(isThere).length;
  }

  /** The member's health score, 0 for healthy. */
  awarenessOf(member: number): number {
    return this.#state.awareness.scoreOf(member);
  }

  /** What the member still has to spread: subjects, or -1 for a refutation, and transmissions. */
  queueOf(member: number): readonly WaitingBroadcast[] {
    return this.#state.broadcasts.list(member);
  }

  /** A counter of one member. */
  counterOf(member: number, counter: Counter): number {
    revealProbes(this.#state, ALL);
    this.#state.lateAcks.settle();
    return this.#state.counters.of(member, counter);
  }

  /** A counter of all members together. */
  totalOf(counter: Counter): number {
    revealProbes(this.#state, ALL);
    const { counters, lateAcks } = this.#state;
    return counters.total(counter) + lateAcks.totalOf(counter);
  }
}
