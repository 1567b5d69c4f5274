/**
 * A membership engine for tests: fixed latency, no probes. Who is alive is told by the test; node
 * and network events ride in gossip ticks of 200 ms to three members as in memberlist, and push/pull
 * runs every 30 s. Links can be cut, packets lost.
 */

import { drawBelow, drawChance } from '../../../sim/chance.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../../sim/time.ts';
import { World } from '../../../sim/world.ts';
import { GossipMessageType } from '../../../wire/networkdb/message.ts';
import type { Carrier, OnResult, UserMessage } from '../carrier.ts';
import type { GenerationName } from '../generation.ts';
import type { Message } from '../message.ts';
import { NetworkDb } from '../network-db.ts';

const TICK_NS = 200 * MILLISECOND_NS;
const PUSH_PULL_NS = 30 * SECOND_NS;
const TCP_TIMEOUT_NS = 10 * SECOND_NS;
const PACKET_BYTES = 1398;

/** Settings of a fake cluster. */
export interface FakeClusterInit {
  readonly seed: string;
  readonly nodes: number;
  /** Of every node, or of each by its number. */
  readonly generation?: GenerationName | readonly GenerationName[];
  /** See `NetworkDbParts`. */
  readonly shortcuts?: boolean;
  /** One-way latency, ns. */
  readonly latencyNs?: number;
  /** Share of packets that is lost. */
  readonly lossRatio?: number;
  /** Daemons start at random instants of the first second instead of all at 0. */
  readonly scattered?: boolean;
  /** Time between the starts of one daemon and the next, ns. */
  readonly spacingNs?: number;
}

/** A cluster of NetworkDB nodes over a fake membership engine. */
export class FakeCluster implements Carrier {
  readonly world: World;
  readonly db: NetworkDb;
  readonly #init: FakeClusterInit;
  readonly #alive = new Map<number, Set<number>>();
  readonly #cuts = new Set<string>();
  readonly #stopped = new Set<number>();
  readonly #held = new Map<number, (() => void)[]>();
  /** Directions that lose a kind of message: `<from> <to> <kind>`; see {@link kindOf}. */
  readonly dropped = new Set<string>();
  /** How often a node has dialled an address (memberlist `Join`). */
  readonly dialCounts = new Map<number, number>();
  /** True when hosts without the process refuse connections, instead of being silent. */
  refuses = false;
  #draws = 0;

  constructor(init: FakeClusterInit) {
    this.#init = init;
    this.world = new World(init.seed);
    this.db = new NetworkDb({
      world: this.world,
      carrier: this,
      shortcuts: init.shortcuts ?? true,
    });
    const key = this.world.chance.key('test.start');
    for (let node = 0; node < init.nodes; node++) {
      const spacedNs = node * (init.spacingNs ?? 0);
      const atNs = init.scattered === true ? drawBelow(key, SECOND_NS, node) : spacedNs;
      this.world.queue.scheduleCallback(atNs, () => this.start(node));
    }
    this.run(init.scattered === true ? SECOND_NS : init.nodes * (init.spacingNs ?? 0));
    for (let a = 0; a < init.nodes; a++) {
      for (let b = 0; b < init.nodes; b++) if (a !== b) this.join(a, b);
    }
  }

