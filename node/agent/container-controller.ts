/**
 * Does with a container what swarmkit's agent asks for one task (moby `executor/container/
 * controller.go`, `adapter.go`): networks and container, start and service binding, and the end in
 * the order that lets connections drain: binding off, 2 s for the gossip, stop signal, grace, kill.
 */
import type { ControllerDone, TaskController } from '../../manager/api/executor.ts';
import { EndpointMode, formatPortProtocol, PublishMode } from '../../manager/objects/endpoint.ts';
import type { NetworkAttachment } from '../../manager/objects/network.ts';
import { DEFAULT_STOP_GRACE_PERIOD_NS } from '../../manager/objects/service-defaults.ts';
import { type Task, taskNameOf } from '../../manager/objects/task.ts';
import { type DrawKey, drawBelow, hashText } from '../../sim/chance.ts';
import { type EventHandle, NO_EVENT } from '../../sim/event-queue.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { formatIpv4Address } from '../../wire/addresses.ts';
import type { Binding } from '../balancer/service-bindings.ts';
import { Refusal } from '../daemon/refusal.ts';
import type { PortBinding } from '../daemon/requests.ts';
import { type IngressPort, writeTaskIngressRules } from '../firewall/ingress-rules.ts';
import { RuleWriter } from '../firewall/writer.ts';
import type { NetworkReady } from '../network/swarm-networks.ts';
import { Sandbox, type SandboxEndpoint } from '../sandbox/sandbox.ts';
import { healthAfterNs, unhealthyAfterNs } from '../workload/health.ts';
import { programOfTask } from '../workload/program-of-task.ts';
import { RunningProgram } from '../workload/running-program.ts';
import { Container } from './container.ts';
import type { HostExecutor } from './executor.ts';

/** How long the engine waits for the gossip before it stops a service's container. */
const GOSSIP_CONVERGE_DELAY_NS = 2 * SECOND_NS;

/** Tasks that arrive together do not begin in the same instant. */
const BEGIN_SPAN = { minNs: 5 * MILLISECOND_NS, maxNs: 60 * MILLISECOND_NS };
/** What creating and starting a container takes on an idle machine. */
const CREATE_SPAN = { minNs: 100 * MILLISECOND_NS, maxNs: 300 * MILLISECOND_NS };
const START_SPAN = { minNs: 300 * MILLISECOND_NS, maxNs: 900 * MILLISECOND_NS };
/** What a program needs to end after the stop signal. */
const STOP_SPAN = { minNs: 20 * MILLISECOND_NS, maxNs: 120 * MILLISECOND_NS };
const KILLED_EXIT_CODE = 137;

/** What the exit code of a container says that could not be started. */
const NOT_STARTED_EXIT_CODE = 128;

/** A port in host mode as a binding on every address of the host. */
function bindingOf({ protocol, publishedPort, targetPort }: IngressPort): PortBinding {
  const hostPorts = [publishedPort, publishedPort] as const;
  return { protocol, port: targetPort, hostAddress: '', hostPorts };
}

/** The controller of one task. */
export class ContainerController implements TaskController {
  #task: Task;
  readonly #executor: HostExecutor;
  readonly #key: DrawKey;
  #container: Container | undefined;
  /** Networks that this task holds in use. */
  readonly #usedNetworks: string[] = [];
  #bindings: Binding[] = [];
  #isPrepared = false;
  #isUnhealthy = false;
  /** The preparation under way; one that was cancelled creates no further network. */
  #preparation = 0;
  #timer: EventHandle = NO_EVENT;

  constructor(executor: HostExecutor, task: Task) {
    this.#executor = executor;
    this.#task = task;
    this.#key = executor.host.world.chance.key(`container.${task.id}`);
  }

  update(task: Task): void {
    this.#task = task;
  }

