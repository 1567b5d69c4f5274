/**
 * The clients of a scenario: when they ask (arrivals.ts), whom (names.ts, front.ts), and over which
 * connections: one for each request, kept ones (pool.ts), or one for a whole session of them.
 */
import type { Cluster } from '../../../cluster/cluster.ts';
import type { SocketTable } from '../../../net/socket/table.ts';
import type { Watch } from '../../../net/watch.ts';
import {
  type Conversation,
  openConversation,
  type RequestEnd,
} from '../../../node/workload/conversation.ts';
import { type CallTarget, parseCallTarget } from '../../../node/workload/program.ts';
import { assert } from '../../../sim/assert.ts';
import { type DrawKey, draw32 } from '../../../sim/chance.ts';
import { NO_EVENT } from '../../../sim/event-queue.ts';
import { formatIpv4Address, type Ipv4Address } from '../../../wire/addresses.ts';
import { FRONT_HOST, type Traffic } from '../../language/traffic.ts';
import { addressOfHost, type Client, clientOf } from '../client.ts';
import { startArrivals } from './arrivals.ts';
import type { FrontBalancer } from './front.ts';
import { NameCache } from './names.ts';
import { ConnectionPool } from './pool.ts';
import { TrafficRecord } from './record.ts';

/** Bytes of a request that is not HTTP when nobody says otherwise. */
const REQUEST_BYTES = 64;

/** A request that has ended. */
export interface EndedRequest {
  readonly traffic: string;
  /** From 0 on, in the order of sending. */
  readonly number: number;
  /** Which of the population's connections carried it, from 0 on; -1 for none. */
  readonly connection: number;
  readonly sentAtNs: number;
  readonly endedAtNs: number;
  readonly outcome: RequestEnd;
  /** Who answered; empty when nobody did or the protocol does not tell. */
  readonly server: string;
}

/** Somebody who looks at single requests. */
export interface RequestObserver {
  /**
   * The watch for a request that is about to be sent on this connection; `undefined` for all that do not
   * matter.
   */
  readonly watchOf?: (traffic: string, number: number, connection: number) => Watch | undefined;
  readonly onEnd: (request: EndedRequest) => void;
}

/** A request on its way. */
interface Sent {
  readonly number: number;
  readonly sentAtNs: number;
  connection: number;
  /** Called once, when it has ended; a line that is undefined is over. */
  readonly onEnd: (line: Line | undefined) => void;
}

/** A connection, and the request that it carries now. */
interface Line {
  /** The client's sockets. */
  readonly sockets: SocketTable;
  readonly conversation: Conversation;
  readonly number: number;
  /** Where it leads to, for the pool. */
  readonly place: string;
  isOpen: boolean;
  usedCount: number;
  carried: ((end: RequestEnd, server: string) => void) | undefined;
}

/** One client population. */
export class TrafficSource {
  readonly record: TrafficRecord;
  readonly traffic: Traffic;
  readonly #cluster: Cluster;
  readonly #key: DrawKey;
  readonly #untilNs: number;
  readonly #observer: RequestObserver | undefined;
  readonly #target: CallTarget;
  readonly #front: FrontBalancer | undefined;
  readonly #pool: ConnectionPool<Line> | undefined;
  readonly #names: NameCache;
  #connectionCount = 0;

  constructor(
    cluster: Cluster,
    traffic: Traffic,
    untilNs: number,
    front: FrontBalancer | undefined,
    observer?: RequestObserver,
  ) {
    const target = parseCallTarget(traffic.to);
    assert(target !== undefined, 'targets are checked at loading');
    this.#cluster = cluster;
    this.#observer = observer;
    this.#target = target;
    this.#front = front;
    this.traffic = traffic;
    this.record = new TrafficRecord(traffic.name);
    this.#key = cluster.world.chance.key(`traffic.${traffic.name}`);
    this.#untilNs = Math.min(untilNs, traffic.stop ?? untilNs);
    const { queue } = cluster.world;
    const keepAlive = traffic['keep-alive'];
    this.#pool = keepAlive === undefined ? undefined : new ConnectionPool(queue, keepAlive);
    this.#names = new NameCache(traffic['dns-cache']);
  }

  /** Starts sending now. */
  start(): void {
    const { outside, outsideAddress, world } = this.#cluster;
    this.#front?.start(outside, outsideAddress, this.#target);
    const begin = (_: number, onEnd: () => void) => this.#begin(onEnd);
    startArrivals(world.queue, this.traffic, this.#key, this.#lastNs, begin);
  }

  /** The last requests must have time to end before the run does. */
  get #lastNs(): number {
    return this.#untilNs - this.traffic.timeout;
  }

