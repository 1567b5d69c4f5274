/**
 * VLANs from a central controller, as Contiv's netmaster gives them: networks of one tenant and subnet
 * are one VLAN on all hosts, whose ids and addresses the controller keeps. Each host has an 802.1Q
 * subinterface of its uplink in a bridge per VLAN, where containers are plugged in.
 * After contiv/netplugin's `mgmtfn/dockplugin`.
 */

import { Vlan } from '../../../net/device/vlan.ts';
import type { Steps } from '../../../sim/steps.ts';
import {
  formatIpv4Address,
  formatPrefix,
  networkOf,
  parseIpv4Address,
  parsePrefix,
} from '../../../wire/addresses.ts';
import { fieldOf, textField } from '../../../wire/go-json.ts';
import { AddressBook } from './address-book.ts';
import { type CentralAddress, CentralClient, type CentralFacts } from './central-service.ts';
import { addPair, bridgeOf, removeBridge, removePair } from './ports.ts';
import { interfaceOf, ipamOptionOf, isForGateway, poolOf, userOptionOf } from './requests.ts';
import {
  type Answers,
  at,
  greeting,
  macOf,
  NOTHING,
  type PluginHost,
  type SamplePlugin,
} from './sample-plugin.ts';

const MASTER_PORT = 9999;
const MASTER_DELAY_NS = 5_000_000;
const FIRST_VLAN = 100;
const VLAN_MAX = 4094;
const DEFAULT_TENANT = 'default';
/** The owner of a network's gateway address in the book. */
const GATEWAY = 'gateway';

/** One network of a tenant, as netmaster knows it. */
interface TenantNetwork {
  readonly vlan: number;
  readonly addresses: AddressBook;
}

/** netmaster: VLAN ids and addresses of all hosts. */
export function contivMaster(): CentralFacts {
  const networks = new Map<string, TenantNetwork>();
  const open = (request: Record<string, unknown>): TenantNetwork | { readonly Error: string } => {
    const key = textField(request, 'Key');
    const known = networks.get(key);
    if (known !== undefined) return known;
    const subnet = parsePrefix(textField(request, 'Subnet'));
    if (subnet === undefined) return { Error: 'a contiv network needs a subnet' };
    const vlan = FIRST_VLAN + networks.size;
    if (vlan > VLAN_MAX) return { Error: 'no more VLANs' };
    const network = { vlan, addresses: new AddressBook(subnet) };
    networks.set(key, network);
    return network;
  };
  return {
    port: MASTER_PORT,
    delayNs: MASTER_DELAY_NS,
    methods: {
      network: (request) => {
        const network = open(request);
        return 'Error' in network ? network : { Vlan: network.vlan };
      },
      address: (request) => {
        const network = open(request);
        if ('Error' in network) return network;
        const owner = textField(request, 'Owner');
        const { addresses } = network;
        const wanted = parseIpv4Address(textField(request, 'Address'));
        const first = networkOf(addresses.subnet) + 1;
        if (owner === GATEWAY && addresses.ownerOf(wanted ?? first) === GATEWAY) {
          return { Address: formatIpv4Address(wanted ?? first) };
        }
        const address = addresses.take(owner, wanted);
        if (address === undefined) return { Error: 'no address is available' };
        return { Address: formatIpv4Address(address) };
      },
      release: (request) => {
        const network = networks.get(textField(request, 'Key'));
        const address = parseIpv4Address(textField(request, 'Address')) ?? 0;
        // the gateway is everybody's
        if (network?.addresses.ownerOf(address) !== GATEWAY) network?.addresses.release(address);
        return {};
      },
    },
  };
}

/** netplugin on one host. */
export class Contiv implements SamplePlugin {
  readonly sockets: Readonly<Record<string, Answers>>;
  readonly #host: PluginHost;
  readonly #master: CentralClient;
  /** VLANs by network, and how many networks use each. */
  readonly #vlans = new Map<string, number>();
  readonly #users = new Map<number, number>();

