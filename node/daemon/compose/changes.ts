/**
 * What `docker compose up` does about what is there and not as the file has it now: networks whose
 * settings have changed are made anew under their containers, containers are replaced, and those
 * beyond a service's scale go (docker/compose `pkg/compose/reconcile.go`).
 */
import { answerOf, type Steps } from '../../../sim/steps.ts';
import type { LocalNetwork } from '../../network/local-network.ts';
import type { Daemon } from '../daemon.ts';
import { Refusal, responseOf } from '../refusal.ts';
import type { ContainerRequest, NetworkRequest } from '../requests.ts';
import type { StandaloneContainer } from '../standalone-container.ts';
import { ComposeLabel, type ComposeProject } from './project.ts';

/** Makes a network that is not there, and one anew that is there and was another; a complaint. */
export function* settleNetwork(
  daemon: Daemon,
  wanted: NetworkRequest,
  lines: string[],
): Steps<string | undefined> {
  const found = daemon.host.networks.find(wanted.name);
  const own = ComposeLabel.project;
  if (found === undefined) return yield* make(daemon, wanted, lines);
  if (found.facts.labels.get(own) !== wanted.labels.get(own)) {
    const project = wanted.labels.get(own);
    const by = found.facts.labels.has(own) ? `for project "${project}"` : 'by compose';
    lines.push(
      `a network with name ${wanted.name} exists but was not created ${by}.\n` +
        'Set `external: true` to use an existing network',
    );
    return undefined;
  }
  const known = found.facts.labels.get(ComposeLabel.hash);
  if (known === undefined || known === wanted.labels.get(ComposeLabel.hash)) return undefined;
  const users = daemon.list().filter(({ attachments }) => attachments.has(wanted.name));
  const places = users.map((container) => container.attachments.get(wanted.name)!.request);
  for (const container of users) yield* stop(daemon, container, lines);
  for (const { id } of users) daemon.disconnect(wanted.name, id);
  const removed = daemon.removeNetwork(wanted.name);
  if (removed instanceof Refusal) return responseOf(removed);
  lines.push(`Network ${wanted.name}  Removed`);
  const complaint = yield* make(daemon, wanted, lines);
  if (complaint !== undefined) return complaint;
  for (const [i, { id }] of users.entries()) {
    const refusal = yield* answerOf<Refusal | undefined>((resume) =>
      daemon.connect(wanted.name, id, places[i]!, resume),
    );
    if (refusal !== undefined) return responseOf(refusal);
  }
  return undefined;
}

function* make(daemon: Daemon, wanted: NetworkRequest, lines: string[]): Steps<string | undefined> {
  const made = yield* answerOf<LocalNetwork | Refusal>((resume) =>
    daemon.createNetwork(wanted, resume),
  );
  if (made instanceof Refusal) {
    return `failed to create network ${wanted.name}: ${responseOf(made)}`;
  }
  lines.push(`Network ${wanted.name}  Created`);
  return undefined;
}

/** Makes the containers that are missing or were others, and takes those away that are too many. */
export function* settleContainers(
  daemon: Daemon,
  project: ComposeProject,
  lines: string[],
): Steps<string | undefined> {
  /** Whose network others share: they have to follow. */
  const renewed = new Set<string>();
  for (const { name, containers } of project.services) {
    const wanted = containers.map((request) => request.name);
    for (const container of ownContainers(daemon, project.name, name)) {
      if (wanted.includes(container.name)) continue;
      yield* stop(daemon, container, lines);
      daemon.remove(container.id, true);
      lines.push(`Container ${container.name}  Removed`);
    }
    for (const request of containers) {
      const known = daemon.find(request.name);
      const follows = renewed.has(request.networkMode.replace('container:', ''));
      if (known !== undefined && !follows && !isOutdated(daemon, known, request)) continue;
      if (known !== undefined) {
        yield* stop(daemon, known, lines);
        daemon.remove(known.id, true);
        renewed.add(request.name);
      }
      const made = daemon.create(request);
      if (made instanceof Refusal) return responseOf(made);
      lines.push(`Container ${request.name}  ${known === undefined ? 'Created' : 'Recreated'}`);
    }
  }
  return undefined;
}

/** True when a container is not what the file asks for, or is on networks that are gone. */
function isOutdated(daemon: Daemon, known: StandaloneContainer, wanted: ContainerRequest): boolean {
  const hash = (request: ContainerRequest) => request.labels.get(ComposeLabel.hash);
  if (hash(known.request) !== hash(wanted)) return true;
  return [...known.attachments].some(
    ([name, { networkId }]) => daemon.host.networks.find(name)?.id !== networkId,
  );
}

function ownContainers(daemon: Daemon, project: string, service: string): StandaloneContainer[] {
  return daemon.list().filter(({ request: { labels } }) => {
    return (
      labels.get(ComposeLabel.project) === project && labels.get(ComposeLabel.service) === service
    );
  });
}

function* stop(daemon: Daemon, container: StandaloneContainer, lines: string[]): Steps<void> {
  if (!container.isRunning) return;
  yield* answerOf<void>((resume) => {
    daemon.stop(container.id, undefined, resume);
  });
  lines.push(`Container ${container.name}  Stopped`);
}
