/**
 * The routing mesh: requests from outside to a published port of a node without a task (host,
 * ingress sandbox, ipvs, VXLAN, the task's host, the task, and back), and a swarm of 100 nodes whose
 * 200 services start on one overlay, 50 of them published: more do not fit the ingress network's /24.
 * The aims are 20,000 packets a CPU second through the whole mesh, and 30 CPU seconds for the start.
 */
import { type Profiler, Session } from 'node:inspector';
import { Cluster } from '../cluster/cluster.ts';
import { answerOf } from '../manager/control/result.ts';
import { EndpointMode, PortProtocol, PublishMode } from '../manager/objects/endpoint.ts';
import { TaskState } from '../manager/objects/task-state.ts';
import { engineVersionOf } from '../node/engine-version.ts';
import { sendRequest } from '../node/workload/request.ts';
import { SECOND_NS } from '../sim/time.ts';
import { World } from '../sim/world.ts';
import { parsePrefix } from '../wire/addresses.ts';
import { formatTable } from './support/table.ts';

const REQUEST_COUNT = 4000;
const REQUEST_GAP_NS = 1_000_000;
const NODE_COUNT = 100;
const SERVICE_COUNT = 200;
const PUBLISHED_COUNT = 50;
/** How long the services may take until all run. */
const START_SECONDS_MAX = 60;
const SHOWN_FOLDERS = 14;

function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** A swarm whose nodes have joined, and an overlay on it. */
function swarmOf(nodeCount: number): Cluster {
  const engine = engineVersionOf('28')!;
  const nodes = Array.from({ length: nodeCount }, (_, i) => ({
    name: `node-${i + 1}`,
    engine,
    isManager: i === 0,
  }));
  const cluster = new Cluster({ world: new World('mesh'), nodes });
  cluster.world.queue.runUntil(cluster.formedAtNs);
  const annotations = { name: 'shop', labels: {} };
  const subnet = parsePrefix('10.200.0.0/16')!;
  const ipam = { driver: { name: 'default', options: {} }, configs: [{ subnet }] };
  const created = answerOf((reply) =>
    cluster.leader.control.createNetwork({ annotations, ipam }, reply),
  );
  if (!created.ok) throw new Error(created.refusal.message);
  return cluster;
}

/** A service of one task; port 0 publishes none. */
function createService(cluster: Cluster, name: string, port: number, constraint = ''): void {
  const published = {
    name: '',
    protocol: PortProtocol.tcp,
    targetPort: 80,
    publishedPort: port,
    publishMode: PublishMode.ingress,
  };
  const created = answerOf((reply) =>
    cluster.leader.control.createService(
      {
        annotations: { name, labels: {} },
        task: {
          container: { image: 'nginx' },
          placement: { constraints: constraint === '' ? [] : [constraint] },
          networks: [{ target: 'shop' }],
        },
        mode: { kind: 'replicated', replicas: 1 },
        endpoint: {
          mode: EndpointMode.vip,
          ports: port === 0 ? [] : [published],
        },
      },
      reply,
    ),
  );
  if (!created.ok) throw new Error(created.refusal.message);
}

function run(cluster: Cluster, seconds: number): void {
  const { queue } = cluster.world;
  queue.runUntil(queue.nowNs + seconds * SECOND_NS);
}

/** Requests from outside to node 2, whose task is on node 3; how many were answered. */
function sendRequests(cluster: Cluster): number {
  const { queue } = cluster.world;
  let answeredCount = 0;
  for (let i = 0; i < REQUEST_COUNT; i++) {
    queue.scheduleCallback(queue.nowNs + i * REQUEST_GAP_NS, () =>
      sendRequest(cluster.outside, {
        protocol: 'http',
        address: cluster.machines[1]!.addresses.advertise,
        port: 8080,
        host: 'node-2',
        path: '/',
        requestBytes: 0,
        staysOpen: false,
        timeoutNs: 2 * SECOND_NS,
        source: cluster.outsideAddress,
        onEnd: (outcome) => {
          if (outcome === 'ok') answeredCount++;
        },
      }),
    );
  }
  run(cluster, (REQUEST_COUNT * REQUEST_GAP_NS) / SECOND_NS + 1);
  return answeredCount;
}

