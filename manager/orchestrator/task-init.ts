/**
 * What a new leader's orchestrator makes of the tasks that it finds (swarmkit
 * `manager/orchestrator/taskinit/init.go`).
 *
 * The restart supervisor starts without memory: delays that were running go on with what is left
 * of them, the history of restarts is rebuilt, and tasks of deleted services are removed.
 */
import type { World } from '../../sim/world.ts';
import type { Service } from '../objects/service.ts';
import { restartPolicyOf } from '../objects/service-defaults.ts';
import type { Task } from '../objects/task.ts';
import { TaskState } from '../objects/task-state.ts';
import type { Store } from '../store/store.ts';
import type { RestartSupervisor } from './restart-supervisor.ts';
import { placeKeyOf, statusTimeOf } from './task-factory.ts';

/** Looks at every task of the services that `isRelated` accepts; `fix` sees each of them. */
export function checkTasks(
  world: World,
  store: Store,
  restarts: RestartSupervisor,
  isRelated: (service: Service) => boolean,
  fix: (task: Task) => void,
): void {
  const places = new Map<string, { readonly service: Service; readonly tasks: Task[] }>();
  const { view } = store;
  for (const task of [...view.tasks()]) {
    const service = view.service(task.serviceId);
    if (service === undefined || !isRelated(service)) continue;
    const key = placeKeyOf(service, task);
    const place = places.get(key);
    if (place === undefined) places.set(key, { service, tasks: [task] });
    else place.tasks.push(task);
    fix(task);
    resumeStart(world, restarts, task);
  }
  for (const { service, tasks } of places.values()) rebuildHistory(restarts, service, tasks);
}

function resumeStart(world: World, restarts: RestartSupervisor, task: Task): void {
  if (task.desiredState !== TaskState.ready || task.status.state > TaskState.complete) return;
  const { delayNs } = restartPolicyOf(task.spec.restart);
  const restNs = Math.min(delayNs, statusTimeOf(task) + delayNs - world.nowNs);
  if (restNs > 0) restarts.delayedStarts.delay(task.id, undefined, restNs);
  else restarts.delayedStarts.startNow(task.id);
}

function rebuildHistory(
  restarts: RestartSupervisor,
  service: Service,
  tasks: readonly Task[],
): void {
  const newest = Math.max(...tasks.map((task) => task.specVersion));
  tasks
    .filter((task) => task.specVersion === newest)
    .sort((a, b) => a.meta.createdAtNs - b.meta.createdAtNs)
    .slice(1)
    .forEach((task) => {
      restarts.recordRestart(service, task, task.meta.createdAtNs);
    });
}
