/**
 * The clients of a scenario: requests at a rate, whether or not answers come (open loop), each on a
 * connection of its own.
 */
import type { Cluster } from '../../cluster/cluster.ts';
import type { Namespace } from '../../net/namespace.ts';
import { resolveName } from '../../node/dns/stub-resolver.ts';
import { parseCallTarget } from '../../node/workload/program.ts';
import { sendRequest } from '../../node/workload/request.ts';
import { assert } from '../../sim/assert.ts';
import { type DrawKey, draw32, drawUnit } from '../../sim/chance.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { parseIpv4Address } from '../../wire/addresses.ts';
import type { Traffic } from '../language/scenario.ts';
import { TrafficRecord } from './traffic-record.ts';

/** Default ports by scheme. */
const REQUEST_BYTES = 64;

/** One client population. */
export class TrafficSource {
  readonly record: TrafficRecord;
  readonly traffic: Traffic;
  readonly #cluster: Cluster;
  readonly #key: DrawKey;
  readonly #untilNs: number;
  #count = 0;

  constructor(cluster: Cluster, traffic: Traffic, untilNs: number) {
    this.#cluster = cluster;
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
    const client = this.#client(number);
    this.record.sentCount++;
    if (client === undefined) {
      this.record.end(sentAtNs, sentAtNs, 'unreachable', '');
      return;
    }
    const address = this.#addressOf(target.host);
    const ask = (resolved: number | undefined) => {
      if (resolved === undefined) {
        this.record.end(sentAtNs, world.nowNs, 'unresolved', '');
        return;
      }
      sendRequest(client.namespace, {
        protocol: target.protocol === 'http' ? 'http' : 'tcp',
        address: resolved,
        port: target.port,
        host: target.host,
        path: target.path,
        requestBytes: this.traffic.request ?? REQUEST_BYTES,
        timeoutNs: this.traffic.timeout,
        source: client.source,
        onEnd: (end, server) => this.record.end(sentAtNs, world.nowNs, end, server),
      });
    };
    if (address !== undefined) ask(address);
    else resolveName(client.namespace, target.host, draw32(this.#key, number, 2) & 0xffff, ask);
  }

  /** A node's address, or a literal one; names of services are resolved by the client. */
  #addressOf(host: string): number | undefined {
    const machine = this.#cluster.machines.find((m) => m.name === host);
    return machine?.address.address ?? parseIpv4Address(host);
  }

  /** Whose stack sends: the outside world's, a node's, or that of one of a service's containers. */
  #client(number: number): { namespace: Namespace; source: number } | undefined {
    const { from } = this.traffic;
    const cluster = this.#cluster;
    if (from === 'outside') return { namespace: cluster.outside, source: cluster.outsideAddress };
    const machine = cluster.machines.find((m) => m.name === from);
    if (machine !== undefined) {
      if (!machine.isOn || machine.host === undefined) return undefined;
      return { namespace: machine.host.namespace, source: 0 };
    }
    const sandboxes = cluster.machines.flatMap((m) =>
      m.isOn ? [...(m.executor?.containers.values() ?? [])] : [],
    );
    const mine = sandboxes.filter(
      (c) => c.state === 'running' && c.task.serviceAnnotations.name.endsWith(`_${from}`),
    );
    const sandbox = mine[number % Math.max(1, mine.length)]?.sandbox;
    return sandbox === undefined ? undefined : { namespace: sandbox.namespace, source: 0 };
  }
}
