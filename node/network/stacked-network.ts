/**
 * macvlan and ipvlan networks: a container's interface sits directly on one of the host's, past the
 * host's own stack. No rules, no published ports, and no way between host and container
 * (`drivers/macvlan`, `drivers/ipvlan`).
 */
import { Ipvlan, type IpvlanFlag, type IpvlanMode } from '../../net/device/ipvlan.ts';
import { Macvlan, type MacvlanMode } from '../../net/device/macvlan.ts';
import { stackingError } from '../../net/device/stacked-device.ts';
import type { Namespace } from '../../net/namespace.ts';
import { assert } from '../../sim/assert.ts';
import { broadcastOf, type Ipv4Address, type Mac, macOfIpv4 } from '../../wire/addresses.ts';
import { failure, forbidden, invalid, Refusal } from '../daemon/refusal.ts';
import type { LocalPool } from '../ipam/local-pools.ts';
import { type Announcements, announceRepeatedly } from './announcements.ts';
import type { BridgeHost } from './bridge-network.ts';
import type { LocalNetwork } from './local-network.ts';
import {
  type NetworkPlane,
  type PlaneEndpoint,
  type PlaneSubnet,
  subnetAt,
} from './network-plane.ts';
import { type ParentInterface, parentInterfaceOf } from './parent-interface.ts';

/** How the interfaces of a network behave. */
type StackedMode =
  | { readonly driver: 'macvlan'; readonly mode: MacvlanMode }
  | { readonly driver: 'ipvlan'; readonly mode: IpvlanMode; readonly flag: IpvlanFlag };

/** What such a network is made from. */
interface StackedNetworkOptions {
  readonly subnets: readonly PlaneSubnet[];
  readonly announcements: Announcements;
  readonly parent: ParentInterface;
  readonly mode: StackedMode;
  readonly isInternal: boolean;
}

/** A macvlan or ipvlan network. */
export class StackedNetwork implements NetworkPlane {
  readonly pool: LocalPool;
  readonly gateway: Ipv4Address | undefined;
  readonly otherSubnets: readonly PlaneSubnet[];
  readonly defaultRoute: 'gateway' | 'device' | 'none';
  readonly parent: ParentInterface;
  readonly mode: StackedMode;
  readonly #host: BridgeHost;
  readonly #announcements: Announcements;

  constructor(host: BridgeHost, options: StackedNetworkOptions) {
    this.#host = host;
    this.#announcements = options.announcements;
    const [first, ...others] = options.subnets;
    assert(first !== undefined, 'a network has a subnet');
    this.pool = first.pool;
    this.gateway = first.gateway;
    this.otherSubnets = others;
    this.parent = options.parent;
    this.mode = options.mode;
    const isRouted = this.mode.driver === 'ipvlan' && this.mode.mode !== 'l2';
    if (options.isInternal) this.defaultRoute = 'none';
    else if (isRouted) this.defaultRoute = 'device';
    else this.defaultRoute = 'gateway';
  }

  /** The kernel has the last word on who may share a parent. */
  joinRefusal(): Refusal | undefined {
    const { driver, mode } = this.mode;
    if (stackingError(this.parent.device, driver, mode === 'passthru') === undefined)
      return undefined;
    return failure(`failed to create the ${driver} port: device or resource busy`);
  }

