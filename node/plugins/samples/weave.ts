/**
 * A mesh of tunnels, as Weave Net makes it: a bridge on every host, and between all of them VXLAN on
 * port 6784. Frames for nobody known go to all, and every bridge and tunnel learns. Nobody is central:
 * each host owns its part of the address range, as all know who was there at the beginning.
 * After weave's `plugin/net/driver.go`, `plugin/ipam/driver.go` and its fast datapath.
 */

import { VxlanDevice } from '../../../vxlan/vxlan-device.ts';
import {
  formatIpv4Address,
  formatPrefix,
  type Ipv4Address,
  networkOf,
  type Prefix,
  parseIpv4Address,
  parsePrefix,
} from '../../../wire/addresses.ts';
import { objectField, textField } from '../../../wire/go-json.ts';
import { AddressBook } from './address-book.ts';
import { addPair, bridgeOf, removePair } from './ports.ts';
import { interfaceOf, wantedAddressOf } from './requests.ts';
import {
  type Answers,
  at,
  greeting,
  macOf,
  NOTHING,
  type PluginHost,
  type SamplePlugin,
} from './sample-plugin.ts';

const RANGE = parsePrefix('10.32.0.0/12')!;
const BRIDGE = 'weave';
const TUNNEL = 'vxlan-6784';
const TUNNEL_PORT = 6784;
const VNI = 1;
/** Room for the tunnel, and for what else may be on the way. */
const MTU_BYTES = 1376;

/** Weave's router and plugin on one host. */
export class Weave implements SamplePlugin {
  readonly sockets: Readonly<Record<string, Answers>>;
  readonly #host: PluginHost;
  readonly #addresses: AddressBook;
  readonly #endpoints = new Map<string, Prefix>();

  /** `peers` are all hosts of the mesh at its beginning, this one among them. */
  constructor(host: PluginHost, peers: readonly Ipv4Address[]) {
    this.#host = host;
    this.#addresses = new AddressBook(shareOf(peers, host.dataPathAddress));
    this.sockets = { weavemesh: this.#answers };
    this.#openTunnel(peers);
  }

  /** The router's own part, which stays when the plugin's process is gone. */
  #openTunnel(peers: readonly Ipv4Address[]): void {
    const { namespace, name } = this.#host;
    const bridge = bridgeOf(this.#host, BRIDGE, MTU_BYTES);
    const tunnel = new VxlanDevice({
      name: TUNNEL,
      mac: macOf(`${name} ${TUNNEL}`),
      mtuBytes: MTU_BYTES,
      vni: VNI,
      port: TUNNEL_PORT,
      underlay: namespace,
      isProxy: false,
      tellsL2Misses: false,
      tellsL3Misses: false,
    });
    namespace.addDevice(tunnel);
    tunnel.register();
    namespace.setMaster(tunnel, bridge);
    namespace.setUp(tunnel, true);
    for (const peer of peers) this.#addPeer(peer);
  }

  #addPeer(peer: Ipv4Address | undefined): void {
    if (peer === undefined || peer === this.#host.dataPathAddress) return;
    this.#tunnel?.fdb.addDefault(peer);
  }

  get #tunnel(): VxlanDevice | undefined {
    return this.#host.namespace.deviceByName(TUNNEL) as VxlanDevice | undefined;
  }

  get #answers(): Answers {
    return {
      'Plugin.Activate': greeting('NetworkDriver', 'IpamDriver'),
      'NetworkDriver.GetCapabilities': at(() => ({ Scope: 'local', ConnectivityScope: 'global' })),
      'NetworkDriver.CreateNetwork': NOTHING,
      'NetworkDriver.DeleteNetwork': NOTHING,
      'NetworkDriver.CreateEndpoint': at((request) => {
        const { address } = interfaceOf(request);
        if (address === undefined) return { Err: 'Not supported: no IPv4 address' };
        this.#endpoints.set(textField(request, 'EndpointID'), address);
        return {};
      }),
      'NetworkDriver.DeleteEndpoint': NOTHING,
      'NetworkDriver.EndpointOperInfo': at(() => ({ Value: {} })),
      'NetworkDriver.Join': at((request) => this.#join(textField(request, 'EndpointID'))),
      'NetworkDriver.Leave': at((request) => {
        const id = textField(request, 'EndpointID');
        removePair(this.#host, hostNameOf(id));
        this.#endpoints.delete(id);
        return {};
      }),
      'NetworkDriver.DiscoverNew': at((request) => {
        this.#addPeer(nodeOf(request));
        return {};
      }),
      'NetworkDriver.DiscoverDelete': at((request) => {
        this.#tunnel?.fdb.removeDefault(nodeOf(request) ?? 0);
        return {};
      }),
      'IpamDriver.GetCapabilities': at(() => ({ RequiresMACAddress: false })),
      'IpamDriver.GetDefaultAddressSpaces': at(() => ({
        LocalDefaultAddressSpace: 'weavelocal',
        GlobalDefaultAddressSpace: 'weaveglobal',
      })),
      'IpamDriver.RequestPool': at(() => ({
        PoolID: 'weavepool',
        Pool: formatPrefix(RANGE),
        Data: { 'com.docker.network.gateway': formatPrefix(RANGE) },
      })),
      'IpamDriver.ReleasePool': NOTHING,
      'IpamDriver.RequestAddress': at((request) => {
        const address = this.#addresses.take('', wantedAddressOf(request));
        if (address === undefined) return { Error: 'no IP addresses available' };
        return { Address: `${formatIpv4Address(address)}/${RANGE.lengthBits}` };
      }),
      'IpamDriver.ReleaseAddress': at((request) => {
        this.#addresses.release(parseIpv4Address(textField(request, 'Address')) ?? 0);
        return {};
      }),
    };
  }

  #join(id: string): object {
    if (!this.#endpoints.has(id)) return { Err: `endpoint ${id} is not known` };
    const name = `vethwg${id.slice(0, 5)}`;
    addPair(this.#host, {
      hostName: hostNameOf(id),
      hostMac: macOf(hostNameOf(id)),
      name,
      mac: macOf(id),
      mtuBytes: MTU_BYTES,
      bridge: bridgeOf(this.#host, BRIDGE, MTU_BYTES),
    });
    return {
      InterfaceName: { SrcName: name, DstPrefix: 'ethwe' },
      StaticRoutes: [{ Destination: '224.0.0.0/4', RouteType: 1, NextHop: '' }],
    };
  }
}

/** A host's part of the range: as many equal parts as there are peers, in the order of addresses. */
function shareOf(peers: readonly Ipv4Address[], own: Ipv4Address): Prefix {
  const sorted = [...new Set([...peers, own])].sort((a, b) => a - b);
  const bits = Math.ceil(Math.log2(Math.max(sorted.length, 1)));
  const lengthBits = RANGE.lengthBits + bits;
  return {
    address: networkOf(RANGE) + sorted.indexOf(own) * 2 ** (32 - lengthBits),
    lengthBits,
  };
}

function nodeOf(request: Record<string, unknown>): Ipv4Address | undefined {
  return parseIpv4Address(textField(objectField(request, 'DiscoveryData') ?? {}, 'Address'));
}

function hostNameOf(endpointId: string): string {
  return `vethwl${endpointId.slice(0, 5)}`;
}
