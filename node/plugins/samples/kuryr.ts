/**
 * A cloud's ports, as Kuryr gets them from Neutron: every endpoint is a port of the cloud, with the
 * address and the MAC address that the cloud gives, and it can be used once the cloud says that it is
 * active. The agent on each host tunnels a network by VXLAN with entries that the cloud sends for every
 * port (`l2population`), so that nothing is flooded and ARP is answered on the spot.
 * After kuryr-libnetwork's `controllers.py` and Neutron's Linux bridge agent.
 */
import { answerOf, type Steps } from '../../../sim/steps.ts';
import { MILLISECOND_NS, MINUTE_NS } from '../../../sim/time.ts';
import type { World } from '../../../sim/world.ts';
import { VXLAN_OVERHEAD_BYTES } from '../../../vxlan/outer-headers.ts';
import { VxlanDevice } from '../../../vxlan/vxlan-device.ts';
import {
  formatIpv4Address,
  formatMac,
  formatPrefix,
  networkOf,
  parseIpv4Address,
  parseMac,
  parsePrefix,
} from '../../../wire/addresses.ts';
import { fieldOf, textField } from '../../../wire/go-json.ts';
import { AddressBook } from './address-book.ts';
import { type CentralAddress, CentralClient, type CentralFacts } from './central-service.ts';
import { addPair, bridgeOf, removeBridge, removePair } from './ports.ts';
import { interfaceOf, isForGateway, poolOf } from './requests.ts';
import {
  type Answers,
  at,
  greeting,
  macOf,
  NOTHING,
  type PluginHost,
  type SamplePlugin,
} from './sample-plugin.ts';

const NEUTRON_PORT = 9696;
const NEUTRON_DELAY_NS = 150 * MILLISECOND_NS;
/** From binding a port to its being active. */
const ACTIVE_AFTER_NS = 1500 * MILLISECOND_NS;
/** How often Kuryr looks whether it is, and for how long. */
const POLL_NS = 500 * MILLISECOND_NS;
const POLLS_NS_MAX = MINUTE_NS;
const FIRST_VNI = 1001;

/** A port, as the cloud knows it. */
interface Port {
  readonly id: string;
  readonly address: string;
  readonly mac: string;
  readonly vni: number;
  /** The host that it is bound to; empty before. */
  host: string;
  isActive: boolean;
}

interface CloudNetwork {
  readonly vni: number;
  readonly addresses: AddressBook;
}

/** Neutron's server. */
export function neutron({ queue }: World): CentralFacts {
  const networks = new Map<string, CloudNetwork>();
  const ports = new Map<string, Port>();
  const listeners: ((news: object) => void)[] = [];
  const tellAll = (port: Port, isGone: boolean) => {
    for (const tell of listeners) tell(newsOf(port, isGone));
  };
  const open = (request: Record<string, unknown>): CloudNetwork | undefined => {
    const text = textField(request, 'Subnet');
    const subnet = parsePrefix(text);
    if (subnet === undefined) return undefined;
    const network = networks.get(text) ?? {
      vni: FIRST_VNI + networks.size,
      addresses: new AddressBook(subnet),
    };
    networks.set(text, network);
    return network;
  };
  const find = (request: Record<string, unknown>): Port | undefined =>
    ports.get(`${textField(request, 'Subnet')} ${textField(request, 'Address')}`);
  return {
    port: NEUTRON_PORT,
    delayNs: NEUTRON_DELAY_NS,
    methods: {
      network: (request) => {
        const network = open(request);
        return network === undefined ? { Error: 'a subnet is required' } : { Vni: network.vni };
      },
      create: (request) => {
        const network = open(request);
        const address = network?.addresses.take(
          'port',
          parseIpv4Address(textField(request, 'Address')),
        );
        if (network === undefined || address === undefined) {
          return { Error: 'IpAddressGenerationFailure: No more IP addresses available' };
        }
        const text = formatIpv4Address(address);
        const key = `${textField(request, 'Subnet')} ${text}`;
        const mac = formatMac(0xfa16_3e00_0000 + (macOf(key) % 0x100_0000));
        const { vni } = network;
        ports.set(key, { id: portIdOf(key), address: text, mac, vni, host: '', isActive: false });
        return { Address: text };
      },
      bind: (request) => {
        const port = find(request);
        if (port === undefined) return { Error: 'PortNotFound' };
        port.host = textField(request, 'Host');
        tellAll(port, false);
        queue.scheduleCallback(queue.nowNs + ACTIVE_AFTER_NS, () => {
          port.isActive = port.host !== '';
        });
        return {};
      },
      port: (request) => {
        const port = find(request);
        if (port === undefined) return { Error: 'PortNotFound' };
        return { Id: port.id, Mac: port.mac, Status: port.isActive ? 'ACTIVE' : 'DOWN' };
      },
      remove: (request) => {
        const port = find(request);
        if (port === undefined) return {};
        ports.delete(`${textField(request, 'Subnet')} ${port.address}`);
        const network = networks.get(textField(request, 'Subnet'));
        network?.addresses.release(parseIpv4Address(port.address)!);
        tellAll(port, true);
        return {};
      },
    },
    onSubscriber: (tell) => {
      listeners.push(tell);
      for (const port of ports.values()) if (port.host !== '') tell(newsOf(port, false));
    },
  };
}

