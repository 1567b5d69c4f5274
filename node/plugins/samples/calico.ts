/**
 * A routed fabric, as Calico makes it: every container has a /32 and its own wire to the host, which
 * answers ARP for the gateway 169.254.1.1 and routes. Addresses come in blocks of 64 that a host
 * claims from a central store; a route to the block goes to all other hosts by a route reflector.
 * After libnetwork-plugin (`driver/network_driver.go`, `ipam_driver.go`) and Felix' routes.
 */
import { type Steps, takeSteps } from '../../../sim/steps.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import type { World } from '../../../sim/world.ts';
import {
  broadcastOf,
  formatIpv4Address,
  formatPrefix,
  type Ipv4Address,
  networkOf,
  type Prefix,
  parseIpv4Address,
  parseMac,
  parsePrefix,
} from '../../../wire/addresses.ts';
import { textField } from '../../../wire/go-json.ts';
import { type CentralAddress, CentralClient, type CentralFacts } from './central-service.ts';
import { addPair, removePair } from './ports.ts';
import { interfaceOf, poolOf, wantedAddressOf } from './requests.ts';
import {
  type Answers,
  at,
  greeting,
  macOf,
  NOTHING,
  type PluginHost,
  type SamplePlugin,
} from './sample-plugin.ts';

const POOL = parsePrefix('10.244.0.0/16')!;
const BLOCK_BITS = 26;
const BLOCK_SIZE = 2 ** (32 - BLOCK_BITS);
const NEXT_HOP = '169.254.1.1';
const CONTAINER_MAC = 'EE:EE:EE:EE:EE:EE';
const STORE_PORT = 2379;
const STORE_DELAY_NS = 2_000_000;
/** A peer that says nothing for so long is gone, and its routes with it (BGP's hold time), in ns. */
const HOLD_NS = 90 * SECOND_NS;
const KEEPALIVE_NS = 30 * SECOND_NS;

/** The store and route reflector of all hosts. */
export function calicoStore({ queue }: World): CentralFacts {
  const owners = new Map<Ipv4Address, string>();
  const heardAtNs = new Map<string, number>();
  const listeners: ((news: object) => void)[] = [];
  const tellAll = (news: object) => {
    for (const tell of listeners) tell(news);
  };
  const newsOf = (block: Ipv4Address, host: string, isGone = false) => ({
    Prefix: formatPrefix({ address: block, lengthBits: BLOCK_BITS }),
    NextHop: host,
    Withdrawn: isGone,
  });
  const blocksOf = (host: string) =>
    [...owners].filter(([, owner]) => owner === host).map(([block]) => block);
  const expire = (host: string) => {
    if (queue.nowNs - (heardAtNs.get(host) ?? queue.nowNs) < HOLD_NS) return;
    heardAtNs.delete(host);
    for (const block of blocksOf(host)) tellAll(newsOf(block, host, true));
  };
  const hear = (host: string) => {
    const isBack = !heardAtNs.has(host);
    heardAtNs.set(host, queue.nowNs);
    queue.scheduleCallback(queue.nowNs + HOLD_NS, () => expire(host));
    if (isBack) for (const block of blocksOf(host)) tellAll(newsOf(block, host));
  };
  return {
    port: STORE_PORT,
    delayNs: STORE_DELAY_NS,
    methods: {
      keepalive: (request) => {
        hear(textField(request, 'Host'));
        return {};
      },
      claim: (request) => {
        const host = textField(request, 'Host');
        hear(host);
        for (let block = POOL.address; block <= broadcastOf(POOL); block += BLOCK_SIZE) {
          if (owners.has(block)) continue;
          owners.set(block, host);
          const news = newsOf(block, host);
          tellAll(news);
          return { Block: news.Prefix };
        }
        return { Error: 'no more blocks in the pool' };
      },
    },
    onSubscriber: (tell) => {
      listeners.push(tell);
      for (const [block, host] of owners) if (heardAtNs.has(host)) tell(newsOf(block, host));
    },
  };
}

