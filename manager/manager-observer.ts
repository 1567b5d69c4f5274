/**
 * What the manager plane lets others see: states of tasks, nodes and updates as they are committed.
 *
 * `task.state`: node = the task's node index (-1 before it is assigned), a = hash of the task id,
 * b = state, text = `web.2 <task id>`. `node.status`: node and a = node index, b = state.
 * `service.update`: a = hash of the service id, b = update state, text = `web update in progress`.
 */
import { hashText } from '../sim/chance.ts';
import { observationKind } from '../sim/observations.ts';
import type { World } from '../sim/world.ts';
import type { NodeDirectory } from './node-directory.ts';
import type { Task } from './objects/task.ts';
import type { StoreEvent } from './store/change.ts';

/** A task reached a new observed state, as the store has it. */
export const TASK_STATE = observationKind('task.state');
/** A node reached a new state, as the store has it. */
export const NODE_STATUS = observationKind('node.status');
/** A service's update reached a new state. */
const SERVICE_UPDATE = observationKind('service.update');

/** The text of a `task.state` observation: `<service>.<slot or node id> <task id>`. */
function taskTextOf(task: Task): string {
  const place = task.slot > 0 ? String(task.slot) : task.nodeId;
  return `${task.serviceAnnotations.name}.${place} ${task.id}`;
}

/** Observes one transaction's events. */
export function observeCommit(
  world: World,
  directory: NodeDirectory,
  events: readonly StoreEvent[],
): void {
  for (const event of events) {
    if (event.action === 'remove') continue;
    switch (event.table) {
      case 'task': {
        const { object, old } = event;
        if (object.status.state === old?.status.state) break;
        const nodeIndex = directory.indexOf(object.nodeId);
        const { state } = object.status;
        world.observe(TASK_STATE, nodeIndex, hashText(object.id), state, taskTextOf(object));
        break;
      }
      case 'node': {
        const { object, old } = event;
        if (object.status.state === old?.status.state) break;
        const nodeIndex = directory.indexOf(object.id);
        world.observe(NODE_STATUS, nodeIndex, nodeIndex, object.status.state);
        break;
      }
      case 'service': {
        const { object, old } = event;
        const status = object.updateStatus;
        if (status === undefined || status.state === old?.updateStatus?.state) break;
        const text = `${object.spec.annotations.name} ${status.message}`;
        world.observe(SERVICE_UPDATE, -1, hashText(object.id), status.state, text);
        break;
      }
    }
  }
}
