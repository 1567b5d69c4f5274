/**
 * The clients of a scenario: requests at a rate, whether or not answers come (open loop), each on a
 * connection of its own.
 */
import type { Cluster } from '../../cluster/cluster.ts';
import type { Watch } from '../../net/watch.ts';
import { resolveName } from '../../node/dns/stub-resolver.ts';
import { parseCallTarget } from '../../node/workload/program.ts';
import {
  type RequestEnd,
  type RequestOptions,
  requestProtocolOf,
  sendRequest,
} from '../../node/workload/request.ts';
import { assert } from '../../sim/assert.ts';
import { type DrawKey, draw32, drawUnit } from '../../sim/chance.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import type { Traffic } from '../language/scenario.ts';
import { addressOfHost, clientOf } from './client.ts';
import { TrafficRecord } from './traffic-record.ts';

/** Bytes of a request when nobody says otherwise. */
const REQUEST_BYTES = 64;

/** A request that has ended. */
export interface EndedRequest {
  readonly traffic: string;
  /** From 0 on, in the order of sending. */
  readonly number: number;
  readonly sentAtNs: number;
  readonly endedAtNs: number;
  readonly outcome: RequestEnd;
  /** Who answered; empty when nobody did or the protocol does not tell. */
  readonly server: string;
}

/** Somebody who looks at single requests. */
export interface RequestObserver {
  /** The watch for a request that is about to be sent; `undefined` for all that do not matter. */
  readonly watchOf?: (traffic: string, number: number) => Watch | undefined;
  readonly onEnd: (request: EndedRequest) => void;
}

/** One client population. */
export class TrafficSource {
  readonly record: TrafficRecord;
  readonly traffic: Traffic;
  readonly #cluster: Cluster;
  readonly #key: DrawKey;
  readonly #untilNs: number;
  readonly #observer: RequestObserver | undefined;
  #count = 0;

  constructor(cluster: Cluster, traffic: Traffic, untilNs: number, observer?: RequestObserver) {
    this.#cluster = cluster;
    this.#observer = observer;
    this.traffic = traffic;
    this.record = new TrafficRecord(traffic.name);
    this.#key = cluster.world.chance.key(`traffic.${traffic.name}`);
    this.#untilNs = Math.min(untilNs, traffic.stop ?? untilNs);
  }

  /** Starts sending now. */
  start(): void {
    this.#schedule();
  }

  #schedule(): void {
    const { queue } = this.#cluster.world;
    const meanNs = SECOND_NS / this.traffic.rate;
    const isPoisson = this.traffic.arrivals === 'poisson';
    const factor = isPoisson ? -Math.log(1 - drawUnit(this.#key, this.#count, 1)) : 1;
    const atNs = queue.nowNs + Math.max(1, Math.round(meanNs * factor));
    // the last requests must have time to end before the run does
    if (atNs > this.#untilNs - this.traffic.timeout) return;
    queue.scheduleCallback(atNs, () => {
      this.#send(this.#count++);
      this.#schedule();
    });
  }

  #send(number: number): void {
    const { world } = this.#cluster;
    const target = parseCallTarget(this.traffic.to);
    assert(target !== undefined && target.protocol !== 'udp', 'targets are checked at loading');
    const sentAtNs = world.nowNs;
    const client = clientOf(this.#cluster, this.traffic.from, number);
    this.record.sentCount++;
    const end = (outcome: RequestEnd, server: string) =>
      this.#end({
        traffic: this.traffic.name,
        number,
        sentAtNs,
        endedAtNs: world.nowNs,
        outcome,
        server,
      });
    if (client === undefined) {
      end('unreachable', '');
      return;
    }
    const address = addressOfHost(this.#cluster, target.host);
    const watch = this.#observer?.watchOf?.(this.traffic.name, number);
    const ask = (resolved: number | undefined) => {
      if (resolved === undefined) {
        end('unresolved', '');
        return;
      }
      if (target.protocol === 'dns') {
        end('ok', formatIpv4Address(resolved));
        return;
      }
      const options: RequestOptions = {
        protocol: requestProtocolOf(target.protocol),
        address: resolved,
        port: target.port,
        host: target.host,
        path: target.path,
        requestBytes: this.traffic.request ?? REQUEST_BYTES,
        timeoutNs: this.traffic.timeout,
        source: client.source,
        onEnd: end,
      };
      const { namespace } = client;
      if (watch === undefined) sendRequest(namespace, options);
      else watch.open(namespace.sockets, () => sendRequest(namespace, options));
    };
    if (address !== undefined) ask(address);
    else resolveName(client, target.host, draw32(this.#key, number, 2) & 0xffff, ask);
  }

  #end(request: EndedRequest): void {
    const { sentAtNs, endedAtNs, outcome, server } = request;
    this.record.end(sentAtNs, endedAtNs, outcome, server);
    this.#observer?.onEnd(request);
  }
}
