/**
 * Explains a packet that nobody sent: plays a scenario up to an instant, sends one probe from a place
 * to a target (a TCP SYN to a port, an ICMP echo to a mere address), and follows it and its answer.
 */
import type { Cluster } from '../../cluster/cluster.ts';
import { PingSocket } from '../../net/socket/ping.ts';
import { Watch } from '../../net/watch.ts';
import { resolveName } from '../../node/dns/stub-resolver.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { IpAddress } from '../../wire/ip-address.ts';
import type { LoadedScenario } from '../load.ts';
import { type AddressFamily, addressOfHost, type Client, clientOf } from '../run/client.ts';
import { type RunOptions, runScenario } from '../run/run-scenario.ts';
import { diagnose } from './diagnosis.ts';
import { EXPLANATION_SCHEMA_VERSION, type Explanation } from './explanation.ts';
import { hostOfNamespace, namespaceNamesOf } from './namespace-names.ts';
import { packetWalksOf } from './packet-walks.ts';
import { planesAtFailure } from './planes.ts';

/** How long an answer is waited for; less than TCP's first retransmission takes. */
const WAIT_NS = 0.9 * SECOND_NS;

/** The query that resolves a probe's target. */
const QUERY_ID = 1;

/** What is sent when. */
export interface Probe {
  /** `outside`, a node, or a service. */
  readonly from: string;
  /** A node, an address, or a name that the sender resolves. */
  readonly host: string;
  /** `undefined` for an echo request. */
  readonly port: number | undefined;
  readonly atNs: number;
  /** Which address of a target that has one of either family; IPv4 unless it is said. */
  readonly family?: AddressFamily | undefined;
}

/** How a probe came out. */
interface ProbeEnd {
  outcome: string;
  atNs: number;
}

/** Explains a probe. */
export function explainProbe(
  loaded: LoadedScenario,
  probe: Probe,
  options: Pick<RunOptions, 'seed' | 'shortcuts' | 'onProgress' | 'onCluster'> = {},
): Explanation {
  const watch = new Watch();
  const until = probe.atNs + WAIT_NS;
  const end: ProbeEnd = { outcome: 'timeout', atNs: until };
  const { result, cluster } = runScenario(
    { ...loaded, scenario: { ...loaded.scenario, until } },
    {
      ...options,
      onCluster: (made) => {
        options.onCluster?.(made);
        const { queue } = made.world;
        queue.scheduleCallback(probe.atNs, () => sendProbe(made, probe, watch, end));
      },
    },
  );
  const namespaceNames = namespaceNamesOf(cluster);
  const packets = packetWalksOf(watch.ways, namespaceNames);
  const { outcome, atNs } = end;
  const evidence = { sentAtNs: probe.atNs, endedAtNs: atNs, outcome, packets, namespaceNames };
  const diagnosis = diagnose({ ...evidence, timeline: result.timeline });
  const client = clientOf(cluster, probe.from, 0);
  const host = probe.host.includes(':') ? `[${probe.host}]` : probe.host;
  const target = probe.port === undefined ? probe.host : `${host}:${probe.port}`;
  return {
    schemaVersion: EXPLANATION_SCHEMA_VERSION,
    subject: `probe from ${probe.from} to ${target}`,
    scenario: result.scenario,
    seed: result.seed,
    ...evidence,
    server: '',
    diagnosis,
    // what somebody else has put into the cluster does not happen twice
    planes:
      options.onCluster === undefined
        ? planesAtFailure(loaded, options, diagnosis, {
            packets,
            outcome,
            client: hostOfNamespace(client?.namespace.name ?? ''),
            target: probe.host,
          })
        : undefined,
  };
}

function sendProbe(cluster: Cluster, probe: Probe, watch: Watch, end: ProbeEnd): void {
  let isOver = false;
  const finish = (outcome: string) => {
    if (isOver) return;
    isOver = true;
    end.outcome = outcome;
    end.atNs = cluster.world.nowNs;
  };
  const client = clientOf(cluster, probe.from, 0);
  if (client === undefined) {
    finish('unreachable');
    return;
  }
  const ask = (address: IpAddress | undefined) => {
    if (address === undefined) finish('unresolved');
    else watch.open(client.namespace.sockets, () => open(client, address, probe.port, finish));
  };
  const address = addressOfHost(cluster, probe.host, probe.family);
  if (address !== undefined) ask(address);
  else resolveName(client, probe.host, QUERY_ID, ask, probe.family);
}

function open(
  { namespace, source }: Client,
  address: IpAddress,
  port: number | undefined,
  finish: (outcome: string) => void,
): void {
  if (port === undefined) {
    PingSocket.start(namespace.sockets, {
      address,
      onResult: ({ error }) => finish(error === '' ? 'ok' : error),
    });
    return;
  }
  namespace.sockets.connect({
    address,
    port,
    ...(source === 0 ? {} : { sourceAddress: source }),
    handlers: {
      onConnected: (connection) => {
        finish('ok');
        connection.close();
      },
      onClosed: (reason) => finish(reason),
    },
  });
}
