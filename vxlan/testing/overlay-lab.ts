/**
 * Two hosts on one cable, with an overlay network on both and containers on it, in a few words.
 */
import type { Namespace } from '../../net/namespace.ts';
import type { Packet } from '../../net/packet.ts';
import { formatPingResult, type PingOptions, PingSocket } from '../../net/socket/ping.ts';
import { ip, Lab, wayOf } from '../../net/testing/lab.ts';
import { Way } from '../../net/way.ts';
import { assert } from '../../sim/assert.ts';
import {
  formatIpv4Address,
  formatMac,
  type Mac,
  macOfIpv4,
  parsePrefix,
} from '../../wire/addresses.ts';
import { formatIp } from '../../wire/ip-address.ts';
import {
  type OverlayDriver,
  type OverlayHost,
  OverlayNetwork,
  type OverlayOptions,
} from '../overlay-network.ts';
import type { Peer } from '../peer-database.ts';

/** One host with the overlay network. */
export class OverlayLabHost implements OverlayHost {
  readonly lab: Lab;
  readonly name: string;
  readonly namespace: Namespace;
  readonly namespaces = new Map<string, Namespace>();
  readonly engine: { readonly overlayDriver: OverlayDriver };
  readonly warnings: string[] = [];
  readonly identifiers: { mac(): Mac; veth(): string };
  readonly overlay: OverlayNetwork;

  constructor(lab: Lab, name: string, driver: OverlayDriver, options: Partial<OverlayOptions>) {
    this.lab = lab;
    this.name = name;
    this.namespace = lab.namespace(name);
    this.engine = { overlayDriver: driver };
    let vethCount = 0;
    this.identifiers = {
      mac: () => 0x0c00_0000_0000 + lab.nextMac(),
      veth: () => `veth-${name}${vethCount++}`,
    };
    this.overlay = new OverlayNetwork(this, {
      id: 'o3j74f546r0000000000',
      subnet: parsePrefix('10.0.1.0/24')!,
      gateway: ip('10.0.1.1'),
      vni: 4097,
      onWarning: (text) => this.warnings.push(text),
      ...options,
    });
  }

  createNamespace(fileName: string): Namespace {
    const namespace = this.lab.namespace(`${this.name}/${fileName}`, this.namespace);
    this.namespaces.set(fileName, namespace);
    return namespace;
  }

  destroyNamespace(fileName: string): void {
    this.namespaces.get(fileName)?.destroy();
    this.namespaces.delete(fileName);
  }

  /** What is programmed: `address mac` and `mac vtep`, learned entries with a question mark. */
  kernel(): string[] {
    const { vxlan } = this.overlay;
    if (vxlan === undefined) return [];
    const neighbours = [...vxlan.neighbours.values()].map(
      ({ address, mac }) => `${formatIpv4Address(address)} ${formatMac(mac)}`,
    );
    const forwarding = vxlan.fdb.list(this.lab.world.nowNs).map(({ mac, remote, state }) => {
      return `${formatMac(mac)} ${formatIp(remote)}${state === 'learned' ? '?' : ''}`;
    });
    return [...neighbours, ...forwarding];
  }

  /** A container on the overlay. */
  container(name: string, address: string): Namespace {
    const namespace = this.lab.namespace(`${this.name}/${name}`, this.namespace);
    const endpoint = this.overlay.join(name, namespace, 'eth0', ip(address));
    assert(typeof endpoint !== 'string', String(endpoint));
    return namespace;
  }
}

/** A claim of an endpoint with Docker's MAC address. */
export function peer(endpointId: string, address: string, vtep: string): Peer {
  return { endpointId, address: ip(address), mac: macOfIpv4(ip(address)), vtep: ip(vtep) };
}

const VTEPS = {
  ipv4: ['192.168.1.1', '192.168.1.2'],
  ipv6: ['fd00::1', 'fd00::2'],
} as const;

/** Hosts a (192.168.1.1 or fd00::1) and b (192.168.1.2 or fd00::2). */
export class OverlayLab extends Lab {
  readonly #vteps: readonly [a: string, b: string];
  readonly a: OverlayLabHost;
  readonly b: OverlayLabHost;

  constructor(
    options: Partial<OverlayOptions> = {},
    driver: OverlayDriver = 1,
    underlayMtuBytes = 1500,
    family: 'ipv4' | 'ipv6' = 'ipv4',
  ) {
    super();
    this.#vteps = VTEPS[family];
    this.a = new OverlayLabHost(this, 'a', driver, { family, ...options });
    this.b = new OverlayLabHost(this, 'b', driver, { family, ...options });
    const { namespace: a } = this.a;
    const { namespace: b } = this.b;
    const [left, right] = this.#vteps.map((vtep) => `${vtep}/${family === 'ipv6' ? 64 : 24}`);
    this.cable(a, 'eth0', left!, b, 'eth0', right!, underlayMtuBytes);
  }

  /** Tells each host of the other's containers. */
  introduce(): void {
    for (const [from, to, vtep] of [
      [this.a, this.b, this.#vteps[0]],
      [this.b, this.a, this.#vteps[1]],
    ] as const) {
      for (const { id, address, mac } of from.overlay.endpoints.values()) {
        to.overlay.addPeer({ endpointId: id, address, mac, vtep: ip(vtep) });
      }
    }
  }

  /** Pings and tells the lines of `ping` and the way of the first request. */
  ping(
    from: Namespace,
    to: string,
    options: Partial<PingOptions> = {},
  ): { lines: string[]; way: string[] } {
    const lines: string[] = [];
    let first: Packet | undefined;
    from.sockets.onSend = (packet) => {
      if (first !== undefined) return;
      first = packet;
      packet.way = new Way();
    };
    PingSocket.start(from.sockets, {
      address: ip(to),
      onResult: (result) => lines.push(formatPingResult(result)),
      ...options,
    });
    this.run(5);
    from.sockets.onSend = undefined;
    return { lines, way: first === undefined ? [] : wayOf(first) };
  }
}
