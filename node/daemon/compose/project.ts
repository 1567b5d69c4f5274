/**
 * A compose project as one host's daemon is asked for it: networks, services in the order of their
 * dependencies, and the labels by which its parts are known again (docker/compose `pkg/api/labels.go`).
 */
import type { ContainerRequest, NetworkRequest } from '../requests.ts';

/** The labels by which compose knows its own again. */
export const ComposeLabel = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  number: 'com.docker.compose.container-number',
  network: 'com.docker.compose.network',
  hash: 'com.docker.compose.config-hash',
} as const;

/** What a dependency has to be before the dependent starts. */
export const CONDITIONS = [
  'service_started',
  'service_healthy',
  'service_completed_successfully',
] as const;

/** One entry of `depends_on`. */
export interface ComposeDependency {
  readonly service: string;
  readonly condition: (typeof CONDITIONS)[number];
  readonly isRequired: boolean;
}

/** One service of a project. */
export interface ComposeService {
  readonly name: string;
  readonly containers: readonly ContainerRequest[];
  readonly dependencies: readonly ComposeDependency[];
}

/** A project, read and checked. */
export interface ComposeProject {
  readonly name: string;
  readonly networks: readonly NetworkRequest[];
  /** Networks that somebody else has to make. */
  readonly externalNetworks: readonly string[];
  /** Whom others depend on first. */
  readonly services: readonly ComposeService[];
}