  prepare(done: ControllerDone): void {
    if (this.#isPrepared) {
      done(undefined);
      return;
    }
    const create = () => {
      this.#after(CREATE_SPAN, 1, () => {
        this.#isPrepared = true;
        const { host } = this.#executor;
        const name = taskNameOf(this.#task);
        this.#container = new Container(host, this.#task, name, host.nextPid());
        this.#executor.containers.set(this.#task.id, this.#container);
        done(undefined);
      });
    };
    if (this.#swarmNetworks.length === 0) create();
    else {
      const preparation = ++this.#preparation;
      this.#executor.whenNetworked(() =>
        this.#after(BEGIN_SPAN, 4, () =>
          this.#useNetworks(preparation, 0, (failure) => {
            if (failure === undefined) create();
            else done({ message: failure, isTemporary: false });
          }),
        ),
      );
    }
  }

  /** Networks are created one after the other (`createNetworks` in adapter.go). */
  #useNetworks(preparation: number, from: number, onReady: NetworkReady): void {
    if (preparation !== this.#preparation) return;
    const attachment = this.#swarmNetworks[from];
    if (attachment === undefined) {
      onReady(undefined);
      return;
    }
    this.#usedNetworks.push(attachment.network.id);
    this.#executor.networks.use(attachment.network, (failure) => {
      if (failure === undefined) this.#useNetworks(preparation, from + 1, onReady);
      else onReady(failure);
    });
  }

  start(done: ControllerDone): void {
    const container = this.#container;
    if (container === undefined) {
      done({ message: 'container was not created', isTemporary: false });
      return;
    }
    if (container.state === 'running') {
      done(undefined);
      return;
    }
    this.#after(START_SPAN, 2, () => {
      const { host } = this.#executor;
      const sandbox = this.#createSandbox();
      if (sandbox instanceof Refusal) {
        container.becomeExited(NOT_STARTED_EXIT_CODE);
        this.#cleanUp();
        const message = `starting container failed: ${sandbox.message}`;
        done({ message, isTemporary: false });
        return;
      }
      container.state = 'running';
      container.startedAtNs = host.world.nowNs;
      container.sandbox = sandbox;
      const spec = programOfTask(this.#task);
      container.program = new RunningProgram(host, container.sandbox, spec, this.#key, (code) =>
        this.#onExit(code),
      );
      container.program.start(container.name);
      this.#executor.noteContainer(container, true);
      const { healthcheck } = this.#task.spec.container;
      const unhealthyNs = unhealthyAfterNs(healthcheck, spec.health);
      if (unhealthyNs !== undefined) {
        this.#schedule(unhealthyNs, () => this.#becomeUnhealthy(container));
      }
      const healthyNs = healthAfterNs(healthcheck, spec.health);
      if (healthyNs === undefined) return;
      this.#timer = this.#schedule(healthyNs, () => {
        if (container.state !== 'running') return;
        this.#enableBindings(container);
        done(undefined);
      });
    });
  }

  wait(done: ControllerDone): void {
    const container = this.#container;
    if (container === undefined) {
      done({ message: `task: non-zero exit (${KILLED_EXIT_CODE})`, isTemporary: false });
      return;
    }
    container.whenEnded(() => {
      const { exitCode } = container;
      const reason = this.#isUnhealthy ? ': dockerexec: unhealthy container' : '';
      const message = `task: non-zero exit (${exitCode})${reason}`;
      done(exitCode === 0 ? undefined : { message, isTemporary: false });
    });
  }

  shutdown(done: ControllerDone): void {
    const container = this.#container;
    if (container === undefined || container.state !== 'running') {
      this.#cleanUp();
      done(undefined);
      return;
    }
    const hasBinding = this.#bindings.length > 0;
    for (const binding of this.#bindings) this.#executor.networks.disableService(binding);
    this.#schedule(hasBinding ? GOSSIP_CONVERGE_DELAY_NS : 0, () => {
      this.#stop(container, () => done(undefined));
    });
  }

  cancel(): void {
    this.#preparation++;
    this.#executor.host.world.queue.cancel(this.#timer);
    this.#timer = NO_EVENT;
  }

  remove(done: ControllerDone): void {
    this.#preparation++;
    this.#container?.program?.kill(KILLED_EXIT_CODE);
    this.#container?.becomeExited(KILLED_EXIT_CODE);
    this.#cleanUp();
    this.#executor.forget(this.#task.id);
    done(undefined);
  }

  /** dockerd ends: the container is stopped, and no manager hears of it. */
  endWithEngine(onEnded: () => void): void {
    this.cancel();
    const container = this.#container;
    container?.forgetWaiters();
    if (container === undefined) {
      this.#cleanUp();
      onEnded();
    } else this.#stop(container, onEnded);
  }

  containerStatus() {
    return this.#container?.status;
  }

  #createSandbox(): Sandbox | Refusal {
    const { host, networks } = this.#executor;
    const isOnHost = this.#task.networks.some(
      ({ network: { isNodeLocal, spec } }) => isNodeLocal && spec.annotations.name === 'host',
    );
    const sandbox = new Sandbox(host, isOnHost);
    for (const attachment of isOnHost ? [] : this.#swarmNetworks) {
      const network = networks.find(attachment.network.id);
      const address = attachment.addresses[0]?.address;
      if (network === undefined || address === undefined) continue;
      const endpoint = sandbox.join(network, address);
      if (network.isIngress) this.#protect(sandbox, endpoint);
      const vip = this.#vipOn(network.id);
      if (network.isDirect && vip !== 0) sandbox.takeVirtualAddress(endpoint, vip);
    }
    sandbox.maybeAttachGateway();
    const refusal = sandbox.publish(isOnHost ? [] : this.#ports('host').map(bindingOf));
    if (refusal !== undefined) {
      sandbox.destroy();
      return refusal;
    }
    for (const { network, id } of sandbox.endpoints) networks.publishPeer(network, id);
    return sandbox;
  }

  /** Those of its networks that are not of every node. */
  get #swarmNetworks(): readonly NetworkAttachment[] {
    return this.#task.networks.filter(({ network }) => !network.isNodeLocal);
  }

  /** The service's virtual address on a network; 0 when it has none. */
  #vipOn(networkId: string): number {
    const { endpoint } = this.#task;
    if (endpoint?.spec.mode === EndpointMode.dnsrr) return 0;
    return endpoint?.virtualIps.find((vip) => vip.networkId === networkId)?.address.address ?? 0;
  }

  /** What a task lets in from the ingress network. */
  #protect(sandbox: Sandbox, endpoint: SandboxEndpoint): void {
    const writer = new RuleWriter(sandbox.namespace.tables);
    writeTaskIngressRules(writer, formatIpv4Address(endpoint.address), this.#ports('ingress'));
  }

  #ports(mode: 'ingress' | 'host'): IngressPort[] {
    const wanted = mode === 'ingress' ? PublishMode.ingress : PublishMode.host;
    const ports = this.#task.endpoint?.ports ?? [];
    return ports
      .filter((port) => port.publishMode === wanted)
      .map((port) => ({
        protocol: formatPortProtocol(port.protocol),
        publishedPort: port.publishedPort,
        targetPort: port.targetPort,
      }));
  }

  #enableBindings(container: Container): void {
    const task = this.#task;
    this.#bindings = (container.sandbox?.endpoints ?? []).map((endpoint) => {
      const { network } = endpoint;
      const attachment = task.networks.find((n) => n.network.id === network.id);
      return {
        networkId: network.id,
        endpointId: endpoint.id,
        containerName: container.name,
        serviceName: task.serviceAnnotations.name,
        serviceId: task.serviceId,
        vip: this.#vipOn(network.id),
        address: endpoint.address,
        ports: network.isIngress ? this.#ports('ingress') : [],
        serviceAliases: attachment?.aliases ?? [],
        taskAliases: [container.id.slice(0, 12)],
      };
    });
    for (const binding of this.#bindings) this.#executor.networks.enableService(binding);
  }

  #stop(container: Container, done: () => void): void {
    const program = container.program;
    if (container.state !== 'running' || program === undefined) {
      this.#cleanUp();
      done();
      return;
    }
    const grace = this.#task.spec.container.stopGracePeriodNs ?? DEFAULT_STOP_GRACE_PERIOD_NS;
    const stubborn = program.spec.ignoresStopSignal;
    const spanNs = stubborn ? grace : Math.min(grace, this.#draw(STOP_SPAN, 3));
    program.closeListeners();
    this.#schedule(spanNs, () => {
      program.kill(stubborn ? KILLED_EXIT_CODE : 0);
      container.becomeExited(stubborn ? KILLED_EXIT_CODE : 0);
      this.#cleanUp();
      done();
    });
  }

  /** The health check has given the container up: the engine kills it. */
  #becomeUnhealthy(container: Container): void {
    if (container.state !== 'running') return;
    this.#isUnhealthy = true;
    container.program?.kill(KILLED_EXIT_CODE);
    this.#onExit(KILLED_EXIT_CODE);
  }

  #onExit(code: number): void {
    const container = this.#container;
    if (this.#executor.isOver) return;
    if (container === undefined || container.state === 'exited') return;
    container.becomeExited(code);
    this.#cleanUp();
  }

  /** Takes the sandbox down: bindings and peers first, then networks that nobody else uses. */
  #cleanUp(): void {
    const networks = this.#executor.networksIfAny;
    if (networks === undefined) return;
    const container = this.#container;
    const sandbox = container?.sandbox;
    if (container !== undefined && sandbox !== undefined) {
      for (const binding of this.#bindings) networks.removeService(binding);
      this.#bindings = [];
      for (const { network, id } of sandbox.endpoints) networks.withdrawPeer(network.id, id);
      container.sandbox = undefined;
      sandbox.destroy();
      this.#executor.noteContainer(container, false);
    }
    for (const networkId of this.#usedNetworks.splice(0)) networks.release(networkId);
  }

  #after(span: { minNs: number; maxNs: number }, purpose: number, action: () => void): void {
    this.#timer = this.#schedule(this.#draw(span, purpose), action);
  }

  #draw(span: { minNs: number; maxNs: number }, purpose: number): number {
    return (
      span.minNs + drawBelow(this.#key, span.maxNs - span.minNs + 1, purpose, hashText('span'))
    );
  }

  #schedule(spanNs: number, action: () => void): EventHandle {
    const { host } = this.#executor;
    return host.world.queue.scheduleCallback(host.world.nowNs + spanNs, () => {
      if (host.isOn && !this.#executor.isOver) action();
    });
  }
}