  join(
    sandbox: Namespace,
    interfaceName: string,
    address: Ipv4Address,
    chosenMac?: Mac | undefined,
  ): PlaneEndpoint {
    const { namespace, identifiers, engine } = this.#host;
    const parent = this.parent.device;
    const { mode } = this;
    const name = identifiers.veth();
    const ownMac = engine.hasMacFromAddress ? macOfIpv4(address) : identifiers.mac();
    const device =
      mode.driver === 'macvlan'
        ? new Macvlan(name, parent, chosenMac ?? ownMac, mode.mode)
        : new Ipvlan(name, parent, mode.mode, mode.flag);
    namespace.addDevice(device);
    namespace.moveDevice(device, sandbox, interfaceName);
    const { subnet } = subnetAt(this, address).pool;
    const prefixLength = subnet.lengthBits;
    const broadcast = broadcastOf(subnet);
    sandbox.addAddress(device, { address, prefixLength, broadcast });
    sandbox.setUp(device, true);
    // the driver of ipvlan leaves an endpoint's MAC open, so that there is nothing to tell
    if (engine.announcesAddresses && mode.driver === 'macvlan') {
      const isThere = () => sandbox.deviceByName(interfaceName) === device;
      announceRepeatedly(namespace.world, this.#announcements, device, address, isThere);
    }
    return { id: identifiers.id(), address, mac: device.mac, device };
  }

  leave({ device }: PlaneEndpoint): void {
    device.namespace.removeDevice(device);
  }

  remove(): void {
    if (this.parent.isOwn) this.#host.namespace.removeDevice(this.parent.device);
  }
}

/** What a macvlan or ipvlan network is asked to be. */
export interface StackedRequest {
  readonly id: string;
  readonly driver: 'macvlan' | 'ipvlan';
  readonly options: ReadonlyMap<string, string>;
  readonly subnets: readonly PlaneSubnet[];
  readonly announcements: Announcements;
  readonly isInternal: boolean;
  /** Networks that must not share a parent with it. */
  readonly others: readonly LocalNetwork[];
}

/** Makes the driver's part of a macvlan or ipvlan network, its parent interface included. */
export function makeStackedPlane(
  host: BridgeHost,
  request: StackedRequest,
): StackedNetwork | Refusal {
  const { id, driver, options, subnets, announcements, isInternal, others } = request;
  const mode = modeOf(driver, options);
  if (mode instanceof Refusal) return mode;
  const prefix = driver === 'macvlan' ? 'dm' : 'di';
  const parentName = options.get('parent');
  for (const { plane, facts } of others) {
    if (!(plane instanceof StackedNetwork) || facts.driver !== driver) continue;
    if (parentName === undefined || plane.parent.device.name !== parentName) continue;
    const who = `${prefix}-${facts.id.slice(0, 12)}`;
    return forbidden(`network ${who} is already using parent interface ${parentName}`);
  }
  const dummyName = `${prefix}-${id.slice(0, 12)}`;
  const { namespace, identifiers } = host;
  const parent = parentInterfaceOf(namespace, parentName, dummyName, () => identifiers.mac());
  if (parent instanceof Refusal) return parent;
  return new StackedNetwork(host, { subnets, announcements, parent, mode, isInternal });
}

const MACVLAN_MODES: readonly MacvlanMode[] = ['bridge', 'private', 'passthru', 'vepa'];
const IPVLAN_MODES: readonly IpvlanMode[] = ['l2', 'l3', 'l3s'];
const IPVLAN_FLAGS: readonly IpvlanFlag[] = ['bridge', 'private', 'vepa'];

function modeOf(
  driver: 'macvlan' | 'ipvlan',
  options: ReadonlyMap<string, string>,
): StackedMode | Refusal {
  const wanted = options.get(`${driver}_mode`);
  if (driver === 'macvlan') {
    const mode = MACVLAN_MODES.find((m) => m === (wanted ?? 'bridge'));
    if (mode === undefined)
      return invalid(
        `requested macvlan mode '${wanted}' is not valid, 'bridge' mode is the macvlan driver default`,
      );
    return { driver, mode };
  }
  const mode = IPVLAN_MODES.find((m) => m === (wanted ?? 'l2'));
  if (mode === undefined) {
    return invalid(
      `requested ipvlan mode '${wanted}' is not valid, 'l2' mode is the ipvlan driver default`,
    );
  }
  const flagText = options.get('ipvlan_flag');
  const flag = IPVLAN_FLAGS.find((f) => f === (flagText ?? 'bridge'));
  if (flag === undefined) {
    return invalid(
      `requested ipvlan flag '${flagText}' is not valid, 'bridge' is the ipvlan driver default`,
    );
  }
  return { driver, mode, flag };
}