  /** Starts a node that knows nobody; `place` is the node whose address it has. */
  start(node: number, place = node): void {
    this.#alive.set(node, new Set([node]));
    this.db.addNode({
      node,
      name: `node${String(node).padStart(8, '0')}`,
      hostname: `host-${node}`,
      address: 0x0a00_0001 + place,
      generation: this.#generationOf(place),
    });
    this.db.notifyJoin(node, node);
    const nowNs = this.world.nowNs;
    this.world.queue.scheduleCallback(nowNs + TICK_NS, () => this.#tick(node));
    this.world.queue.scheduleCallback(nowNs + PUSH_PULL_NS, () => this.#periodicPushPull(node));
  }

  /** `observer` learns that `subject` is alive. */
  join(observer: number, subject: number): void {
    if (this.#stopped.has(observer) || this.#alive.get(observer)!.has(subject)) return;
    this.#alive.get(observer)!.add(subject);
    this.db.notifyJoin(observer, subject);
  }

  /** `observer` declares `subject` dead. */
  fail(observer: number, subject: number): void {
    if (this.#stopped.has(observer) || !this.#alive.get(observer)!.delete(subject)) return;
    this.db.notifyLeave(observer, subject);
  }

  /** The node's process ends; the others declare it dead after `afterNs`. */
  kill(node: number, afterNs: number): void {
    this.#stopped.add(node);
    this.db.stop(node);
    this.world.queue.scheduleCallback(this.world.nowNs + afterNs, () => {
      for (const observer of this.#alive.keys()) this.fail(observer, node);
    });
  }

  /** Cuts the link between two nodes; each side fails the other after `afterNs`. */
  cut(a: number, b: number, afterNs: number): void {
    this.#cuts.add(linkOf(a, b));
    this.world.queue.scheduleCallback(this.world.nowNs + afterNs, () => {
      if (!this.#cuts.has(linkOf(a, b))) return;
      this.fail(a, b);
      this.fail(b, a);
    });
  }

  /** Restores the link; who was failed is found again by reconnectNode. */
  heal(a: number, b: number): void {
    this.#cuts.delete(linkOf(a, b));
  }

  /** Stops or continues a process; what arrives meanwhile waits. */
  setPaused(node: number, isPaused: boolean): void {
    if (isPaused) {
      this.#held.set(node, []);
      this.db.pause(node);
      return;
    }
    const held = this.#held.get(node) ?? [];
    this.#held.delete(node);
    this.db.resume(node);
    for (const action of held) action();
  }

  /** Runs for a span, ns. */
  run(spanNs: number): void {
    this.world.queue.runUntil(this.world.nowNs + spanNs);
  }

  sendBestEffort(from: number, to: number, message: UserMessage): void {
    const key = this.world.chance.key('test.loss');
    if (!this.#isReachable(from, to)) return;
    if (this.dropped.has(`${from} ${to} ${kindOf(message)}`)) return;
    if (drawChance(key, this.#init.lossRatio ?? 0, this.#draws++)) return;
    this.#deliver(to, () => this.db.notifyMessage(to, from, message));
  }

  sendReliable(from: number, to: number, message: UserMessage, onResult: OnResult): void {
    const isReachable = this.#isReachable(from, to);
    const isDropped = this.dropped.has(`${from} ${to} ${kindOf(message)}`);
    if (isReachable && !isDropped) {
      this.#deliver(to, () => this.db.notifyMessage(to, from, message));
    }
    this.#answer(isReachable, onResult);
  }

  joinAddress(member: number, address: number, _port: number, onResult: OnResult): void {
    const place = address - 0x0a00_0001;
    this.dialCounts.set(member, (this.dialCounts.get(member) ?? 0) + 1);
    const target = [...this.#alive.keys()].find(
      (node) => !this.#stopped.has(node) && node % 1000 === place,
    );
    if (target === undefined || !this.#isReachable(member, target)) {
      this.#answer(false, onResult);
      return;
    }
    this.#pushPull(member, target, true, onResult);
  }

  leave(member: number, _timeoutNs: number, onDone: (nowNs: number) => void): void {
    this.world.queue.scheduleCallback(this.world.nowNs + 2 * TICK_NS, (nowNs) => {
      for (const observer of this.#alive.keys()) {
        if (observer !== member && this.#isReachable(observer, member)) this.fail(observer, member);
      }
      this.#stopped.add(member);
      onDone(nowNs);
    });
  }

  wakeGossip(_member: number): void {}

  #generationOf(place: number): GenerationName {
    const { generation = 1 } = this.#init;
    return typeof generation === 'object' ? generation[place % generation.length]! : generation;
  }

  #latencyNs(): number {
    return this.#init.latencyNs ?? 200_000;
  }

  #isReachable(a: number, b: number): boolean {
    return !this.#stopped.has(a) && !this.#stopped.has(b) && !this.#cuts.has(linkOf(a, b));
  }

  #deliver(to: number, action: () => void): void {
    this.world.queue.scheduleCallback(this.world.nowNs + this.#latencyNs(), () => {
      const held = this.#held.get(to);
      if (held === undefined) action();
      else held.push(action);
    });
  }

  #answer(ok: boolean, onResult: OnResult): void {
    const delayNs = ok || this.refuses ? 2 * this.#latencyNs() : TCP_TIMEOUT_NS;
    const atNs = this.world.nowNs + delayNs;
    this.world.queue.scheduleCallback(atNs, (nowNs) => onResult(ok, nowNs));
  }

  #tick(node: number): void {
    if (this.#stopped.has(node)) return;
    this.world.queue.scheduleCallback(this.world.nowNs + TICK_NS, () => this.#tick(node));
    if (this.#held.has(node)) return;
    const others = [...this.#alive.get(node)!].filter((other) => other !== node);
    const key = this.world.chance.key('test.gossip');
    for (let i = 0; i < 3 && others.length > 0; i++) {
      const at = drawBelow(key, others.length, this.#draws++);
      const target = others.splice(at, 1)[0]!;
      for (const message of this.db.getBroadcasts(node, 3, PACKET_BYTES)) {
        this.sendBestEffort(node, target, message);
      }
    }
  }

  #periodicPushPull(node: number): void {
    if (this.#stopped.has(node)) return;
    const atNs = this.world.nowNs + PUSH_PULL_NS;
    this.world.queue.scheduleCallback(atNs, () => this.#periodicPushPull(node));
    const others = [...this.#alive.get(node)!].filter((other) => other !== node);
    if (others.length === 0 || this.#held.has(node)) return;
    const key = this.world.chance.key('test.pushPull');
    const target = others[drawBelow(key, others.length, this.#draws++)]!;
    if (this.#isReachable(node, target)) this.#pushPull(node, target, false, () => {});
  }

  /** As memberlist: the acceptor answers before it merges; a refuted death comes by gossip. */
  #pushPull(from: number, to: number, join: boolean, onResult: OnResult): void {
    const request = this.db.localState(from, join);
    this.#deliver(to, () => {
      if (!this.#isReachable(from, to)) return;
      const answer = this.db.localState(to, join);
      if (!this.#alive.get(to)!.has(from) || !this.#alive.get(from)!.has(to)) {
        const atNs = this.world.nowNs + TICK_NS;
        this.world.queue.scheduleCallback(atNs, () => {
          if (!this.#isReachable(from, to)) return;
          this.join(to, from);
          this.join(from, to);
        });
      }
      this.db.mergeRemoteState(to, from, request, join);
      this.#deliver(from, () => {
        this.db.mergeRemoteState(from, to, answer, join);
        onResult(true, this.world.nowNs);
      });
    });
  }
}

function linkOf(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}

/** `node`, `network`, `table` or `sync`. */
function kindOf(message: UserMessage): string {
  const { type } = message as Message;
  if (type === GossipMessageType.nodeEvent) return 'node';
  if (type === GossipMessageType.networkEvent) return 'network';
  return type === GossipMessageType.bulkSync ? 'sync' : 'table';
}
