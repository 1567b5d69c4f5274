/**
 * The connections between agents and managers (gRPC on TCP 2377): ordered and reliable as long as
 * the underlay lets anything through.
 *
 * A message is one flight of segments whose fate the underlay decides; a lost one is sent again after
 * TCP's timeouts (200 ms, doubling, at most 120 s), and what was sent later waits behind it. A host
 * that is gone is silent; a host whose process is gone answers with a reset, which is told to the
 * sender. Local messages (a manager's own agent) arrive at once.
 */
import { type DrawKey, keyOf } from '../../sim/chance.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { attemptDraw, LOST, type Underlay } from '../underlay/underlay.ts';

/** The managers' port. */
const MANAGER_PORT = 2377;

const RETRANSMIT_NS = 200 * MILLISECOND_NS;
/** A SYN is sent again after this (`TCP_TIMEOUT_INIT`). */
const CONNECT_RETRANSMIT_NS = SECOND_NS;
const RETRANSMIT_NS_MAX = 120 * SECOND_NS;

/** What stands at a host for an arriving message. */
export type ProcessState = 'up' | 'paused' | 'gone' | 'off';

/** The two ends, as the connections see them. */
export interface ControlEnds<Message> {
  processState(host: number): ProcessState;
  deliver(from: number, to: number, message: Message): void;
  /** The connection from `host` to `peer` was reset or refused. */
  reset(host: number, peer: number): void;
}

interface Direction<Message> {
  readonly queue: { readonly message: Message; readonly sizeBytes: number }[];
  attempt: number;
  isBusy: boolean;
  /** True until the first message of a new connection is through. */
  isConnecting: boolean;
  lastArrivalNs: number;
  /** Rises when the connection is torn down; what is in flight then is forgotten. */
  epoch: number;
  sentCount: number;
}

/** All control connections of a cluster. */
export class ControlConnections<Message> {
  readonly #world: World;
  readonly #underlay: Underlay;
  readonly #ends: ControlEnds<Message>;
  readonly #key: DrawKey;
  readonly #directions = new Map<number, Direction<Message>>();
  /** Messages that wait for a paused process, in order. */
  readonly #held = new Map<number, { from: number; message: Message }[]>();
  readonly #hostCount: number;

  constructor(world: World, underlay: Underlay, hostCount: number, ends: ControlEnds<Message>) {
    this.#world = world;
    this.#underlay = underlay;
    this.#ends = ends;
    this.#hostCount = hostCount;
    this.#key = world.chance.key('control.connection');
  }

  /** Sends a message; it arrives once, in order, or never. */
  send(from: number, to: number, message: Message, sizeBytes: number): void {
    if (from === to) {
      this.#world.queue.scheduleCallback(this.#world.nowNs, () => this.#arrive(from, to, message));
      return;
    }
    const direction = this.#directionOf(from, to);
    direction.queue.push({ message, sizeBytes });
    if (!direction.isBusy) this.#attempt(from, to, direction);
  }

  /** Tears down every connection of a host: its process died or its power went. */
  drop(host: number): void {
    for (const [pair, direction] of this.#directions) {
      const from = Math.floor(pair / this.#hostCount);
      if (from === host || pair % this.#hostCount === host) this.#forget(direction);
    }
    this.#held.delete(host);
  }

  /** Opens a new connection; one that there was is gone, with its waits for lost segments. */
  open(from: number, to: number): void {
    if (from === to) return;
    this.close(from, to);
    this.#directionOf(from, to).isConnecting = true;
  }

  /** Tears down the connection between two hosts, as a client does that gives up. */
  close(a: number, b: number): void {
    this.#forget(this.#directionOf(a, b));
    this.#forget(this.#directionOf(b, a));
  }

  /** A paused process goes on: it reads what its sockets held. */
  resume(host: number): void {
    const held = this.#held.get(host) ?? [];
    this.#held.delete(host);
    for (const { from, message } of held) this.#ends.deliver(from, host, message);
  }

  #attempt(from: number, to: number, direction: Direction<Message>): void {
    const head = direction.queue[0];
    if (head === undefined) {
      direction.isBusy = false;
      return;
    }
    direction.isBusy = true;
    const { queue } = this.#world;
    const draw = attemptDraw(
      keyOf(this.#key, from * this.#hostCount + to),
      direction.sentCount * 32 + direction.attempt,
    );
    const { epoch } = direction;
    const arrivalNs = this.#underlay.datagramArrivalNs(
      from,
      to,
      head.sizeBytes,
      IpProtocol.tcp,
      MANAGER_PORT,
      queue.nowNs,
      draw,
    );
    if (arrivalNs === LOST || this.#ends.processState(to) === 'off') {
      const firstNs = direction.isConnecting ? CONNECT_RETRANSMIT_NS : RETRANSMIT_NS;
      const waitNs = Math.min(firstNs * 2 ** direction.attempt++, RETRANSMIT_NS_MAX);
      queue.scheduleCallback(queue.nowNs + waitNs, () => {
        if (direction.epoch === epoch) this.#attempt(from, to, direction);
      });
      return;
    }
    direction.queue.shift();
    direction.attempt = 0;
    direction.isConnecting = false;
    direction.sentCount++;
    direction.lastArrivalNs = Math.max(direction.lastArrivalNs, arrivalNs);
    queue.scheduleCallback(direction.lastArrivalNs, () => {
      if (direction.epoch === epoch) this.#arrive(from, to, head.message);
    });
    this.#attempt(from, to, direction);
  }

  #arrive(from: number, to: number, message: Message): void {
    switch (this.#ends.processState(to)) {
      case 'up':
        this.#ends.deliver(from, to, message);
        return;
      case 'paused': {
        const held = this.#held.get(to);
        if (held === undefined) this.#held.set(to, [{ from, message }]);
        else held.push({ from, message });
        return;
      }
      case 'gone':
        this.close(from, to);
        this.#ends.reset(from, to);
        return;
      case 'off':
        return;
    }
  }

  #directionOf(from: number, to: number): Direction<Message> {
    const pair = from * this.#hostCount + to;
    let direction = this.#directions.get(pair);
    if (direction === undefined) {
      direction = {
        queue: [],
        attempt: 0,
        isBusy: false,
        isConnecting: false,
        lastArrivalNs: 0,
        epoch: 0,
        sentCount: 0,
      };
      this.#directions.set(pair, direction);
    }
    return direction;
  }

  #forget(direction: Direction<Message>): void {
    direction.queue.length = 0;
    direction.attempt = 0;
    direction.isBusy = false;
    direction.isConnecting = false;
    direction.epoch++;
  }
}
