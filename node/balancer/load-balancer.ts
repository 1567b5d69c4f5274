/**
 * The kernel side of a load balancer: what is programmed into a network's load-balancer sandbox
 * (`ingress_sbox`, `lb_<network>`) and, for ingress, into the host (`libnetwork/service_linux.go`).
 *
 * For the first back end of a service: the VIP becomes an address of the sandbox' eth0, packets to
 * its published ports (PREROUTING) and to the VIP (INPUT) get the service's mark, and ipvs gets a
 * service for that mark. Then every back end is a destination, masqueraded behind the sandbox' own
 * address by one rule per network; or, on a network with `--opt dsr`, sent the packet as it is, so
 * that it answers the client itself (direct server return).
 */
import type { Ipvs } from '../../ipvs/ipvs.ts';
import type { Service } from '../../ipvs/service.ts';
import type { Device } from '../../net/device/device.ts';
import type { Namespace } from '../../net/namespace.ts';
import { assert } from '../../sim/assert.ts';
import {
  formatIpv4Address,
  formatPrefix,
  type Ipv4Address,
  type Prefix,
} from '../../wire/addresses.ts';
import type { IngressPort } from '../firewall/ingress-rules.ts';
import { RuleWriter } from '../firewall/writer.ts';
import type { BackEndProgrammer, LoadBalancer } from './service-bindings.ts';

/** The load-balancer sandbox of one network on one host. */
export interface BalancerSandbox {
  readonly namespace: Namespace;
  /**
   * Undefined where the kernel has no ip_vs. dockerd then talks to netlink family 0, which
   * acknowledges everything: a service seems to be there already, so that nothing is made for it,
   * and is taken away with all that belongs to it when its last back end goes.
   */
  readonly ipvs: Ipvs | undefined;
  /** The interface on the network, and its own address. */
  readonly device: Device;
  readonly address: Ipv4Address;
  readonly subnet: Prefix;
  readonly isIngress: boolean;
  /** Direct server return instead of NAT; never on ingress. */
  readonly isDirect?: boolean;
}

/** Opens and closes published ports on the host. */
export interface IngressPorts {
  open(ports: readonly IngressPort[]): void;
  close(ports: readonly IngressPort[]): void;
}

/** Programs the load balancers of one host. */
export class BalancerProgrammer implements BackEndProgrammer {
  readonly #sandboxOf: (networkId: string) => BalancerSandbox | undefined;
  readonly #ingress: IngressPorts;

  constructor(
    sandboxOf: (networkId: string) => BalancerSandbox | undefined,
    ingress: IngressPorts,
  ) {
    this.#sandboxOf = sandboxOf;
    this.#ingress = ingress;
  }

  addBackEnd(balancer: LoadBalancer, address: Ipv4Address): void {
    const sandbox = this.#sandboxOf(balancer.networkId);
    if (sandbox?.ipvs === undefined) return;
    const { ipvs } = sandbox;
    const service =
      ipvs.serviceOf({ fwmark: balancer.fwmark }) ?? this.#addService(sandbox, ipvs, balancer);
    service.add(address, 0, 1, sandbox.isDirect === true ? 'route' : 'masq');
  }

  removeBackEnd(
    balancer: LoadBalancer,
    address: Ipv4Address,
    isLast: boolean,
    isFull: boolean,
  ): void {
    const sandbox = this.#sandboxOf(balancer.networkId);
    if (sandbox === undefined) return;
    if (sandbox.ipvs !== undefined) {
      const service = sandbox.ipvs.serviceOf({ fwmark: balancer.fwmark });
      if (service === undefined) return;
      if (isFull) service.remove(address, 0);
      else service.setWeight(address, 0, 0);
    }
    if (isLast) this.#removeService(sandbox, balancer);
  }

  #addService(sandbox: BalancerSandbox, ipvs: Ipvs, balancer: LoadBalancer): Service {
    const { namespace } = sandbox;
    namespace.addAddress(sandbox.device, { address: balancer.vip, prefixLength: 32 });
    if (sandbox.isIngress) this.#ingress.open(balancer.ports);
    const writer = new RuleWriter(namespace.tables);
    for (const port of balancer.ports)
      writer.append('mangle', 'PREROUTING', markPort(balancer, port));
    if (sandbox.isDirect !== true) {
      const subnet = formatPrefix(sandbox.subnet);
      const own = formatIpv4Address(sandbox.address);
      writer.append('nat', 'POSTROUTING', `-d ${subnet} -m ipvs --ipvs -j SNAT --to-source ${own}`);
      namespace.sysctls.set('net.ipv4.vs.conntrack', 1);
    }
    writer.append('mangle', 'INPUT', markVip(balancer));
    const service = ipvs.addService({ fwmark: balancer.fwmark }, 'rr');
    assert(typeof service !== 'string', 'the service is new and rr is known');
    return service;
  }

  #removeService(sandbox: BalancerSandbox, balancer: LoadBalancer): void {
    const { namespace } = sandbox;
    sandbox.ipvs?.removeService({ fwmark: balancer.fwmark });
    const writer = new RuleWriter(namespace.tables);
    if (sandbox.isIngress) this.#ingress.close(balancer.ports);
    for (const port of balancer.ports)
      writer.remove('mangle', 'PREROUTING', markPort(balancer, port));
    writer.remove('mangle', 'INPUT', markVip(balancer));
    namespace.removeAddress(sandbox.device, balancer.vip, 32);
  }
}

function markPort(balancer: LoadBalancer, port: IngressPort): string {
  const { protocol, publishedPort } = port;
  return `-p ${protocol} -m ${protocol} --dport ${publishedPort} -j MARK --set-mark ${balancer.fwmark}`;
}

function markVip(balancer: LoadBalancer): string {
  return `-d ${formatIpv4Address(balancer.vip)}/32 -j MARK --set-mark ${balancer.fwmark}`;
}