  /** One arrival: a request, or a session of them. */
  #begin(onEnd: () => void): void {
    const { session } = this.traffic;
    if (session !== undefined) {
      const endNs = this.#cluster.world.nowNs + session.lasts;
      this.#goOn(undefined, Math.min(endNs, this.#lastNs), onEnd);
      return;
    }
    this.#send(undefined, (line) => {
      if (line !== undefined) {
        if (this.#pool === undefined) line.conversation.close();
        else this.#pool.give(line);
      }
      onEnd();
    });
  }

  /** The next message of a session: one interval after the last, or when that is answered. */
  #goOn(line: Line | undefined, endNs: number, onEnd: () => void): void {
    const { queue } = this.#cluster.world;
    const dueNs = queue.nowNs + this.traffic.session!.every;
    this.#send(line, (left) => {
      if (left === undefined) {
        onEnd();
        return;
      }
      const isLast = dueNs > endNs;
      queue.scheduleCallback(Math.max(isLast ? endNs : dueNs, queue.nowNs), () => {
        if (!isLast) this.#goOn(left, endNs, onEnd);
        else {
          left.conversation.close();
          onEnd();
        }
      });
    });
  }

  /** Sends a request on this line, on one from the pool, or on a new one. */
  #send(line: Line | undefined, onEnd: (line: Line | undefined) => void): void {
    const number = this.record.sentCount++;
    const sentAtNs = this.#cluster.world.nowNs;
    const sent: Sent = { number, sentAtNs, connection: -1, onEnd };
    if (line !== undefined) {
      this.#carry(line, sent);
      return;
    }
    const client = clientOf(this.#cluster, this.traffic.from, number);
    const host = this.#host();
    if (client === undefined || host === undefined) {
      this.#end(sent, 'unreachable', '', undefined);
      return;
    }
    const ask = (address: Ipv4Address | undefined) => {
      if (address === undefined) this.#end(sent, 'unresolved', '', undefined);
      else if (this.#target.protocol === 'dns') {
        this.#end(sent, 'ok', formatIpv4Address(address), undefined);
      } else this.#askAt(client, address, sent);
    };
    const address = addressOfHost(this.#cluster, host);
    if (address !== undefined) ask(address);
    else this.#names.resolve(client, host, draw32(this.#key, number, 2) & 0xffff, ask);
  }

  /** Whom the request is for; undefined when the balancer in front knows nobody. */
  #host(): string | undefined {
    const { host } = this.#target;
    return this.#front === undefined || host !== FRONT_HOST ? host : this.#front.next()?.name;
  }

  #askAt(client: Client, address: Ipv4Address, sent: Sent): void {
    const place = `${client.namespace.name} ${address}`;
    const kept = this.#pool?.take(place);
    if (kept !== undefined) {
      this.#carry(kept, sent);
      return;
    }
    sent.connection = this.#connectionCount++;
    const watch = this.#watchOf(sent);
    const { sockets } = client.namespace;
    if (watch === undefined) this.#open(client, address, place, sent);
    else watch.open(sockets, () => this.#open(client, address, place, sent));
  }

  /** Opens a line; its first request goes out as soon as it is open. */
  #open(client: Client, address: Ipv4Address, place: string, sent: Sent): void {
    const { protocol, port, host, path } = this.#target;
    assert(protocol !== 'dns', 'a name is not asked');
    const { request, session } = this.traffic;
    let line: Line | undefined;
    let isOver = false;
    const options = {
      protocol,
      address,
      port,
      host,
      path,
      requestBytes: request ?? (protocol === 'http' ? 0 : REQUEST_BYTES),
      source: client.source,
      staysOpen: this.#pool !== undefined || session !== undefined,
    };
    const conversation = openConversation(client.namespace, options, {
      onOpen: (own) => {
        if (this.traffic['half-close']) own.endAsking();
        if (line !== undefined) line.isOpen = true;
        own.ask();
      },
      onAnswer: (server) => line?.carried?.('ok', server),
      onOver: (end) => {
        isOver = true;
        if (line === undefined) this.#end(sent, end, '', undefined);
        else this.#becomeOver(line, end);
      },
    });
    if (isOver) return;
    const number = sent.connection;
    line = {
      sockets: client.namespace.sockets,
      conversation,
      number,
      place,
      isOpen: this.#isFlow,
      usedCount: 0,
      carried: undefined,
    };
    this.#carryOn(line, sent);
  }

  #becomeOver(line: Line, end: RequestEnd): void {
    if (!this.#isFlow) {
      line.isOpen = false;
      this.#pool?.forget(line);
    }
    line.carried?.(end, '');
  }

  /** Datagrams have no connection that could end: their socket stays, whatever becomes of them. */
  get #isFlow(): boolean {
    return this.#target.protocol === 'udp';
  }

  /** Asks on an open line. */
  #carry(line: Line, sent: Sent): void {
    if (!line.isOpen) {
      this.#end(sent, 'reset', '', undefined);
      return;
    }
    sent.connection = line.number;
    this.#carryOn(line, sent);
    const watch = this.#watchOf(sent);
    const ask = () => line.conversation.ask();
    if (watch === undefined) ask();
    else watch.open(line.sockets, ask);
  }

  /** The line carries this request until it is answered, its time is over, or the line is. */
  #carryOn(line: Line, sent: Sent): void {
    const { queue } = this.#cluster.world;
    const { timeout } = this.traffic;
    let timer = NO_EVENT;
    line.usedCount++;
    line.carried = (end, server) => {
      line.carried = undefined;
      queue.cancel(timer);
      this.#end(sent, end, server, end === 'ok' || this.#isFlow ? line : undefined);
    };
    if (timeout === 0) return;
    timer = queue.scheduleCallback(queue.nowNs + timeout, () => {
      const { carried } = line;
      if (!this.#isFlow) {
        line.isOpen = false;
        line.conversation.abort();
      }
      carried?.('timeout', '');
    });
  }

  #watchOf({ number, connection }: Sent): Watch | undefined {
    return this.#observer?.watchOf?.(this.traffic.name, number, connection);
  }

  #end(sent: Sent, outcome: RequestEnd, server: string, line: Line | undefined): void {
    const endedAtNs = this.#cluster.world.nowNs;
    const { number, connection, sentAtNs } = sent;
    this.record.end(sentAtNs, endedAtNs, outcome, server);
    const ended = { number, connection, sentAtNs, endedAtNs, outcome, server };
    this.#observer?.onEnd({ traffic: this.traffic.name, ...ended });
    sent.onEnd(line);
  }
}
