/**
 * `docker compose up -d` on one host: a project's networks, and its containers in the order of their
 * dependencies (docker/compose `pkg/compose/create.go`, `convergence.go`). What is there already is
 * left as it is, and what does not run is started.
 */
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
export function composeUp(daemon: Daemon, project: ComposeProject): ComposeOutcome {
  const lines: string[] = [];
  for (const name of project.externalNetworks) {
    if (daemon.host.networks.find(name) !== undefined) continue;
    const complaint = `network ${name} declared as external, but could not be found`;
    return { lines, complaint };
  }
  for (const network of project.networks) {
    if (daemon.host.networks.find(network.name) !== undefined) continue;
    const made = daemon.createNetwork(network);
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
    const refusal = daemon.start(container.id);
    if (refusal !== undefined) return { lines, complaint: responseOf(refusal) };
    lines.push(`Container ${request.name}  Started`);
  }
  return { lines, complaint: undefined };
}

function responseOf({ message }: Refusal): string {
  return `Error response from daemon: ${message}`;
}
