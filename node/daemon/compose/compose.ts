/**
 * `docker compose up -d` and `down` on one host (docker/compose `pkg/compose/create.go`,
 * `convergence.go`, `down.go`): a project's networks, all its containers, and their starts in the
 * order of their dependencies, each as soon as what it waits for is so. What is there already and has
 * not changed is left as it is, what has is made anew, and what does not run is started
 * (`pkg/compose/reconcile.go`).
 */
import { answerOf, type Steps, takeSteps } from '../../../sim/steps.ts';
import { MILLISECOND_NS } from '../../../sim/time.ts';
import type { Daemon } from '../daemon.ts';
import { Refusal, responseOf } from '../refusal.ts';
import type { ContainerRequest } from '../requests.ts';
import type { StandaloneContainer } from '../standalone-container.ts';
import { settleContainers, settleNetwork } from './changes.ts';
import {
  type ComposeDependency,
  ComposeLabel,
  type ComposeProject,
  type ComposeService,
} from './project.ts';

/** How often compose looks whether a condition is met. */
const POLL_NS = 500 * MILLISECOND_NS;

/** What the command says, line by line, the last one of a complaint if there is one. */
export interface ComposeOutcome {
  readonly lines: readonly string[];
  readonly complaint: string | undefined;
}

/** Brings a project up. */
export function* composeUp(
  daemon: Daemon,
  project: ComposeProject,
  removesOrphans = false,
): Steps<ComposeOutcome> {
  const lines: string[] = [];
  const complaint =
    (yield* makeNetworks(daemon, project, lines)) ??
    (yield* settleOrphans(daemon, project, removesOrphans, lines)) ??
    (yield* settleContainers(daemon, project, lines)) ??
    (yield* answerOf<string | undefined>((resume) => startAll(daemon, project, lines, resume)));
  return { lines, complaint };
}

/** Takes a project down: its containers, whom others depend on last, then its networks. */
export function* composeDown(
  daemon: Daemon,
  project: ComposeProject,
  removesOrphans = false,
): Steps<ComposeOutcome> {
  const lines: string[] = [];
  let count = 0;
  const services = [...project.services].reverse().map(({ name }) => name);
  for (const service of services) {
    const own = containersOf(daemon, project).filter((each) => serviceOf(each) === service);
    count += own.length;
    yield* removeAll(daemon, own, lines);
  }
  if (removesOrphans) yield* removeAll(daemon, orphansOf(daemon, project), lines);
  for (const { name } of project.networks) {
    const network = daemon.host.networks.find(name);
    if (network?.facts.labels.get(ComposeLabel.project) !== project.name) continue;
    count++;
    const removed = daemon.removeNetwork(name);
    const state = removed instanceof Refusal ? 'Resource is still in use' : 'Removed';
    lines.push(`Network ${name}  ${state}`);
  }
  if (count === 0)
    lines.push(`Warning: No resource found to remove for project "${project.name}".`);
  return { lines, complaint: undefined };
}

