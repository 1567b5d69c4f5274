/**
 * A street for tests of one Docker host: a client outside, a host with an engine, networks and
 * containers on it, in a few words.
 */
import { createVethPair } from '../../net/device/veth.ts';
import { HostCounters } from '../../net/host-counters.ts';
import { Namespace } from '../../net/namespace.ts';
import type { BridgeNetwork } from '../../node/network/bridge-network.ts';
import type { DaemonConfig } from '../../node/network/network-host.ts';
import {
  addBridge,
  addContainer,
  bootHost,
  type NetworkWishes,
} from '../../node/testing/docker-host.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { formatIpv4Address, type Ipv4Address, parseIpv4Address } from '../../wire/addresses.ts';

/** The address of a dotted quad that is known to be one. */
export const ip = (text: string): Ipv4Address => parseIpv4Address(text)!;

/** Client X 198.51.100.7 behind the router 203.0.113.1, and a host 203.0.113.10 with an engine. */
export class Street {
  readonly world = new World('street');
  readonly outside: Namespace;
  readonly host: ReturnType<typeof bootHost>;

  constructor(engine: string, flags: Partial<DaemonConfig> = {}) {
    this.outside = new Namespace(this.world, {
      name: 'X',
      nodeIndex: 1,
      host: new HostCounters(this.world),
    });
    const [eth0, wire] = createVethPair('eth0', 0x0200_0000_0001, 'eth0', 0x0200_0000_0002);
    this.outside.setUp(this.outside.loopback, true);
    this.outside.addDevice(wire);
    this.outside.setUp(wire, true);
    for (const [address, prefixLength] of [
      ['203.0.113.1', 24],
      ['198.51.100.7', 32],
    ] as const) {
      this.outside.addAddress(wire, { address: ip(address), prefixLength });
    }
    this.host = bootHost(engine, this.world, eth0, flags);
    this.serve(this.outside, 443);
  }

  /** Anybody who connects is welcome. */
  serve(namespace: Namespace, port: number): void {
    namespace.sockets.listen({ port, onConnection: () => ({}) });
  }

  /** A container that serves these ports and knows its gateway. */
  container(network: BridgeNetwork, name: string, ports: readonly number[] = []): Namespace {
    return this.published(network, name, ports, []);
  }

  /** A container with published ports. */
  published(
    network: BridgeNetwork,
    name: string,
    ports: readonly number[],
    published: readonly { hostAddress: string; hostPort: number; containerPort: number }[],
  ): Namespace {
    const { sandbox, endpoint } = addContainer(this.host, network, name);
    for (const port of ports) this.serve(sandbox, port);
    const containerAddress = formatIpv4Address(endpoint.address);
    network.publish(
      endpoint,
      published.map((port) => ({ protocol: 'tcp', containerAddress, ...port })),
    );
    if (!network.facts.isInternal) {
      sandbox.addRoute({ destination: 0, prefixLength: 0, gateway: network.gateway });
    }
    return sandbox;
  }

  /** What docker-proxy does: it answers on the host, and asks the container from there. */
  proxy(port: number, address: string, containerPort: number): void {
    const { sockets } = this.host.namespace;
    sockets.listen({
      port,
      onConnection: () => {
        sockets.connect({ address: ip(address), port: containerPort, handlers: {} });
        return {};
      },
    });
  }

  /** Lets what is under way arrive, or be given up by ARP. */
  settle(): void {
    const { queue } = this.world;
    queue.runUntil(queue.nowNs + 4 * SECOND_NS);
  }
}

/** web 172.17.0.2 with port 8080, cli beside it, api 172.18.0.2 on another network. */
export function shop(street: Street, wishes: NetworkWishes = {}) {
  const { host } = street;
  const publish = { hostAddress: '', hostPort: 8080, containerPort: 80 };
  const web = street.published(host.docker0, 'web', [80, 81], [publish]);
  const cli = street.container(host.docker0, 'cli');
  const br = addBridge(host, 'br-c0ffee00aa01', '172.18.0.0/16', wishes);
  const local = { hostAddress: '127.0.0.1', hostPort: 9000, containerPort: 9000 };
  const api = street.published(br, 'api', [9000], [local]);
  const peer = street.container(br, 'peer');
  return { street, host: host.namespace, outside: street.outside, web, cli, api, peer };
}
