/**
 * The places of containers on networks that plugins have a part in: asked for one after the other
 * before the container starts or joins, because each answer takes its time, and taken all at once
 * (moby `daemon/container_operations.go`, `connectToNetwork`).
 */
import type { Steps } from '../../sim/steps.ts';
import type { Host } from '../host/host.ts';
import type { LocalNetwork } from '../network/local-network.ts';
import { bindingsOfExposed } from '../publish/published-ports.ts';
import { sandboxKeyOf } from '../sandbox/container-sandbox.ts';
import type { Refusal } from './refusal.ts';
import type { EndpointRequest } from './requests.ts';
import type { StandaloneContainer } from './standalone-container.ts';
import { endpointRefusal } from './validation.ts';

/** Asks for the places of one host's containers. */
export class Reservations {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** True for a container that has to wait for plugins before it starts. */
  areNeeded(container: StandaloneContainer): boolean {
    return this.#networksOf(container).length > 0;
  }

  /** Asks for all places of a container that is about to start; why it cannot have one. */
  *takeAll(container: StandaloneContainer): Steps<Refusal | undefined> {
    container.sandboxId = this.#host.identifiers.id();
    for (const network of this.#networksOf(container)) {
      const { request } = container.attachments.get(network.name)!;
      const refusal = yield* this.take(container, network, request);
      if (refusal === undefined) continue;
      this.drop(container);
      return refusal;
    }
    return undefined;
  }

  /** Asks for one place; why the container cannot have it. */
  *take(
    container: StandaloneContainer,
    network: LocalNetwork,
    request: EndpointRequest,
  ): Steps<Refusal | undefined> {
    const { plugged } = network;
    const refusal = endpointRefusal(network, request);
    if (refusal !== undefined || plugged === undefined) return refusal;
    const { bindings, dns, publishesAll, mac } = container.request;
    const free = publishesAll ? bindingsOfExposed(container.exposed, bindings) : [];
    return yield* plugged.reserve({
      containerId: container.id,
      containerName: container.name,
      sandboxKey: container.sandbox?.key ?? sandboxKeyOf(container.sandboxId!),
      address: request.address,
      mac: request.mac ?? mac,
      exposed: container.exposed,
      bindings: [...bindings, ...free],
      dns: dns.length > 0 ? dns : this.#host.config.dns,
    });
  }

  /** Gives back what a container has asked for and not taken. */
  drop(container: StandaloneContainer): void {
    for (const { plugged } of this.#networksOf(container)) {
      const endpoint = plugged!.claim(container.id);
      if (endpoint !== undefined) plugged!.release(endpoint);
    }
    container.sandboxId = undefined;
  }

  /** The networks of a container that plugins have a part in. */
  #networksOf(container: StandaloneContainer): LocalNetwork[] {
    return [...container.attachments.keys()]
      .map((name) => this.#host.networks.find(name))
      .filter((network) => network?.plugged !== undefined) as LocalNetwork[];
  }
}
