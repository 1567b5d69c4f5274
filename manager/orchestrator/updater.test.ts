import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { answerOf } from '../control/result.ts';
import {
  FailureAction,
  type Service,
  type ServiceSpec,
  type UpdateConfig,
  UpdateOrder,
  UpdateState,
} from '../objects/service.ts';
import { FakeSwarm, replicated } from '../testing/fake-swarm.ts';

function web(replicas: number, update: UpdateConfig, image = 'web:1'): ServiceSpec {
  const spec = replicated('web', replicas);
  const container = { image };
  return { ...spec, task: { ...spec.task, container }, update, rollback: update };
}

function change(swarm: FakeSwarm, id: string, spec: ServiceSpec): void {
  const result = answerOf<Service>((reply) =>
    swarm.manager.control.updateService(id, undefined, spec, reply),
  );
  if (!result.ok) throw new Error(result.refusal.message);
}

function stored(swarm: FakeSwarm, id: string): Service {
  return swarm.manager.store.view.service(id)!;
}

function imagesOf(swarm: FakeSwarm, id: string): string[] {
  const tasks = swarm.runningTasks(id).sort((a, b) => a.slot - b.slot);
  return tasks.map((task) => task.spec.container.image);
}

test('stop-first: one slot after the other, then monitored, then completed', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const { id } = swarm.createService(web(3, {}));
  swarm.run(3);
  change(swarm, id, web(3, {}, 'web:2'));
  let fewest = 3;
  for (let i = 0; i < 60; i++) {
    swarm.run(0.2);
    fewest = Math.min(fewest, imagesOf(swarm, id).length);
  }
  expect(fewest).toBe(2);
  expect(imagesOf(swarm, id)).toEqual(['web:2', 'web:2', 'web:2']);
  expect(stored(swarm, id).updateStatus?.state).toBe(UpdateState.updating);
  swarm.run(5);
  expect(stored(swarm, id).updateStatus?.message).toBe('update completed');
});

test('start-first never has less than all', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const config = { order: UpdateOrder.startFirst, parallelism: 0, delayNs: SECOND_NS };
  const { id } = swarm.createService(web(3, config));
  swarm.run(3);
  change(swarm, id, web(3, config, 'web:2'));
  for (let i = 0; i < 50; i++) {
    swarm.run(0.1);
    expect(imagesOf(swarm, id).length).toBeGreaterThanOrEqual(3);
  }
  expect(imagesOf(swarm, id)).toEqual(['web:2', 'web:2', 'web:2']);
});

test('a failing update pauses, and the next update goes on', () => {
  const swarm = new FakeSwarm(2);
  for (const host of swarm.hosts) {
    host.exitCodeOf = (task) => (task.spec.container.image === 'web:bad' ? 1 : undefined);
  }
  swarm.run(1);
  const { id } = swarm.createService(web(3, {}));
  swarm.run(3);
  change(swarm, id, web(3, {}, 'web:bad'));
  swarm.run(30);
  const paused = stored(swarm, id).updateStatus!;
  expect(paused.state).toBe(UpdateState.paused);
  expect(paused.message).toMatch(/^update paused due to failure or early termination of task /);
  expect(imagesOf(swarm, id)).toEqual(['web:1', 'web:1']);
  change(swarm, id, web(3, {}, 'web:3'));
  swarm.run(40);
  expect(imagesOf(swarm, id)).toEqual(['web:3', 'web:3', 'web:3']);
  expect(stored(swarm, id).updateStatus?.state).toBe(UpdateState.completed);
});

test('a failing update rolls back', () => {
  const swarm = new FakeSwarm(2);
  for (const host of swarm.hosts) {
    host.exitCodeOf = (task) => (task.spec.container.image === 'web:bad' ? 1 : undefined);
  }
  swarm.run(1);
  const config = { failureAction: FailureAction.rollback };
  const { id } = swarm.createService(web(3, config));
  swarm.run(3);
  change(swarm, id, web(3, config, 'web:bad'));
  swarm.run(5);
  expect(stored(swarm, id).updateStatus?.message).toMatch(/^update rolled back due to failure /);
  swarm.run(30);
  expect(stored(swarm, id).updateStatus?.message).toBe('rollback completed');
  expect(imagesOf(swarm, id)).toEqual(['web:1', 'web:1', 'web:1']);
});

test('a tolerated failure ratio lets the update finish', () => {
  const swarm = new FakeSwarm(2);
  let failures = 0;
  for (const host of swarm.hosts) {
    host.exitCodeOf = (task) =>
      task.spec.container.image === 'web:2' && failures++ === 0 ? 1 : undefined;
  }
  swarm.run(1);
  const config = { maxFailureRatio: 0.5 };
  const { id } = swarm.createService(web(3, config));
  swarm.run(3);
  change(swarm, id, web(3, config, 'web:2'));
  swarm.run(40);
  expect(stored(swarm, id).updateStatus?.state).toBe(UpdateState.completed);
  expect(imagesOf(swarm, id)).toEqual(['web:2', 'web:2', 'web:2']);
});

test('scaling is not an update; a manual rollback swaps the specs', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const { id } = swarm.createService(web(2, {}));
  swarm.run(3);
  const before = swarm.runningTasks(id).map((task) => task.id);
  change(swarm, id, web(3, {}));
  swarm.run(3);
  expect(stored(swarm, id).updateStatus).toBeUndefined();
  expect(swarm.runningTasks(id).map((task) => task.id)).toEqual(expect.arrayContaining(before));
  change(swarm, id, web(3, {}, 'web:2'));
  swarm.run(30);
  answerOf<Service>((reply) => swarm.manager.control.rollBackService(id, reply));
  swarm.run(30);
  expect(imagesOf(swarm, id)).toEqual(['web:1', 'web:1', 'web:1']);
  expect(stored(swarm, id).previousSpec?.task.container.image).toBe('web:2');
});

test('an update survives a restart of the manager', () => {
  const swarm = new FakeSwarm(2);
  swarm.run(1);
  const { id } = swarm.createService(web(3, {}));
  swarm.run(3);
  change(swarm, id, web(3, {}, 'web:2'));
  swarm.run(4);
  swarm.manager.crash();
  swarm.run(2);
  swarm.manager.restart();
  swarm.run(60);
  expect(imagesOf(swarm, id)).toEqual(['web:2', 'web:2', 'web:2']);
  expect(stored(swarm, id).updateStatus?.state).toBe(UpdateState.completed);
});
