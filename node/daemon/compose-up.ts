/**
 * `docker compose up -d` on one host: a project's networks, and its containers in the order of their
 * dependencies (docker/compose `pkg/compose/create.go`, `convergence.go`). What is there already is
 * left as it is, and what does not run is started.
 */
import { answerOf, type Steps } from '../../sim/steps.ts';
import type { LocalNetwork } from '../network/local-network.ts';
import type { Daemon } from './daemon.ts';
import { Refusal } from './refusal.ts';
import type { ContainerRequest, NetworkRequest } from './requests.ts';

/** A project, read and checked. */
export interface ComposeProject {
  readonly name: string;
  readonly networks: readonly NetworkRequest[];
  /** Networks that somebody else has to make. */
  readonly externalNetworks: readonly string[];
  /** Whom others depend on first. */
  readonly containers: readonly ContainerRequest[];
}

/** What the command says, line by line, the last one of a complaint if there is one. */
export interface ComposeOutcome {
  readonly lines: readonly string[];
  readonly complaint: string | undefined;
}

/** Brings a project up. */
export function* composeUp(daemon: Daemon, project: ComposeProject): Steps<ComposeOutcome> {
  const lines: string[] = [];
  for (const name of project.externalNetworks) {
    if (daemon.host.networks.find(name) !== undefined) continue;
    const complaint = `network ${name} declared as external, but could not be found`;
    return { lines, complaint };
  }
  for (const network of project.networks) {
    if (daemon.host.networks.find(network.name) !== undefined) continue;
    const made = yield* answerOf<LocalNetwork | Refusal>((resume) =>
      daemon.createNetwork(network, resume),
    );
    if (made instanceof Refusal) {
      const complaint = `failed to create network ${network.name}: ${responseOf(made)}`;
      return { lines, complaint };
    }
    lines.push(`Network ${network.name}  Created`);
  }
  for (const request of project.containers) {
    const container = daemon.find(request.name) ?? daemon.create(request);
    if (container instanceof Refusal) return { lines, complaint: responseOf(container) };
    if (container.isRunning) {
      lines.push(`Container ${request.name}  Running`);
      continue;
    }
    const refusal = yield* answerOf<Refusal | undefined>((resume) =>
      daemon.start(container.id, resume),
    );
    if (refusal !== undefined) return { lines, complaint: responseOf(refusal) };
    lines.push(`Container ${request.name}  Started`);
  }
  return { lines, complaint: undefined };
}

function responseOf({ message }: Refusal): string {
  return `Error response from daemon: ${message}`;
}