/** Calico's node, libnetwork plugin and Felix in one, on one host. */
export class Calico implements SamplePlugin {
  readonly sockets: Readonly<Record<string, Answers>>;
  readonly #host: PluginHost;
  readonly #store: CentralClient;
  /** This host's blocks, and what is taken of them. */
  readonly #blocks: { readonly prefix: Prefix; readonly taken: Set<Ipv4Address> }[] = [];
  readonly #addresses = new Map<string, Ipv4Address>();
  #isRunning = false;

  constructor(host: PluginHost, store: CentralAddress) {
    this.#host = host;
    this.#store = new CentralClient(host.namespace, store);
    this.sockets = { calico: this.#driver, 'calico-ipam': this.#ipam };
    const { tables } = host.namespace;
    const pool = formatPrefix(POOL);
    tables.run('-I FORWARD -o cali+ -j ACCEPT');
    tables.run('-I FORWARD -i cali+ -j ACCEPT');
    tables.run(`-t nat -A POSTROUTING -s ${pool} ! -d ${pool} -j MASQUERADE`);
  }

  start(): void {
    this.#isRunning = true;
    this.#store.subscribe((news) => this.#learn(news));
    this.#keepAlive();
  }

  stop(): void {
    this.#isRunning = false;
    this.#store.unsubscribe();
  }

  get #own(): string {
    return formatIpv4Address(this.#host.dataPathAddress);
  }

  get #driver(): Answers {
    return {
      'Plugin.Activate': greeting('NetworkDriver'),
      'NetworkDriver.GetCapabilities': at(() => ({ Scope: 'local', ConnectivityScope: 'global' })),
      'NetworkDriver.CreateNetwork': at((request) => {
        if (poolOf(request)?.lengthBits === 0) return {};
        return { Err: 'a calico network has no subnet: use --ipam-driver calico-ipam' };
      }),
      'NetworkDriver.DeleteNetwork': NOTHING,
      'NetworkDriver.CreateEndpoint': at((request) => this.#createEndpoint(request)),
      'NetworkDriver.DeleteEndpoint': NOTHING,
      'NetworkDriver.EndpointOperInfo': at(() => ({ Value: {} })),
      'NetworkDriver.Join': at((request) => this.#join(textField(request, 'EndpointID'))),
      'NetworkDriver.Leave': at((request) => {
        const id = textField(request, 'EndpointID');
        removePair(this.#host, hostNameOf(id));
        this.#addresses.delete(id);
        return {};
      }),
      'NetworkDriver.DiscoverNew': NOTHING,
      'NetworkDriver.DiscoverDelete': NOTHING,
    };
  }

  get #ipam(): Answers {
    return {
      'Plugin.Activate': greeting('IpamDriver'),
      'IpamDriver.GetCapabilities': at(() => ({ RequiresMACAddress: false })),
      'IpamDriver.GetDefaultAddressSpaces': at(() => ({
        LocalDefaultAddressSpace: 'CalicoLocalAddressSpace',
        GlobalDefaultAddressSpace: 'CalicoGlobalAddressSpace',
      })),
      'IpamDriver.RequestPool': at(() => ({
        PoolID: 'CalicoPoolIPv4',
        Pool: '0.0.0.0/0',
        Data: { 'com.docker.network.gateway': '0.0.0.0/0' },
      })),
      'IpamDriver.ReleasePool': NOTHING,
      'IpamDriver.RequestAddress': (request) => this.#requestAddress(wantedAddressOf(request)),
      'IpamDriver.ReleaseAddress': at((request) => {
        const address = parseIpv4Address(textField(request, 'Address'));
        for (const { taken } of this.#blocks) taken.delete(address ?? 0);
        return {};
      }),
    };
  }

  #createEndpoint(request: Record<string, unknown>): object {
    const { address, mac } = interfaceOf(request);
    if (address === undefined) return { Err: 'an endpoint needs an address' };
    this.#addresses.set(textField(request, 'EndpointID'), address.address);
    return mac === '' ? { Interface: { MacAddress: CONTAINER_MAC } } : {};
  }

  /** A wire of its own, and a route to it. */
  #join(id: string): object {
    const address = this.#addresses.get(id);
    if (address === undefined) return { Err: `endpoint ${id} is not known` };
    const { namespace } = this.#host;
    const hostName = hostNameOf(id);
    const name = `temp${id.slice(0, 11)}`;
    const device = addPair(this.#host, {
      hostName,
      hostMac: macOf(hostName),
      name,
      mac: parseMac(CONTAINER_MAC)!,
      mtuBytes: 1500,
    });
    namespace.sysctls.set(`net.ipv4.conf.${hostName}.proxy_arp`, 1);
    namespace.addRoute({ destination: address, prefixLength: 32, device });
    return {
      InterfaceName: { SrcName: name, DstPrefix: 'cali' },
      Gateway: NEXT_HOP,
      StaticRoutes: [{ Destination: `${NEXT_HOP}/32`, RouteType: 1, NextHop: '' }],
    };
  }