function newsOf({ address, mac, vni, host }: Port, isGone: boolean): object {
  return { Address: address, Mac: mac, Vni: vni, Host: host, Gone: isGone };
}

/** Kuryr and Neutron's agent on one host. */
export class Kuryr implements SamplePlugin {
  readonly sockets: Readonly<Record<string, Answers>>;
  readonly #host: PluginHost;
  readonly #cloud: CentralClient;
  /** Networks of this host: their subnets and segments. */
  readonly #networks = new Map<string, { readonly subnet: string; readonly vni: number }>();
  readonly #addresses = new Map<string, string>();
  /** What the cloud has said of ports on other hosts, for segments to come. */
  readonly #remotePorts = new Map<string, Record<string, unknown>>();

  constructor(host: PluginHost, cloud: CentralAddress) {
    this.#host = host;
    this.#cloud = new CentralClient(host.namespace, cloud);
    this.sockets = { kuryr: this.#answers };
  }

  start(): void {
    this.#cloud.subscribe((news) => this.#learn(news));
  }

  stop(): void {
    this.#cloud.unsubscribe();
  }

  get #answers(): Answers {
    return {
      'Plugin.Activate': greeting('NetworkDriver', 'IpamDriver'),
      'NetworkDriver.GetCapabilities': at(() => ({ Scope: 'local', ConnectivityScope: 'global' })),
      'NetworkDriver.CreateNetwork': (request) => this.#createNetwork(request),
      'NetworkDriver.DeleteNetwork': at((request) => {
        this.#deleteNetwork(textField(request, 'NetworkID'));
        return {};
      }),
      'NetworkDriver.CreateEndpoint': (request) => this.#createEndpoint(request),
      'NetworkDriver.DeleteEndpoint': NOTHING,
      'NetworkDriver.EndpointOperInfo': at(() => ({ Value: {} })),
      'NetworkDriver.Join': (request) => this.#join(request),
      'NetworkDriver.Leave': at((request) => {
        const id = textField(request, 'EndpointID');
        removePair(this.#host, hostNameOf(id));
        this.#addresses.delete(id);
        return {};
      }),
      'NetworkDriver.ProgramExternalConnectivity': NOTHING,
      'NetworkDriver.RevokeExternalConnectivity': NOTHING,
      'NetworkDriver.DiscoverNew': NOTHING,
      'NetworkDriver.DiscoverDelete': NOTHING,
      'IpamDriver.GetCapabilities': at(() => ({ RequiresMACAddress: false })),
      'IpamDriver.GetDefaultAddressSpaces': at(() => ({
        LocalDefaultAddressSpace: 'local_scope',
        GlobalDefaultAddressSpace: 'global_scope',
      })),
      'IpamDriver.RequestPool': at((request) => {
        const Pool = textField(request, 'Pool');
        return Pool === '' ? { Error: 'a kuryr network needs --subnet' } : { PoolID: Pool, Pool };
      }),
      'IpamDriver.ReleasePool': NOTHING,
      'IpamDriver.RequestAddress': (request) => this.#requestAddress(request),
      'IpamDriver.ReleaseAddress': function* (this: Kuryr, request: Record<string, unknown>) {
        const argument = portOf(textField(request, 'PoolID'), textField(request, 'Address'));
        const answer = yield* this.#cloud.call('remove', argument);
        return typeof answer === 'string' ? { Error: answer } : {};
      }.bind(this),
    };
  }

  *#createNetwork(request: Record<string, unknown>): Steps<object> {
    const pool = poolOf(request);
    const subnet = pool === undefined ? '' : formatPrefix(pool);
    const answer = yield* this.#cloud.call('network', { Subnet: subnet });
    if (typeof answer === 'string') return { Err: answer };
    const vni = Number(fieldOf(answer, 'Vni'));
    this.#networks.set(textField(request, 'NetworkID'), { subnet, vni });
    this.#openSegment(vni);
    return {};
  }

