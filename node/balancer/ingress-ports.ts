/**
 * Published ports in ingress mode on one host: which are open, for how many services, and the
 * socket that dockerd holds so that nobody else takes the port (`programIngress`).
 */
import type { Namespace } from '../../net/namespace.ts';
import type { EngineVersion } from '../engine-version.ts';
import {
  addIngressPort,
  createIngressChains,
  type IngressPort,
  removeIngressPort,
} from '../firewall/ingress-rules.ts';
import { RuleWriter } from '../firewall/writer.ts';
import type { IngressPorts } from './load-balancer.ts';

/** Ref-counted published ports of one host. */
export class HostIngressPorts implements IngressPorts {
  readonly #namespace: Namespace;
  readonly #engine: EngineVersion;
  readonly #gatewayBridge: string;
  /** The ingress sandbox' address on the gateway bridge. */
  readonly #gatewayOf: () => string;
  readonly #counts = new Map<string, number>();
  #hasChains = false;

  constructor(
    namespace: Namespace,
    engine: EngineVersion,
    gatewayBridge: string,
    gatewayOf: () => string,
  ) {
    this.#namespace = namespace;
    this.#engine = engine;
    this.#gatewayBridge = gatewayBridge;
    this.#gatewayOf = gatewayOf;
  }

  open(ports: readonly IngressPort[]): void {
    if (ports.length === 0) return;
    const writer = new RuleWriter(this.#namespace.tables);
    if (!this.#hasChains) {
      this.#hasChains = true;
      createIngressChains(writer, this.#engine, this.#gatewayBridge);
      this.#namespace.sysctls.set(`net.ipv4.conf.${this.#gatewayBridge}.route_localnet`, 1);
    }
    for (const port of ports) {
      const count = this.#counts.get(keyOf(port)) ?? 0;
      this.#counts.set(keyOf(port), count + 1);
      if (count === 0) addIngressPort(writer, this.#engine, port, this.#gatewayOf());
    }
  }

  close(ports: readonly IngressPort[]): void {
    const writer = new RuleWriter(this.#namespace.tables);
    for (const port of ports) {
      const count = this.#counts.get(keyOf(port)) ?? 0;
      if (count > 1) {
        this.#counts.set(keyOf(port), count - 1);
        continue;
      }
      this.#counts.delete(keyOf(port));
      if (count === 1) removeIngressPort(writer, this.#engine, port, this.#gatewayOf());
    }
  }
}

function keyOf(port: IngressPort): string {
  return `${port.protocol}/${port.publishedPort}/${port.targetPort}`;
}
