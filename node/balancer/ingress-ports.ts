/**
 * Published ports in ingress mode on one host: which are open, for how many services, and the
 * socket that dockerd holds so that nobody else takes the port (`programIngress`).
 */
import type { Namespace } from '../../net/namespace.ts';
import { Errno } from '../../net/socket/errno.ts';
import type { EngineVersion } from '../engine-version.ts';
import {
  addIngressPort,
  createIngressChains,
  type IngressPort,
  removeIngressPort,
} from '../firewall/ingress-rules.ts';
import { RuleWriter } from '../firewall/writer.ts';
import type { IngressPorts } from './load-balancer.ts';

/** What the ports need of their host. */
export interface IngressHost {
  readonly namespace: Namespace;
  readonly engine: EngineVersion;
  /** dockerd's next socket, as `ss` names it. */
  daemonProgram(): string;
}

/**
 * Ref-counted published ports of one host. dockerd listens on each and accepts nothing, so that no
 * other process takes it; where one has it already, that is only logged.
 */
export class HostIngressPorts implements IngressPorts {
  readonly #host: IngressHost;
  readonly #gatewayBridge: string;
  /** The ingress sandbox' address on the gateway bridge. */
  readonly #gatewayOf: () => string;
  readonly #counts = new Map<string, number>();
  readonly #open = new Map<string, IngressPort>();
  readonly #held = new Map<string, { close(): void }>();
  #hasChains = false;

  constructor(host: IngressHost, gatewayBridge: string, gatewayOf: () => string) {
    this.#host = host;
    this.#gatewayBridge = gatewayBridge;
    this.#gatewayOf = gatewayOf;
  }

  open(ports: readonly IngressPort[]): void {
    if (ports.length === 0) return;
    const { namespace, engine } = this.#host;
    const writer = new RuleWriter(namespace.tables);
    if (!this.#hasChains) {
      this.#hasChains = true;
      createIngressChains(writer, engine, this.#gatewayBridge);
      namespace.sysctls.set(`net.ipv4.conf.${this.#gatewayBridge}.route_localnet`, 1);
    }
    for (const port of ports) {
      const count = this.#counts.get(keyOf(port)) ?? 0;
      this.#counts.set(keyOf(port), count + 1);
      if (count > 0) continue;
      this.#open.set(keyOf(port), port);
      addIngressPort(writer, engine, port, this.#gatewayOf());
      this.#hold(port);
    }
  }

  close(ports: readonly IngressPort[]): void {
    const { namespace, engine } = this.#host;
    const writer = new RuleWriter(namespace.tables);
    for (const port of ports) {
      const count = this.#counts.get(keyOf(port)) ?? 0;
      if (count > 1) {
        this.#counts.set(keyOf(port), count - 1);
        continue;
      }
      this.#counts.delete(keyOf(port));
      this.#open.delete(keyOf(port));
      if (count !== 1) continue;
      removeIngressPort(writer, engine, port, this.#gatewayOf());
      this.#held.get(keyOf(port))?.close();
      this.#held.delete(keyOf(port));
    }
  }

  /** Writes the rules of open ports again, after somebody else took them away. */
  rewriteRules(): void {
    if (!this.#hasChains) return;
    const { namespace, engine } = this.#host;
    const writer = new RuleWriter(namespace.tables);
    createIngressChains(writer, engine, this.#gatewayBridge);
    for (const port of this.#open.values()) addIngressPort(writer, engine, port, this.#gatewayOf());
  }

  /** The process is gone that held the ports; the rules stay. */
  letGo(): void {
    for (const held of this.#held.values()) held.close();
    this.#held.clear();
  }

  #hold(port: IngressPort): void {
    const { sockets } = this.#host.namespace;
    const { protocol, publishedPort } = port;
    if (protocol === 'tcp') {
      const program = this.#host.daemonProgram();
      const onConnection = () => ({});
      const family = 'dual';
      const listener = sockets.listen({ port: publishedPort, family, program, onConnection });
      if (typeof listener !== 'object') return;
      listener.isAccepting = false;
      this.#held.set(keyOf(port), listener);
    } else if (protocol === 'udp') {
      const socket = sockets.openUdp();
      if (socket.bind(publishedPort) === Errno.none) this.#held.set(keyOf(port), socket);
    } else {
      const program = this.#host.daemonProgram();
      const listener = sockets.sctp.listen({ port: publishedPort, program });
      if (typeof listener === 'object') this.#held.set(keyOf(port), listener);
    }
  }
}

function keyOf(port: IngressPort): string {
  return `${port.protocol}/${port.publishedPort}/${port.targetPort}`;
}