  /** A bridge with its tunnel, and what is known of the ports behind it. */
  #openSegment(vni: number): void {
    const { namespace, uplink, name } = this.#host;
    const mtuBytes = uplink.mtu - VXLAN_OVERHEAD_BYTES;
    const bridge = bridgeOf(this.#host, bridgeNameOf(vni), mtuBytes);
    if (namespace.deviceByName(tunnelNameOf(vni)) !== undefined) return;
    const tunnel = new VxlanDevice({
      name: tunnelNameOf(vni),
      mac: macOf(`${name} ${vni}`),
      mtuBytes,
      vni,
      underlay: namespace,
      isLearning: false,
      tellsL2Misses: false,
      tellsL3Misses: false,
    });
    namespace.addDevice(tunnel);
    tunnel.register();
    namespace.setMaster(tunnel, bridge);
    namespace.setUp(tunnel, true);
    for (const news of this.#remotePorts.values()) this.#program(news);
  }

  #deleteNetwork(id: string): void {
    const network = this.#networks.get(id);
    if (network === undefined) return;
    this.#networks.delete(id);
    const { vni } = network;
    if ([...this.#networks.values()].some((other) => other.vni === vni)) return;
    const { namespace } = this.#host;
    const tunnel = namespace.deviceByName(tunnelNameOf(vni));
    if (tunnel !== undefined) namespace.removeDevice(tunnel);
    removeBridge(this.#host, bridgeNameOf(vni));
  }

  /** The cloud has made the port with its address; its MAC address is the cloud's, too. */
  *#createEndpoint(request: Record<string, unknown>): Steps<object> {
    const network = this.#networks.get(textField(request, 'NetworkID'));
    const { address, mac } = interfaceOf(request);
    if (network === undefined || address === undefined) return { Err: 'PortNotFound' };
    const text = formatIpv4Address(address.address);
    const port = yield* this.#cloud.call('port', portOf(network.subnet, text));
    if (typeof port === 'string') return { Err: port };
    this.#addresses.set(textField(request, 'EndpointID'), text);
    return mac === '' ? { Interface: { MacAddress: textField(port, 'Mac') } } : {};
  }

  /** Binds the port to this host, and waits until the cloud has made it active. */
  *#join(request: Record<string, unknown>): Steps<object> {
    const network = this.#networks.get(textField(request, 'NetworkID'));
    const id = textField(request, 'EndpointID');
    const address = this.#addresses.get(id);
    if (network === undefined || address === undefined) return { Err: 'PortNotFound' };
    const key = portOf(network.subnet, address);
    const Host = formatIpv4Address(this.#host.dataPathAddress);
    const bound = yield* this.#cloud.call('bind', { ...key, Host });
    if (typeof bound === 'string') return { Err: bound };
    const port = yield* this.#awaitActive(key);
    if (typeof port === 'string') return { Err: port };
    const { uplink } = this.#host;
    const mtuBytes = uplink.mtu - VXLAN_OVERHEAD_BYTES;
    const name = `t_c${id.slice(0, 11)}`;
    addPair(this.#host, {
      hostName: hostNameOf(id),
      hostMac: macOf(hostNameOf(id)),
      name,
      mac: parseMac(textField(port, 'Mac'))!,
      mtuBytes,
      bridge: bridgeOf(this.#host, bridgeNameOf(network.vni), mtuBytes),
    });
    return { InterfaceName: { SrcName: name, DstPrefix: 'eth' }, StaticRoutes: [] };
  }

  *#awaitActive(key: object): Steps<Record<string, unknown> | string> {
    const { queue } = this.#host.world;
    const untilNs = queue.nowNs + POLLS_NS_MAX;
    while (queue.nowNs < untilNs) {
      const port = yield* this.#cloud.call('port', key);
      if (typeof port === 'string' || textField(port, 'Status') === 'ACTIVE') return port;
      yield* answerOf<void>((resume) => {
        queue.scheduleCallback(queue.nowNs + POLL_NS, () => resume());
      });
    }
    return 'port did not become ACTIVE in time';
  }

  *#requestAddress(request: Record<string, unknown>): Steps<object> {
    const subnet = textField(request, 'PoolID');
    const length = subnet.split('/')[1];
    const wanted = textField(request, 'Address');
    if (isForGateway(request)) {
      const first = formatIpv4Address(networkOf(parsePrefix(subnet)!) + 1);
      // a subnet has its gateway from the beginning, and says it again to everybody
      yield* this.#cloud.call('create', portOf(subnet, wanted === '' ? first : wanted));
      return { Address: `${wanted === '' ? first : wanted}/${length}` };
    }
    const answer = yield* this.#cloud.call('create', portOf(subnet, wanted));
    if (typeof answer === 'string') return { Error: answer };
    return { Address: `${textField(answer, 'Address')}/${length}` };
  }

