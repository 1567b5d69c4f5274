/**
 * When restart policies start a container again: the waits of each, what makes them begin anew, and
 * what ends them (moby `container/restartmanager`).
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { docker } from '../docker/docker.ts';
import { bootHost } from '../testing/docker-host.ts';
import { serverOf } from '../workload/program.ts';
import type { Daemon } from './daemon.ts';

/** A daemon whose containers end after a span, with this status. */
function daemonOf(afterNs: number, code: number): Daemon {
  const { daemon } = bootHost('28');
  daemon.programOf = () => ({
    name: 'sh',
    spec: { ...serverOf([]), exit: { afterNs, code } },
  });
  return daemon;
}

/** The waits before each start after the first within a span, in ms. */
function waitsOf(daemon: Daemon, policy: string, spanNs: number): number[] {
  const { world } = daemon.host;
  docker(daemon, `run -d --name job --restart ${policy} alpine`);
  const container = daemon.find('job')!;
  const waits: number[] = [];
  let startedAtNs = container.startedAtNs;
  const untilNs = world.nowNs + spanNs;
  while (world.nowNs < untilNs) {
    const endedAtNs = container.finishedAtNs;
    world.queue.runUntil(world.nowNs + SECOND_NS / 100);
    if (container.startedAtNs === startedAtNs) continue;
    startedAtNs = container.startedAtNs;
    waits.push(Math.round((startedAtNs! - endedAtNs!) / 1e6));
  }
  return waits;
}

test.each([
  ['always', 0, 1 * SECOND_NS, [100, 200, 400, 800, 1600, 3200, 6400, 12800]],
  ['unless-stopped', 3, 12 * SECOND_NS, [100, 100, 100]],
  ['on-failure:2', 3, 1 * SECOND_NS, [100, 200]],
  ['on-failure', 0, 1 * SECOND_NS, []],
  ['no', 3, 1 * SECOND_NS, []],
])('%s, ended with %i', (policy, code, afterNs, waits) => {
  const daemon = daemonOf(afterNs, code);
  expect(waitsOf(daemon, policy, 40 * SECOND_NS).slice(0, waits.length + 1)).toEqual(waits);
});

test('the wait ends when somebody stops the container, and is a state of its own until then', () => {
  const daemon = daemonOf(SECOND_NS, 1);
  const { queue } = daemon.host.world;
  docker(daemon, 'run -d --name job --restart always alpine');
  queue.runUntil(queue.nowNs + 1.05 * SECOND_NS);
  expect(docker(daemon, 'ps').stdout).toContain('Restarting (1) Less than a second ago');
  expect(docker(daemon, 'rm job').stderr).toBe(
    'Error response from daemon: cannot remove container "job": container is restarting: stop ' +
      'the container before removing or force remove\n',
  );
  docker(daemon, 'stop job');
  queue.runUntil(queue.nowNs + 60 * SECOND_NS);
  expect(docker(daemon, 'ps -a').stdout).toContain('Exited (1)');
});
