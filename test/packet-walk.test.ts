/**
 * One request followed through every step and all its rewrites, there and back: through a published
 * port from outside, and through a service's virtual address from a container.
 */
import { describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import type { Namespace } from '../net/namespace.ts';
import type { Way } from '../net/way.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { SECOND_NS } from '../sim/time.ts';
import { loadLibrary } from './support/runs.ts';
import { fromPort, linesOf, opens, watchFirst } from './support/watched.ts';

const WATCH_FROM_NS = 8 * SECOND_NS;
const UNTIL_NS = 11 * SECOND_NS;

/** Sandboxes of a service's running tasks, with their node's index. */
function* sandboxesOf(cluster: Cluster, service: string) {
  for (const machine of cluster.machines) {
    for (const container of machine.executor?.containers.values() ?? []) {
      const { name, sandbox } = container;
      if (sandbox === undefined || !name.startsWith(`voting-app_${service}.`)) continue;
      yield { namespace: sandbox.namespace, node: machine.index };
    }
  }
}

const hasArrivedAt = (way: Way, namespace: Namespace) => {
  const last = way.steps.at(-1);
  return last?.event === 'deliver' && last.namespace === namespace.name;
};

/** The way of one packet and of the first answer to it. */
interface Walk {
  request?: Way;
  reply?: Way;
}

/** Runs the voting app with some engine and lets `watch` begin when requests flow. */
function walkWith(engine: string, watch: (cluster: Cluster, walk: Walk) => void): Walk {
  const walk: Walk = {};
  runScenario(loadLibrary('voting-app-worker-crash', new Map([['cluster.docker', engine]])), {
    seed: '1',
    untilNs: UNTIL_NS,
    onCluster: (cluster) => {
      cluster.world.queue.scheduleCallback(WATCH_FROM_NS, () => watch(cluster, walk));
    },
  });
  return walk;
}

/** Watches the answer of whichever of these sandboxes the request reaches. */
function watchReply(walk: Walk, sandboxes: Iterable<{ namespace: Namespace }>, port: number) {
  const { request } = walk;
  for (const { namespace } of sandboxes) {
    const isReply = fromPort(port);
    const way = watchFirst(namespace, (packet) => {
      const isIt = hasArrivedAt(request!, namespace) && isReply(packet);
      if (isIt) walk.reply = way;
      return isIt;
    });
  }
}

/** A text that chance or order chose, and the word that stands for it. */
type Word = readonly [RegExp, string];

/** Ids, ports and marks that chance or order chose become words: the client's port is CPORT. */
function namedLines(way: Way, words: readonly Word[]): string[] {
  return linesOf(way).map((line) =>
    words.reduce((text, [pattern, word]) => text.replaceAll(pattern, word), line),
  );
}

/** Compares both ways with a file of `testdata`; `vitest -u` writes it, to be read as a diff. */
async function expectWays(walk: Walk, file: string, words: readonly Word[]) {
  const parts = [walk.request, walk.reply].map((way) => namedLines(way!, words).join('\n'));
  const text = `request\n----\n${parts[0]}\n\nanswer\n----\n${parts[1]}\n`;
  await expect(text).toMatchFileSnapshot(`testdata/packet-walks/${file}.txt`);
}

describe.each(['20.10', '28'])('engine %s', (engine) => {
  test('a request from outside through the published port, and its answer', async () => {
    const walk = walkWith(engine, (cluster, it) => {
      it.request = watchFirst(cluster.outside, opens(5000));
      watchReply(it, sandboxesOf(cluster, 'vote'), 80);
    });
    const request = walk.request!;
    const { namespace: task } = request.steps.at(-1)!;
    const node = task.split('/')[0]!;
    expect(node).not.toBe('manager-1');
    const address = /-> (10\.0\.0\.\d+)$/.exec(
      request.steps.find((step) => step.event === 'schedule')!.detail,
    )![1]!;
    const words = [
      [new RegExp(task, 'g'), 'task'],
      [new RegExp(`\\b${node}\\b`, 'g'), 'TARGET'],
      [/\/1-[0-9a-z]{10}/g, '/ingress'],
      [/veth[0-9a-f]{7}\b/g, 'vethID'],
      [/\bveth[1-9]\b/g, 'vethN'],
      [new RegExp(`\\b${address.replaceAll('.', '\\.')}\\b`, 'g'), 'BACKEND'],
      [/192\.168\.56\.10[2-5]/g, 'TARGET-ADDRESS'],
      [/:43\d{3}\b/g, ':CPORT'],
      [/port 43\d{3}$/g, 'port CPORT'],
      [/:\d{5} > /g, ':SPORT > '],
    ] as const;
    await expectWays(walk, `published-port-${engine}`, words);
  });

  test("a container's request to a virtual address on another node, and its answer", async () => {
    const walk = walkWith(engine, (cluster, it) => {
      const [redis] = sandboxesOf(cluster, 'redis');
      const vote = [...sandboxesOf(cluster, 'vote')].find((one) => one.node !== redis!.node)!;
      it.request = watchFirst(vote.namespace, opens(6379));
      watchReply(it, [redis!], 6379);
    });
    const request = walk.request!;
    const [client, backend] = [request.steps[0]!.namespace, request.steps.at(-1)!.namespace];
    const [here, there] = [client.split('/')[0]!, backend.split('/')[0]!];
    const snat = /src (\S+):(\d+) -> (\S+):\d+$/;
    const [, address, port, balancer] = snat.exec(
      request.steps.find((step) => snat.test(step.detail))!.detail,
    ) as unknown as [string, string, string, string];
    const target = request.steps.find((step) => step.event === 'schedule')!.detail;
    const [, mark, chosen] = /^FWM (\d+) rr -> (\S+)$/.exec(target) as unknown as string[];
    const words = [
      [new RegExp(client, 'g'), 'client'],
      [new RegExp(backend, 'g'), 'backend'],
      [new RegExp(`\\b${here}\\b`, 'g'), 'HERE'],
      [new RegExp(`\\b${there}\\b`, 'g'), 'THERE'],
      [/\/1-[0-9a-z]{10}/g, '/overlay'],
      [/\/lb_[0-9a-z]{9}/g, '/lb'],
      [/\bveth[1-9]\b/g, 'vethN'],
      [new RegExp(`\\b0x${Number(mark).toString(16)}\\b`, 'g'), 'MARK'],
      [new RegExp(`FWM ${mark}`, 'g'), 'FWM'],
      [new RegExp(`\\b${port}\\b`, 'g'), 'PORT'],
      [new RegExp(`\\b${address.replaceAll('.', '\\.')}\\b`, 'g'), 'CLIENT'],
      [new RegExp(`\\b${balancer.replaceAll('.', '\\.')}\\b`, 'g'), 'BALANCER'],
      [new RegExp(`\\b${chosen!.replaceAll('.', '\\.')}\\b`, 'g'), 'BACKEND'],
      [/192\.168\.56\.101/g, 'THERE'],
      [/192\.168\.56\.10[2-5]/g, 'HERE'],
      [/:\d{5} > /g, ':SPORT > '],
    ] as const;
    expect(there).toBe('manager-1');
    await expectWays(walk, 'virtual-address', words);
  });
});
