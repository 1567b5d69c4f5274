/**
 * A container that people started by hand (`docker run`), as dockerd keeps it: what was asked for,
 * what became of it, and what runs.
 */
import type { PortMapping } from '../firewall/bridge-rules.ts';
import type { LocalEndpoint } from '../network/local-network.ts';
import type { ContainerSandbox } from '../sandbox/container-sandbox.ts';
import type { RunningProgram } from '../workload/running-program.ts';
import type { ContainerPort, ContainerRequest, EndpointRequest } from './requests.ts';

/** What a container is doing. */
export type StandaloneState = 'created' | 'running' | 'exited';

/** A container's place on a network: what was asked for, and the endpoint while it runs. */
export interface Attachment {
  readonly networkId: string;
  readonly request: EndpointRequest;
  /** The user chose the address. */
  readonly hasChosenAddress: boolean;
  endpoint: LocalEndpoint | undefined;
}

/** One container. */
export class StandaloneContainer {
  readonly id: string;
  name: string;
  readonly request: ContainerRequest;
  readonly createdAtNs: number;
  /** What it can be reached by, published or not, in the order of its ports. */
  readonly exposed: readonly ContainerPort[];
  /** Its places on networks by their names, in the order of joining. */
  readonly attachments = new Map<string, Attachment>();
  state: StandaloneState = 'created';
  /** 0 while it does not run. */
  pid = 0;
  exitCode = 0;
  /** Why it could not be started; empty otherwise. */
  error = '';
  /** undefined before the first time. */
  startedAtNs: number | undefined;
  finishedAtNs: number | undefined;
  restartCount = 0;
  /** Its own, or none while it does not run or lives in another's. */
  sandbox: ContainerSandbox | undefined;
  /** Whose namespace its process is in while it runs: its own, or another container's. */
  networkSandbox: ContainerSandbox | undefined;
  program: RunningProgram | undefined;
  /** Published ports while it runs. */
  mappings: () => readonly PortMapping[] = () => [];

  constructor(
    id: string,
    request: ContainerRequest,
    exposed: readonly ContainerPort[],
    createdAtNs: number,
  ) {
    this.id = id;
    this.name = request.name;
    this.request = request;
    this.exposed = exposed;
    this.createdAtNs = createdAtNs;
  }

  /** The first twelve digits of the id. */
  get shortId(): string {
    return this.id.slice(0, 12);
  }

  /** What `hostname` prints in it. */
  get hostname(): string {
    return this.request.hostname === '' ? this.shortId : this.request.hostname;
  }

  /** True while its process runs. */
  get isRunning(): boolean {
    return this.state === 'running';
  }

  /** `container:<name>` of its network mode; `undefined` otherwise. */
  get sharedWith(): string | undefined {
    const { networkMode } = this.request;
    return networkMode.startsWith('container:') ? networkMode.slice(10) : undefined;
  }
}
