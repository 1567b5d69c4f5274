import { expect, test } from 'vitest';
import { answerOf } from '../control/result.ts';
import type { Node } from '../objects/node.ts';
import { NodeAvailability } from '../objects/node.ts';
import type { ServiceSpec } from '../objects/service.ts';
import type { Placement, ResourceRequirements } from '../objects/task-spec.ts';
import { TaskState } from '../objects/task-state.ts';
import { FakeSwarm, replicated } from '../testing/fake-swarm.ts';
import { nodeMatches, parseConstraint } from './constraint.ts';

function placed(name: string, replicas: number, placement: Placement): ServiceSpec {
  const spec = replicated(name, replicas);
  return { ...spec, task: { ...spec.task, placement } };
}

function label(swarm: FakeSwarm, index: number, labels: Record<string, string>): void {
  const id = swarm.nodeId(index);
  answerOf<Node>((reply) => swarm.manager.control.updateNode(id, undefined, { labels }, reply));
}

function setAvailability(swarm: FakeSwarm, index: number, availability: NodeAvailability): void {
  const id = swarm.nodeId(index);
  answerOf<Node>((reply) =>
    swarm.manager.control.updateNode(id, undefined, { availability }, reply),
  );
}

test('tasks are spread: the service first, then the total', () => {
  const swarm = new FakeSwarm(3);
  swarm.run(1);
  const a = swarm.createService(replicated('a', 6));
  swarm.run(2);
  const count = (id: string) => {
    const counts = [0, 0, 0, 0];
    for (const index of swarm.placement(id)) counts[index]!++;
    return counts;
  };
  expect(count(a.id).sort()).toEqual([1, 1, 2, 2]);
  const b = swarm.createService(replicated('b', 2));
  swarm.run(2);
  const both = count(a.id).map((n, i) => n + count(b.id)[i]!);
  expect(both).toEqual([2, 2, 2, 2]);
});

test('equal nodes are chosen by chance, the same for the same seed', () => {
  const place = (seed: string) => {
    const swarm = new FakeSwarm(5, seed);
    swarm.run(1);
    const web = swarm.createService(replicated('web', 1));
    swarm.run(2);
    return swarm.placement(web.id)[0]!;
  };
  const chosen = new Set<number>();
  for (let seed = 0; seed < 30; seed++) chosen.add(place(`tie ${seed}`));
  expect(chosen.size).toBeGreaterThanOrEqual(5);
  expect(place('tie 3')).toBe(place('tie 3'));
});

test('constraints and their explanation', () => {
  const swarm = new FakeSwarm(3);
  swarm.run(1);
  label(swarm, 2, { disk: 'SSD' });
  const web = swarm.createService(placed('web', 2, { constraints: ['node.labels.disk == ssd'] }));
  const none = swarm.createService(placed('none', 1, { constraints: ['node.role==nobody'] }));
  swarm.run(2);
  expect(swarm.placement(web.id)).toEqual([2, 2]);
  const [task] = swarm.manager.store.view.tasksOfService(none.id);
  expect(task!.status.state).toBe(TaskState.pending);
  expect(task!.status.err).toBe(
    'no suitable node (scheduling constraints not satisfied on 4 nodes)',
  );
});

test('explanations name what turned most nodes away first', () => {
  const swarm = new FakeSwarm(3);
  swarm.run(1);
  setAvailability(swarm, 1, NodeAvailability.pause);
  const resources: ResourceRequirements = { reservations: { nanoCpus: 64e9, memoryBytes: 0 } };
  const spec = replicated('big', 1);
  const big = swarm.createService({ ...spec, task: { ...spec.task, resources } });
  swarm.run(2);
  const [task] = swarm.manager.store.view.tasksOfService(big.id);
  expect(task!.status.err).toBe(
    'no suitable node (insufficient resources on 3 nodes; 1 node not available for new tasks)',
  );
});

test('max replicas per node, and a pending task that gets its node when there is one', () => {
  const swarm = new FakeSwarm(1);
  swarm.run(1);
  const web = swarm.createService(placed('web', 3, { maxReplicas: 1 }));
  swarm.run(2);
  expect(swarm.placement(web.id)).toEqual([0, 1]);
  const waiting = swarm.manager.store.view
    .tasksOfService(web.id)
    .find((task) => task.status.state === TaskState.pending);
  expect(waiting!.status.err).toBe('no suitable node (max replicas per node limit exceed)');
});

test('preferences spread over the values of a label', () => {
  const swarm = new FakeSwarm(4);
  swarm.run(1);
  for (const index of [0, 1, 2]) label(swarm, index, { rack: 'a' });
  label(swarm, 3, { rack: 'b' });
  label(swarm, 4, { rack: 'b' });
  const spec = placed('web', 8, { preferences: ['node.labels.rack'] });
  const web = swarm.createService(spec);
  swarm.run(2);
  const inB = swarm.placement(web.id).filter((index) => index >= 3);
  expect(inB).toHaveLength(4);
});

test('a node on which a service fails again and again is avoided', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  swarm.hosts[1]!.exitCodeOf = () => 1;
  const web = swarm.createService(replicated('web', 3));
  swarm.run(60);
  expect(swarm.placement(web.id)).toHaveLength(3);
  expect(swarm.placement(web.id)).not.toContain(1);
});

test.each([
  ['node.role', 'constraint expected one operator from ==, !='],
  ['1node==a', "key '1node' is invalid"],
  ['node.labels.x==a%b', "value 'a%b' is invalid"],
])('constraint %s is refused', (expression, message) => {
  expect(parseConstraint(expression)).toBe(message);
});

test('constraint keys', () => {
  const swarm = new FakeSwarm(1);
  swarm.run(1);
  label(swarm, 1, { Zone: 'Eu' });
  const node = swarm.node(1);
  const cases: [string, boolean][] = [
    [`node.id==${node.id}`, true],
    ['node.hostname==WORKER-1', true],
    ['node.role==worker', true],
    ['node.role!=manager', true],
    ['node.labels.Zone==eu', true],
    ['node.labels.zone==eu', false],
    ['node.labels.other!=eu', true],
    ['node.platform.os==linux', true],
    ['node.ip==192.168.0.11', true],
    ['node.ip==192.168.0.0/24', true],
    ['node.ip!=192.168.0.0/24', false],
    ['node.weather==fine', false],
  ];
  for (const [expression, expected] of cases) {
    expect([expression, nodeMatches([expression], node)]).toEqual([expression, expected]);
  }
});