/** Packets that went through the tunnel of the ingress network on node 2, both ways. */
function tunnelledCount(cluster: Cluster): number {
  const networks = cluster.machines[1]!.executor!.networks.networks;
  const { statistics } = networks.find(({ isIngress }) => isIngress)!.overlay.vxlan!;
  return statistics.txPackets + statistics.rxPackets;
}

function throughput(): string[][] {
  const cluster = swarmOf(3);
  createService(cluster, 'web', 8080, 'node.hostname==node-3');
  run(cluster, 10);
  const rows: string[][] = [];
  for (const name of ['first round', 'second round', 'third round']) {
    const before = tunnelledCount(cluster);
    let answeredCount = 0;
    const seconds = cpuSeconds(() => {
      answeredCount = sendRequests(cluster);
    });
    if (answeredCount !== REQUEST_COUNT) throw new Error('requests were lost');
    const packetCount = tunnelledCount(cluster) - before;
    const perRequest = (packetCount / REQUEST_COUNT).toFixed(0);
    rows.push([name, perRequest, (packetCount / seconds).toFixed(0), seconds.toFixed(2)]);
  }
  return rows;
}

/** CPU seconds of forming and of starting, and the virtual seconds of the start. */
function start(): string[] {
  let cluster: Cluster | undefined;
  const formSeconds = cpuSeconds(() => {
    cluster = swarmOf(NODE_COUNT);
  });
  const swarm = cluster!;
  let spanSeconds = 0;
  const seconds = cpuSeconds(() => {
    for (let i = 0; i < SERVICE_COUNT; i++) {
      createService(swarm, `service-${i}`, i < PUBLISHED_COUNT ? 8000 + i : 0);
    }
    while (runningCountOf(swarm) < SERVICE_COUNT && spanSeconds < START_SECONDS_MAX) {
      run(swarm, 1);
      spanSeconds++;
    }
  });
  if (spanSeconds === START_SECONDS_MAX) throw new Error('some tasks do not run');
  return [spanSeconds, formSeconds, seconds, formSeconds + seconds].map((value) =>
    value.toFixed(1),
  );
}

function runningCountOf(cluster: Cluster): number {
  const tasks = cluster.leader.control.tasks();
  return tasks.filter(({ status }) => status.state === TaskState.running).length;
}

/** The share of each folder in the thread's own time while `work` runs. */
function foldersOf(work: () => void): string[][] {
  const session = new Session();
  let profile: Profiler.Profile | undefined;
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.start');
  work();
  session.post('Profiler.stop', (_error, stopped) => {
    profile = stopped.profile;
  });
  const { nodes, samples = [], timeDeltas = [] } = profile!;
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url } }) => {
      const path = /\/dist\/(.+)\/[^/]+$/.exec(url)?.[1];
      return [id, path ?? (functionName.startsWith('(') ? functionName : '(built in)')];
    }),
  );
  const times = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    times.set(names.get(id)!, (times.get(names.get(id)!) ?? 0) + timeDeltas[i]! / 1000);
  }
  const total = [...times.values()].reduce((sum, ms) => sum + ms, 0);
  const sorted = [...times].sort((a, b) => b[1] - a[1]).slice(0, SHOWN_FOLDERS);
  return sorted.map(([name, ms]) => [name, ms.toFixed(0), `${((100 * ms) / total).toFixed(1)}%`]);
}

console.log(
  formatTable(['through the mesh', 'packets a request', 'packets a CPU s', 'CPU s'], throughput()),
);
console.log(`\n${formatTable(['folder', 'ms', 'share'], foldersOf(throughput))}`);
const header = ['nodes', 'services', 'virtual s', 'forming, CPU s', 'starting', 'together'];
const row = [String(NODE_COUNT), String(SERVICE_COUNT), ...start()];
console.log(`\n${formatTable(header, [row])}`);
