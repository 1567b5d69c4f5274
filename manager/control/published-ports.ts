/**
 * What `docker service update --publish-add` and `--publish-rm` make of a service's ports
 * (docker/cli `updatePorts`): a port is taken away by its target, and added unless it is there.
 */
import { formatPortProtocol, type PortConfig } from '../objects/endpoint.ts';

/** Ports to add, and ports to take away: of those only target, protocol and mode count. */
export interface PortChange {
  readonly add: readonly PortConfig[];
  readonly remove: readonly Pick<PortConfig, 'targetPort' | 'protocol' | 'publishMode'>[];
}

/** The ports after a change, in the order in which the command sorts them. */
export function changedPorts(ports: readonly PortConfig[], change: PortChange): PortConfig[] {
  const present = new Set(ports.map(textOf));
  const kept = ports.filter(
    (port) =>
      !change.remove.some(
        (other) =>
          other.targetPort === port.targetPort &&
          other.protocol === port.protocol &&
          other.publishMode === port.publishMode,
      ),
  );
  const added = change.add.filter((port) => !present.has(textOf(port)));
  return [...kept, ...added].sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
}

/** `8080:80/tcp/ingress`. */
function textOf({ publishedPort, targetPort, protocol, publishMode }: PortConfig): string {
  const mode = publishMode === 0 ? 'ingress' : 'host';
  return `${publishedPort}:${targetPort}/${formatPortProtocol(protocol)}/${mode}`;
}