  *#requestAddress(wanted: Ipv4Address | undefined): Steps<object> {
    for (;;) {
      const address = this.#takeAddress(wanted);
      if (address !== undefined) return { Address: `${formatIpv4Address(address)}/32` };
      if (wanted !== undefined) {
        return { Error: `The address ${formatIpv4Address(wanted)} is not of this host's blocks` };
      }
      const answer = yield* this.#store.call('claim', { Host: this.#own });
      if (typeof answer === 'string') return { Error: `cannot claim a block: ${answer}` };
      this.#addBlock(parsePrefix(textField(answer, 'Block'))!);
    }
  }

  #takeAddress(wanted: Ipv4Address | undefined): Ipv4Address | undefined {
    for (const { prefix, taken } of this.#blocks) {
      for (let i = 0; i < BLOCK_SIZE; i++) {
        const address = networkOf(prefix) + i;
        if (taken.has(address) || (wanted !== undefined && wanted !== address)) continue;
        taken.add(address);
        return address;
      }
    }
    return undefined;
  }

  /** What of the block nobody has goes nowhere. */
  #addBlock(prefix: Prefix): void {
    if (this.#blocks.some((block) => block.prefix.address === prefix.address)) return;
    this.#blocks.push({ prefix, taken: new Set() });
    this.#host.namespace.addRoute({ ...routeOf(prefix), type: 'blackhole', protocol: 'bird' });
  }

  /** A block of another host came or went. */
  #learn(news: Record<string, unknown>): void {
    const prefix = parsePrefix(textField(news, 'Prefix'));
    const gateway = parseIpv4Address(textField(news, 'NextHop'));
    if (prefix === undefined || gateway === undefined) return;
    if (gateway === this.#host.dataPathAddress) {
      if (news['Withdrawn'] !== true) this.#addBlock(prefix);
      return;
    }
    const { namespace } = this.#host;
    namespace.removeRoute({ ...routeOf(prefix), protocol: 'bird' });
    if (news['Withdrawn'] === true) return;
    namespace.addRoute({ ...routeOf(prefix), gateway, protocol: 'bird' });
  }

  #keepAlive(): void {
    if (!this.#isRunning) return;
    const { queue } = this.#host.world;
    takeSteps(this.#store.call('keepalive', { Host: this.#own }), () => {});
    queue.scheduleCallback(queue.nowNs + KEEPALIVE_NS, () => this.#keepAlive());
  }
}

function routeOf({ address, lengthBits }: Prefix) {
  return { destination: address, prefixLength: lengthBits };
}

function hostNameOf(endpointId: string): string {
  return `cali${endpointId.slice(0, 11)}`;
}
