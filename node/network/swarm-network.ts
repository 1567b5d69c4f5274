/**
 * A swarm network as one host has it: the overlay with its namespace, the names known on it, and
 * the load-balancer sandbox that this host balances its services with.
 */
import { Ipvs } from '../../ipvs/ipvs.ts';
import { isIngressNetwork, type Network, vnisOf } from '../../manager/objects/network.ts';
import type { Namespace } from '../../net/namespace.ts';
import { assert } from '../../sim/assert.ts';
import { OverlayNetwork } from '../../vxlan/overlay-network.ts';
import type { OverlaySubnet } from '../../vxlan/overlay-sandbox.ts';
import type { BalancerSandbox } from '../balancer/load-balancer.ts';
import { EmbeddedDns } from '../dns/embedded-dns.ts';
import { NetworkRecords } from '../dns/records.ts';
import { forgetOverlayEncryption, writeOverlayEncryption } from '../firewall/overlay-rules.ts';
import type { Host } from '../host/host.ts';

/** The option of a network that says the MTU of what it runs on. */
const MTU_OPTION = 'com.docker.network.driver.mtu';

/** The option of a network whose tasks answer their clients themselves. */
const DIRECT_OPTION = 'dsr';

/** The option of a network whose packets between hosts are encrypted. */
const ENCRYPTED_OPTION = 'encrypted';

/** The load-balancer sandbox' own endpoint on the network. */
export interface BalancerEndpoint extends BalancerSandbox {
  readonly endpointId: string;
  readonly fileName: string;
}

/** A swarm network on one host. */
export class SwarmNetwork {
  readonly id: string;
  readonly name: string;
  readonly isIngress: boolean;
  readonly isInternal: boolean;
  /** Its tasks answer their clients themselves (`--opt dsr`). */
  readonly isDirect: boolean;
  readonly overlay: OverlayNetwork;
  readonly records = new NetworkRecords();
  /** Tasks and containers that are on the network here. */
  userCount = 0;
  balancer: BalancerEndpoint | undefined;
  readonly #host: Host;

  constructor(host: Host, network: Network) {
    const [first, ...moreSubnets] = subnetsOf(network);
    assert(first !== undefined, `network ${network.id} is not allocated`);
    this.#host = host;
    this.id = network.id;
    this.name = network.spec.annotations.name;
    this.isIngress = isIngressNetwork(network);
    this.isInternal = network.spec.internal === true;
    this.isDirect =
      !this.isIngress && network.spec.driverConfig?.options[DIRECT_OPTION] !== undefined;
    const isSecret = isEncrypted(network);
    this.overlay = new OverlayNetwork(host, {
      ...first,
      id: network.id,
      moreSubnets,
      isEncrypted: isSecret,
      port: host.dataPathPort,
      family: host.tunnelFamily,
      beforeSegment: ({ vni }) => this.#encrypt(vni, isSecret),
      ...underlayMtuOf(network),
    });
    if (!isSecret) this.#forgetEncryption();
  }

  /**
   * Makes the load-balancer sandbox with the address that the manager gave to this node; dockerd's
   * error text when the overlay driver cannot join it.
   */
  createBalancer(address: number): BalancerEndpoint | string {
    const host = this.#host;
    const fileName = this.isIngress ? 'ingress_sbox' : `lb_${this.id.slice(0, 9)}`;
    const namespace = host.createNamespace(fileName);
    namespace.tables.run('-L -n');
    new EmbeddedDns(host, namespace, { networks: [] });
    const endpointId = host.identifiers.id();
    const endpoint = this.overlay.join(endpointId, namespace, 'eth0', address);
    if (typeof endpoint === 'string') {
      host.destroyNamespace(fileName);
      return endpoint;
    }
    const { device } = endpoint;
    if (this.isIngress) host.attachGateway(namespace, 'eth1');
    if (host.hasModule('ip_vs')) setBalancerSysctls(namespace);
    this.balancer = {
      endpointId,
      fileName,
      namespace,
      ipvs: host.hasModule('ip_vs') ? new Ipvs(namespace) : undefined,
      device,
      address,
      subnet: endpoint.subnet,
      isIngress: this.isIngress,
      isDirect: this.isDirect,
    };
    return this.balancer;
  }

  /** Takes the load-balancer sandbox down; the overlay's namespace goes with its last endpoint. */
  destroyBalancer(): void {
    if (this.balancer === undefined) return;
    this.balancer.ipvs?.stop();
    this.overlay.leave(this.balancer.endpointId);
    this.#host.destroyNamespace(this.balancer.fileName);
    this.balancer = undefined;
  }

  /** Takes the network off the host, with the rules of its encryption. */
  remove(): void {
    this.overlay.destroySandbox();
    if (this.overlay.options.isEncrypted === true) this.#forgetEncryption();
  }

  /** Sees to the rules of a subnet's VNI, whose devices are about to be made. */
  #encrypt(vni: number, isSecret: boolean): void {
    const { tunnelWriter: writer, engine, dataPathPort: port } = this.#host;
    const change = isSecret ? writeOverlayEncryption : forgetOverlayEncryption;
    change(writer, engine, { vni, port });
  }

  #forgetEncryption(): void {
    for (const { vni } of this.overlay.subnets) this.#encrypt(vni, false);
  }
}

/** The subnets of an allocated network, each with its VNI. */
function subnetsOf(network: Network): OverlaySubnet[] {
  const vnis = vnisOf(network);
  return (network.ipam?.configs ?? []).flatMap(({ subnet, gateway }, i) => {
    const vni = vnis[i];
    return gateway === undefined || vni === undefined ? [] : [{ subnet, gateway, vni }];
  });
}

/** Why the overlay driver refuses a network (`CreateNetwork` of ov_network.go), if it does. */
export function overlayRefusalOf(network: Network): string | undefined {
  const text = network.spec.driverConfig?.options[MTU_OPTION];
  if (text === undefined) return undefined;
  if (!/^[+-]?\d+$/.test(text)) {
    return `failed to parse ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  }
  return Number(text) < 0 ? `invalid MTU value: ${Number(text)}` : undefined;
}

/** The MTU that the user chose for a network; 0 chooses none. */
function underlayMtuOf(network: Network): { underlayMtuBytes?: number } {
  const mtuBytes = Number(network.spec.driverConfig?.options[MTU_OPTION] ?? 0);
  return mtuBytes > 0 ? { underlayMtuBytes: mtuBytes } : {};
}

/** `--opt encrypted`: the driver looks whether the option is there, and not at its value. */
function isEncrypted(network: Network): boolean {
  return network.spec.driverConfig?.options[ENCRYPTED_OPTION] !== undefined;
}

/** What Docker sets in every load-balancer namespace. */
function setBalancerSysctls(namespace: Namespace): void {
  namespace.sysctls.set('net.ipv4.vs.conn_reuse_mode', 0);
  namespace.sysctls.set('net.ipv4.vs.expire_nodest_conn', 1);
  namespace.sysctls.set('net.ipv4.vs.expire_quiescent_template', 1);
}
