/**
 * A container that people started by hand (`docker run`), as dockerd keeps it: what was asked for,
 * what became of it, and what runs.
 */
import { StepQueue } from '../../sim/steps.ts';
import type { PortMapping } from '../firewall/bridge-rules.ts';
import type { LocalEndpoint } from '../network/local-network.ts';
import type { ContainerSandbox } from '../sandbox/container-sandbox.ts';
import type { RunningProgram } from '../workload/running-program.ts';
import type { ContainerPort, ContainerRequest, EndpointRequest } from './requests.ts';
import { RestartManager } from './restart-policy.ts';

/** What a container is doing; `restarting` is over, and waits for its policy to start it again. */
export type StandaloneState = 'created' | 'running' | 'paused' | 'restarting' | 'exited';

/** What a health check has found out. */
export type ContainerHealth = 'starting' | 'healthy' | 'unhealthy';

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
  /** How often its policy has started it again since somebody did. */
  restartCount = 0;
  restarts: RestartManager;
  /** What its health check says while it runs; `undefined` without one. */
  health: ContainerHealth | undefined;
  /** Somebody stopped it, which `unless-stopped` goes by. */
  wasStopped = false;
  /** `docker restart` ends it, and starts it again. */
  isRestartedByHand = false;
  /** Whoever waits for its end. */
  readonly whenEnded: (() => void)[] = [];
  /** It has run before: only then a policy starts it when dockerd starts. */
  wasStarted = false;
  /** What it does that takes time, one thing after the other. */
  turns = new StepQueue();
  /** Its next sandbox' id, which plugins are told before it is made. */
  sandboxId: string | undefined;
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
    this.restarts = new RestartManager(request.restartPolicy);
  }

  /** The first twelve digits of the id. */
  get shortId(): string {
    return this.id.slice(0, 12);
  }

  /** What `hostname` prints in it. */
  get hostname(): string {
    return this.request.hostname === '' ? this.shortId : this.request.hostname;
  }

  /** True while it has a process, frozen or not. */
  get isRunning(): boolean {
    return this.state === 'running' || this.state === 'paused';
  }

  /** Forgets what runs and where, as the power goes; what dockerd has written down stays. */
  forgetRun(): void {
    this.program = undefined;
    this.sandbox = undefined;
    this.networkSandbox = undefined;
    this.mappings = () => [];
    this.whenEnded.length = 0;
    for (const attachment of this.attachments.values()) attachment.endpoint = undefined;
  }

  /** `container:<name>` of its network mode; `undefined` otherwise. */
  get sharedWith(): string | undefined {
    const { networkMode } = this.request;
    return networkMode.startsWith('container:') ? networkMode.slice(10) : undefined;
  }
}
