/**
 * Updates of a service that move its published ports: from the words of a scenario to the manager's.
 */
import type { PortChange } from '../../manager/control/published-ports.ts';
import { PortProtocol, PublishMode } from '../../manager/objects/endpoint.ts';
import type { TimelineEntry } from '../language/scenario.ts';

/** The ports of `docker service update --publish-add` and `--publish-rm`, as a scenario says them. */
export type PortUpdate = Exclude<NonNullable<TimelineEntry['update']>, string>;

/** What the manager is asked for. */
export function portChangeOf(update: PortUpdate): PortChange {
  const portOf = (port: PortUpdate['publish-rm'][number]) => ({
    targetPort: port.target,
    protocol: PortProtocol[port.protocol],
    publishMode: PublishMode[port.mode],
  });
  const add = update['publish-add'].map((port) => ({
    name: '',
    publishedPort: port.published,
    ...portOf(port),
  }));
  return { add, remove: update['publish-rm'].map(portOf) };
}

/** The options that somebody would have typed. */
export function portsText(update: PortUpdate): string {
  const added = update['publish-add'].map(({ published, target, protocol, mode }) => {
    return ` --publish-add ${published}:${target}/${protocol}${mode === 'host' ? ' in host mode' : ''}`;
  });
  const removed = update['publish-rm'].map(
    ({ target, protocol }) => ` --publish-rm ${target}/${protocol}`,
  );
  return [...added, ...removed].join('');
}