function* makeNetworks(
  daemon: Daemon,
  project: ComposeProject,
  lines: string[],
): Steps<string | undefined> {
  for (const name of project.externalNetworks) {
    if (daemon.host.networks.find(name) !== undefined) continue;
    return `network ${name} declared as external, but could not be found`;
  }
  for (const network of project.networks) {
    const complaint = yield* settleNetwork(daemon, network, lines);
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

/** Containers of services that the project no longer has are removed, or told of. */
function* settleOrphans(
  daemon: Daemon,
  project: ComposeProject,
  removesOrphans: boolean,
  lines: string[],
): Steps<undefined> {
  const orphans = orphansOf(daemon, project);
  if (removesOrphans) yield* removeAll(daemon, orphans, lines);
  else if (orphans.length > 0) {
    const names = orphans.map(({ name }) => name).join(' ');
    lines.push(
      `Found orphan containers ([${names}]) for this project. If you removed or renamed this ` +
        'service in your compose file, you can run this command with the --remove-orphans flag ' +
        'to clean it up.',
    );
  }
  return undefined;
}

/** Starts each service once all that it depends on have been started; `onDone` hears a complaint. */
function startAll(
  daemon: Daemon,
  { services }: ComposeProject,
  lines: string[],
  onDone: (complaint: string | undefined) => void,
): void {
  const begun = new Set<string>();
  const started = new Set<string>();
  let isOver = false;
  const finish = (complaint: string | undefined) => {
    if (!isOver) onDone(complaint);
    isOver = true;
  };
  const beginReady = () => {
    if (started.size === services.length) finish(undefined);
    for (const service of services) {
      const isReady = service.dependencies.every(
        (other) => started.has(other.service) || !services.some((s) => s.name === other.service),
      );
      if (isOver || begun.has(service.name) || !isReady) continue;
      begun.add(service.name);
      takeSteps(
        startService(daemon, services, service, lines, () => isOver),
        (complaint) => {
          if (complaint !== undefined) finish(complaint);
          else {
            started.add(service.name);
            beginReady();
          }
        },
      );
    }
  };
  beginReady();
}

function* startService(
  daemon: Daemon,
  services: readonly ComposeService[],
  { containers, dependencies }: ComposeService,
  lines: string[],
  isCancelled: () => boolean,
): Steps<string | undefined> {
  for (const dependency of dependencies) {
    const others = services.find(({ name }) => name === dependency.service)?.containers ?? [];
    const complaint = yield* waitFor(daemon, dependency, others, lines, isCancelled);
    if (complaint !== undefined) return complaint;
  }
  for (const { name } of containers) {
    if (isCancelled()) return undefined;
    if (daemon.find(name)?.isRunning === true) {
      lines.push(`Container ${name}  Running`);
      continue;
    }
    const refusal = yield* answerOf<Refusal | undefined>((resume) => daemon.start(name, resume));
    if (refusal !== undefined) return responseOf(refusal);
    lines.push(`Container ${name}  Started`);
  }
  return undefined;
}

/** Looks at a dependency's containers until its condition is met, or never will be. */
function* waitFor(
  daemon: Daemon,
  dependency: ComposeDependency,
  others: readonly ContainerRequest[],
  lines: string[],
  isCancelled: () => boolean,
): Steps<string | undefined> {
  if (dependency.condition === 'service_started' || others.length === 0) return undefined;
  const { queue } = daemon.host.world;
  for (const { name } of others) lines.push(`Container ${name}  Waiting`);
  for (;;) {
    yield* answerOf<void>((resume) =>
      queue.scheduleCallback(queue.nowNs + POLL_NS, () => daemon.host.inEngine(resume)),
    );
    if (isCancelled()) return undefined;
    const found = others.map(({ name }) => daemon.find(name));
    const state =
      dependency.condition === 'service_healthy'
        ? healthOf(found)
        : completionOf(found, dependency.service);
    if (state === 'waiting') continue;
    if (state === 'met') {
      const word = dependency.condition === 'service_healthy' ? 'Healthy' : 'Exited';
      for (const { name } of others) lines.push(`Container ${name}  ${word}`);
      return undefined;
    }
    if (dependency.isRequired) return state.complaint;
    lines.push(state.warning);
    return undefined;
  }
}

/** How a condition stands; why it never will be met, as an error and where it is optional. */
type ConditionState = 'waiting' | 'met' | { readonly complaint: string; readonly warning: string };

function healthOf(containers: readonly (StandaloneContainer | undefined)[]): ConditionState {
  for (const container of containers) {
    if (container === undefined) continue;
    const why = healthFailureOf(container);
    if (why === undefined) continue;
    const service = serviceOf(container);
    const warning = `optional dependency "${service}" failed to start: ${why}`;
    return { complaint: `dependency failed to start: ${why}`, warning };
  }
  return containers.every((each) => each?.health === 'healthy') ? 'met' : 'waiting';
}

function healthFailureOf(container: StandaloneContainer): string | undefined {
  const { name, state, exitCode, health, isRunning } = container;
  if (state === 'exited') return `container ${name} exited (${exitCode})`;
  if (isRunning && health === undefined) return `container ${name} has no healthcheck configured`;
  return health === 'unhealthy' ? `container ${name} is unhealthy` : undefined;
}

function completionOf(
  containers: readonly (StandaloneContainer | undefined)[],
  service: string,
): ConditionState {
  const exited = containers.find((each) => each?.state === 'exited');
  if (exited === undefined) return 'waiting';
  if (exited.exitCode === 0) return 'met';
  const why = `"${service}" didn't complete successfully: exit ${exited.exitCode}`;
  return { complaint: `service ${why}`, warning: `optional dependency ${why}` };
}

/** Stops and removes containers, all at once. */
function* removeAll(
  daemon: Daemon,
  containers: readonly StandaloneContainer[],
  lines: string[],
): Steps<void> {
  if (containers.length === 0) return;
  yield* answerOf<void>((resume) => {
    let left = containers.length;
    for (const { id, name } of containers) {
      daemon.stop(id, undefined, () => {
        lines.push(`Container ${name}  Stopped`);
        daemon.remove(id, true);
        lines.push(`Container ${name}  Removed`);
        if (--left === 0) resume();
      });
    }
  });
}

function containersOf(daemon: Daemon, { name }: ComposeProject): StandaloneContainer[] {
  return daemon.list().filter(({ request }) => request.labels.get(ComposeLabel.project) === name);
}

function orphansOf(daemon: Daemon, project: ComposeProject): StandaloneContainer[] {
  const services = project.services.map(({ name }) => name);
  return containersOf(daemon, project).filter((each) => !services.includes(serviceOf(each)));
}

function serviceOf({ request }: StandaloneContainer): string {
  return request.labels.get(ComposeLabel.service) ?? '';
}