  constructor(host: PluginHost, master: CentralAddress) {
    this.#host = host;
    this.#master = new CentralClient(host.namespace, master);
    this.sockets = { netplugin: this.#answers };
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
      'NetworkDriver.CreateEndpoint': at((request) =>
        interfaceOf(request).address === undefined ? { Err: 'an endpoint needs an address' } : {},
      ),
      'NetworkDriver.DeleteEndpoint': NOTHING,
      'NetworkDriver.EndpointOperInfo': at(() => ({ Value: {} })),
      'NetworkDriver.Join': at((request) => this.#join(request)),
      'NetworkDriver.Leave': at((request) => {
        removePair(this.#host, hostNameOf(textField(request, 'EndpointID')));
        return {};
      }),
      'IpamDriver.GetCapabilities': at(() => ({ RequiresMACAddress: false })),
      'IpamDriver.GetDefaultAddressSpaces': at(() => ({
        LocalDefaultAddressSpace: DEFAULT_TENANT,
        GlobalDefaultAddressSpace: DEFAULT_TENANT,
      })),
      'IpamDriver.RequestPool': at((request) => {
        const Pool = textField(request, 'Pool');
        if (Pool === '') return { Error: 'a contiv network needs --subnet' };
        const tenant = ipamOptionOf(request, 'tenant');
        return { PoolID: keyOf(tenant, Pool), Pool };
      }),
      'IpamDriver.ReleasePool': NOTHING,
      'IpamDriver.RequestAddress': (request) => this.#requestAddress(request),
      'IpamDriver.ReleaseAddress': (request) => this.#releaseAddress(request),
    };
  }

  *#createNetwork(request: Record<string, unknown>): Steps<object> {
    const pool = poolOf(request);
    const Subnet = pool === undefined ? '' : formatPrefix(pool);
    const Key = keyOf(userOptionOf(request, 'tenant'), Subnet);
    const answer = yield* this.#master.call('network', { Key, Subnet });
    if (typeof answer === 'string') return { Err: `netmaster: ${answer}` };
    const vlan = Number(fieldOf(answer, 'Vlan'));
    this.#vlans.set(textField(request, 'NetworkID'), vlan);
    this.#users.set(vlan, (this.#users.get(vlan) ?? 0) + 1);
    this.#openVlan(vlan);
    return {};
  }

  #openVlan(vlan: number): void {
    const { namespace, uplink } = this.#host;
    const bridge = bridgeOf(this.#host, bridgeNameOf(vlan), uplink.mtu);
    const name = `${uplink.name}.${vlan}`;
    if (namespace.deviceByName(name) !== undefined) return;
    const device = new Vlan(name, uplink, vlan);
    namespace.addDevice(device);
    namespace.setMaster(device, bridge);
    namespace.setUp(device, true);
  }

  #deleteNetwork(id: string): void {
    const vlan = this.#vlans.get(id);
    if (vlan === undefined) return;
    this.#vlans.delete(id);
    const users = this.#users.get(vlan)! - 1;
    this.#users.set(vlan, users);
    if (users > 0) return;
    const { namespace, uplink } = this.#host;
    removeBridge(this.#host, bridgeNameOf(vlan));
    const device = namespace.deviceByName(`${uplink.name}.${vlan}`);
    if (device !== undefined) namespace.removeDevice(device);
  }

  #join(request: Record<string, unknown>): object {
    const vlan = this.#vlans.get(textField(request, 'NetworkID'));
    if (vlan === undefined) return { Err: 'the network is not known' };
    const id = textField(request, 'EndpointID');
    const name = `cvport${id.slice(0, 8)}`;
    const mtuBytes = this.#host.uplink.mtu;
    addPair(this.#host, {
      hostName: hostNameOf(id),
      hostMac: macOf(hostNameOf(id)),
      name,
      mac: macOf(id),
      mtuBytes,
      bridge: bridgeOf(this.#host, bridgeNameOf(vlan), mtuBytes),
    });
    return { InterfaceName: { SrcName: name, DstPrefix: 'eth' } };
  }

  *#requestAddress(request: Record<string, unknown>): Steps<object> {
    const Key = textField(request, 'PoolID');
    const Subnet = subnetOf(Key);
    const Owner = isForGateway(request) ? GATEWAY : this.#host.name;
    const Address = textField(request, 'Address');
    const answer = yield* this.#master.call('address', { Key, Subnet, Owner, Address });
    if (typeof answer === 'string') return { Error: `netmaster: ${answer}` };
    return { Address: `${textField(answer, 'Address')}/${Subnet.split('/')[1]}` };
  }

  *#releaseAddress(request: Record<string, unknown>): Steps<object> {
    const Key = textField(request, 'PoolID');
    const Address = textField(request, 'Address');
    const answer = yield* this.#master.call('release', { Key, Address });
    return typeof answer === 'string' ? { Error: `netmaster: ${answer}` } : {};
  }
}

/** A network is the same on all hosts by its tenant and its subnet. */
function keyOf(tenant: string, subnet: string): string {
  return `${tenant === '' ? DEFAULT_TENANT : tenant} ${subnet}`;
}

function subnetOf(key: string): string {
  return key.slice(key.indexOf(' ') + 1);
}

function bridgeNameOf(vlan: number): string {
  return `contiv${vlan}`;
}

function hostNameOf(endpointId: string): string {
  return `vvport${endpointId.slice(0, 8)}`;
}