  #learn(news: Record<string, unknown>): void {
    const key = `${textField(news, 'Address')} ${textField(news, 'Mac')}`;
    if (textField(news, 'Host') === formatIpv4Address(this.#host.dataPathAddress)) return;
    if (fieldOf(news, 'Gone') === true) this.#remotePorts.delete(key);
    else this.#remotePorts.set(key, news);
    this.#program(news);
  }

  /** The forwarding entry and the neighbour of one port, if its segment is on this host. */
  #program(news: Record<string, unknown>): void {
    const { namespace, world } = this.#host;
    const tunnel = namespace.deviceByName(tunnelNameOf(Number(fieldOf(news, 'Vni'))));
    const mac = parseMac(textField(news, 'Mac'));
    const address = parseIpv4Address(textField(news, 'Address'));
    const vtep = parseIpv4Address(textField(news, 'Host'));
    if (!(tunnel instanceof VxlanDevice) || mac === undefined) return;
    if (address === undefined || vtep === undefined) return;
    if (fieldOf(news, 'Gone') === true) {
      tunnel.fdb.remove(mac, vtep);
      namespace.neighbours.remove(tunnel, address);
    } else {
      tunnel.fdb.replace(mac, vtep, world.nowNs);
      namespace.neighbours.setPermanent(tunnel, address, mac);
    }
  }
}

function portOf(subnet: string, address: string) {
  return { Subnet: subnet, Address: address };
}

function portIdOf(key: string): string {
  return macOf(key).toString(16).padStart(12, '0');
}

function bridgeNameOf(vni: number): string {
  return `brq${vni}`;
}

function tunnelNameOf(vni: number): string {
  return `vxlan-${vni}`;
}

function hostNameOf(endpointId: string): string {
  return `tap${endpointId.slice(0, 11)}`;
}
