/**
 * Which program a task's container runs: the one that its service describes, or what its image is
 * known for, or a server on the ports that it publishes and exposes.
 */

import { formatPortProtocol } from '../../manager/objects/endpoint.ts';
import type { Task } from '../../manager/objects/task.ts';
import { programOfImage } from './images.ts';
import type { ProgramSpec } from './program.ts';

/** The program of a task. */
export function programOfTask(task: Task): ProgramSpec {
  const { image, workload, exposedPorts } = task.spec.container;
  if (workload !== undefined && workload !== null) return workload as unknown as ProgramSpec;
  const published = (task.endpoint?.ports ?? []).map(
    (port) => `${port.targetPort}/${formatPortProtocol(port.protocol)}`,
  );
  return programOfImage(image, [...new Set([...published, ...(exposedPorts ?? [])])]);
}
