/**
 * A network with a balancer for tests of ipvs: a switch, a client 10.0.1.9, the load-balancer
 * namespace 10.0.1.6 with the VIP 10.0.1.2 and Docker's rules, and servers from 10.0.1.11 on.
 *
 * Clients and servers have no sockets unless a test opens some: what reaches them is kept, and
 * answers are sent by hand.
 */
import { type KernelRelease, kernelOf } from '../../net/kernel-release.ts';
import type { Namespace } from '../../net/namespace.ts';
import { flowOf, tcpPacket, watched } from '../../net/netfilter/fake-packets.ts';
import { Hook, Verdict } from '../../net/netfilter/hook.ts';
import type { Packet } from '../../net/packet.ts';
import { ip, Lab } from '../../net/testing/lab.ts';
import { TcpFlag } from '../../wire/tcp.ts';
import { Ipvs } from '../ipvs.ts';
import type { Service } from '../service.ts';

const RULES = [
  '-L -n',
  '-t nat -A POSTROUTING -d 10.0.1.0/24 -m ipvs --ipvs -j SNAT --to-source 10.0.1.6',
  '-t mangle -A INPUT -d 10.0.1.2/32 -j MARK --set-mark 257',
];

/** A namespace that keeps what it is sent. */
export interface Station {
  readonly namespace: Namespace;
  readonly received: Packet[];
}

/** The network and everything on it. */
export class BalancedNetwork {
  readonly lab: Lab;
  readonly client: Station;
  readonly balancer: Namespace;
  readonly ipvs: Ipvs;
  readonly service: Service;
  readonly servers: Station[] = [];
  readonly #switch: Namespace;

  constructor(scheduler = 'rr', kernel: KernelRelease = '6.1') {
    const lab = new Lab(kernelOf(kernel));
    this.lab = lab;
    this.#switch = lab.namespace('1-net1');
    const bridge = lab.bridge(this.#switch, 'br0');
    this.client = this.station('client', '10.0.1.9/24');
    this.balancer = lab.namespace('lb_net1');
    const [end] = lab.cable(this.balancer, 'eth0', '10.0.1.6/24', this.#switch, 'veth-lb', '');
    this.#switch.setMaster(this.#switch.deviceByName('veth-lb')!, bridge);
    lab.address(end, '10.0.1.2/32');
    this.balancer.sysctls.set('net.ipv4.ip_forward', 1);
    this.balancer.sysctls.set('net.ipv4.vs.conntrack', 1);
    this.balancer.sysctls.set('net.ipv4.vs.conn_reuse_mode', 0);
    this.balancer.sysctls.set('net.ipv4.vs.expire_nodest_conn', 1);
    for (const rule of RULES) this.balancer.tables.run(rule);
    this.ipvs = new Ipvs(this.balancer);
    this.service = this.ipvs.addService({ fwmark: 257 }, scheduler) as Service;
  }

  /** A namespace on the switch, as `10.0.1.20/24`. */
  station(name: string, addressText: string): Station {
    const { lab } = this;
    const namespace = lab.namespace(name);
    lab.cable(namespace, 'eth0', addressText, this.#switch, `veth-${name}`, '');
    const bridge = this.#switch.deviceByName('br0')!;
    this.#switch.setMaster(this.#switch.deviceByName(`veth-${name}`)!, bridge as never);
    const received: Packet[] = [];
    namespace.hooks.register(Hook.input, 1000, 'keep', (packet) => {
      received.push(packet);
      return Verdict.drop;
    });
    return { namespace, received };
  }

  /** The next server, and a destination for it. */
  addServer(weight = 1): Station {
    const number = this.servers.length + 1;
    const address = `10.0.1.${number + 10}`;
    const server = this.station(`server-${number}`, `${address}/24`);
    this.servers.push(server);
    this.service.add(ip(address), 0, weight, 'masq');
    return server;
  }

  /** The client sends a segment to the VIP; returns it with its way. */
  request(port: number, flags: number = TcpFlag.syn): Packet {
    const packet = watched(tcpPacket(`10.0.1.9:${port}`, '10.0.1.2:80', { flags }));
    this.client.namespace.sendIpv4(packet);
    this.lab.run();
    return packet;
  }

  /** A server answers what it got last; returns the answer with its way. */
  answer(server: Station, flags: number): Packet {
    const [from, to] = flowOf(server.received.at(-1)!).split(' > ');
    const packet = watched(tcpPacket(to!, from!, { flags }));
    server.namespace.sendIpv4(packet);
    this.lab.run();
    return packet;
  }

  /** Which server a new connection from this port goes to, by number; 0 for none. */
  serverOf(port: number): number {
    const before = this.servers.map(({ received }) => received.length);
    this.request(port);
    return this.servers.findIndex(({ received }, i) => received.length > before[i]!) + 1;
  }
}
