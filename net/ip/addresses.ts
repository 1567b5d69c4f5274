/**
 * The IPv4 addresses of a namespace's devices, and the routes that they make.
 *
 * An address A/p on a device that is up makes a local route for A, a connected route for its prefix
 * (unless that is A/32) and broadcast routes; a device that goes down loses all but the local one.
 * The second address of a subnet is a secondary one and leaves with its primary.
 * Mirrors net/ipv4/devinet.c (`__inet_insert_ifa`, `inet_select_addr`) and fib_frontend.c
 * (`fib_add_ifaddr`, `fib_del_ifaddr`).
 */
import { type Ipv4Address, isLoopbackAddress, prefixMask } from '../../wire/addresses.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import { RouteTableId, Scope } from './route.ts';

/** What `ip addr add` is told. */
export interface AddressSpecification {
  readonly address: Ipv4Address;
  readonly prefixLength: number;
  /** Default: `host` for 127/8, else `global`. */
  readonly scope?: Scope;
  /** Default: the device's name. */
  readonly label?: string;
  /** Default: none, as `ip addr add` without `brd`; Docker gives the subnet's last address. */
  readonly broadcast?: Ipv4Address;
}

/** An address as it stands on a device. */
export interface DeviceAddress {
  readonly device: Device;
  readonly address: Ipv4Address;
  readonly prefixLength: number;
  readonly scope: Scope;
  readonly label: string;
  /** 0 when there is none. */
  readonly broadcast: Ipv4Address;
  readonly isSecondary: boolean;
}

const NO_ADDRESSES: readonly DeviceAddress[] = [];

/** The addresses of one namespace. */
export class Addresses {
  readonly #namespace: Namespace;
  readonly #byDevice = new Map<Device, DeviceAddress[]>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** A device's addresses in `ip addr` order; not to be changed. */
  of(device: Device): readonly DeviceAddress[] {
    return this.#byDevice.get(device) ?? NO_ADDRESSES;
  }

  /** The device that has this address. */
  deviceOf(address: Ipv4Address): Device | undefined {
    for (const [device, addresses] of this.#byDevice) {
      for (const own of addresses) if (own.address === address) return device;
    }
    return undefined;
  }

  /** Adds an address; false when the device has it already. */
  add(device: Device, specification: AddressSpecification): boolean {
    const { address, prefixLength, label = device.name, broadcast = 0 } = specification;
    const scope = specification.scope ?? (isLoopbackAddress(address) ? Scope.host : Scope.global);
    const addresses = this.#byDevice.get(device) ?? [];
    const mask = prefixMask(prefixLength);
    let isSecondary = false;
    let place = 0;
    for (let i = 0; i < addresses.length; i++) {
      const own = addresses[i]!;
      if (!own.isSecondary && scope <= own.scope) place = i + 1;
      if (own.prefixLength !== prefixLength || ((own.address ^ address) & mask) !== 0) continue;
      if (own.address === address) return false;
      isSecondary = true;
    }
    if (isSecondary) place = addresses.length;
    const added = { device, address, prefixLength, scope, label, broadcast, isSecondary };
    addresses.splice(place, 0, added);
    this.#byDevice.set(device, addresses);
    this.#addRoutes(added);
    return true;
  }

  /** Removes an address, and the secondary ones of its subnet; false when there is none. */
  remove(device: Device, address: Ipv4Address, prefixLength: number): boolean {
    const addresses = this.#byDevice.get(device);
    const gone = addresses?.find(
      (own) => own.address === address && own.prefixLength === prefixLength,
    );
    if (addresses === undefined || gone === undefined) return false;
    const doomed = [gone];
    if (!gone.isSecondary) {
      const secondaries = addresses.filter((own) => own.isSecondary && isSameSubnet(own, gone));
      if (this.#promotes(device) && secondaries.length > 0) {
        this.#take(addresses, gone);
        const promoted = { ...secondaries[0]!, isSecondary: false };
        addresses[addresses.indexOf(secondaries[0]!)] = promoted;
        this.#removeRoutes(gone);
        this.#addRoutes(promoted);
        return true;
      }
      doomed.unshift(...secondaries);
    }
    for (const one of doomed) {
      this.#take(addresses, one);
      this.#removeRoutes(one);
    }
    if (addresses.length === 0) this.#byDevice.delete(device);
    return true;
  }

  /** Removes all addresses of a device. */
  flush(device: Device): void {
    for (let first = this.of(device)[0]; first !== undefined; first = this.of(device)[0]) {
      this.remove(device, first.address, first.prefixLength);
    }
  }

  /** Makes the routes of a device that came up; loopback gets its address then. */
  onDeviceUp(device: Device): void {
    if (device.kind === 'loopback' && this.of(device).length === 0) {
      this.add(device, { address: 0x7f00_0001, prefixLength: 8, scope: Scope.host });
      return;
    }
    for (const own of this.of(device)) this.#addRoutes(own);
  }

  /**
   * The source address for packets out of `device` towards `destination` (0: any): the first
   * primary one of its subnet, else the first one within the scope, else one of another device;
   * 0 when there is none (`inet_select_addr`).
   */
  selectSource(device: Device, destination: Ipv4Address, scope: Scope): Ipv4Address {
    let chosen = 0;
    const nearest = this.#isLoopbackRouted(device) ? Scope.link : Scope.host;
    for (const own of this.of(device)) {
      if (own.isSecondary || Math.min(own.scope, nearest) > scope) continue;
      if (destination === 0 || isInSubnet(own, destination)) return own.address;
      if (chosen === 0) chosen = own.address;
    }
    if (chosen !== 0) return chosen;
    for (const other of this.#namespace.devices.list()) {
      for (const own of this.of(other)) {
        if (!own.isSecondary && own.scope !== Scope.link && own.scope <= scope) return own.address;
      }
    }
    return 0;
  }

  /** True when an address of the device has `address` in its subnet (`inet_addr_onlink`). */
  isOnLink(device: Device, address: Ipv4Address): boolean {
    for (const own of this.of(device)) if (isInSubnet(own, address)) return true;
    return false;
  }

  #isLoopbackRouted(device: Device): boolean {
    return device.ipv4.route_localnet !== 0 || this.#namespace.sysctls.all.route_localnet !== 0;
  }

  #promotes(device: Device): boolean {
    const { all } = this.#namespace.sysctls;
    return device.ipv4.promote_secondaries !== 0 || all.promote_secondaries !== 0;
  }

  #take(addresses: DeviceAddress[], gone: DeviceAddress): void {
    addresses.splice(addresses.indexOf(gone), 1);
  }

  #addRoutes(own: DeviceAddress): void {
    const { routes } = this.#namespace;
    const { device, address, prefixLength, broadcast } = own;
    const kernel = { device, preferredSource: this.#primaryOf(own), protocol: 'kernel' } as const;
    const local = { ...kernel, table: RouteTableId.local };
    routes.put({ ...local, type: 'local', destination: address, prefixLength: 32 });
    if (!device.isUp) return;
    const network = (address & prefixMask(prefixLength)) >>> 0;
    if (broadcast !== 0 && broadcast !== 0xffff_ffff) {
      routes.put({ ...local, type: 'broadcast', destination: broadcast, prefixLength: 32 });
    }
    if (network >>> 24 === 0 || own.isSecondary || (prefixLength === 32 && network === address)) {
      return;
    }
    if (device.kind === 'loopback') {
      routes.put({ ...local, type: 'local', destination: network, prefixLength });
    } else routes.put({ ...kernel, destination: network, prefixLength, scope: Scope.link });
    if (prefixLength < 31) {
      const last = (network | ~prefixMask(prefixLength)) >>> 0;
      routes.put({ ...local, type: 'broadcast', destination: last, prefixLength: 32 });
    }
  }

  /** Takes the routes of an address that has left, but for those that another one needs too. */
  #removeRoutes(gone: DeviceAddress): void {
    const { routes, connections } = this.#namespace;
    const { device, address, prefixLength } = gone;
    const table = RouteTableId.local;
    const last = (address | ~prefixMask(prefixLength)) >>> 0;
    const others = this.of(device).filter((own) => !own.isSecondary && isSameSubnet(own, gone));
    if (!gone.isSecondary && others.length === 0) {
      const destination = (address & prefixMask(prefixLength)) >>> 0;
      const isLoopback = device.kind === 'loopback';
      const where = isLoopback ? { table } : { table: RouteTableId.main };
      routes.take({ ...where, device, destination, prefixLength, protocol: 'kernel' });
      routes.take({ table, device, type: 'broadcast', destination: last, prefixLength: 32 });
      if (gone.broadcast !== 0) {
        routes.take({ table, type: 'broadcast', destination: gone.broadcast, prefixLength: 32 });
      }
    }
    const keeper = this.deviceOf(address);
    if (keeper !== device) {
      routes.take({ table, device, type: 'local', destination: address, prefixLength: 32 });
    }
    if (keeper === undefined) routes.takePreferring(address);
    connections.purgeMasquerade(device, address);
  }

  #primaryOf(own: DeviceAddress): Ipv4Address {
    if (!own.isSecondary) return own.address;
    for (const other of this.of(own.device)) {
      if (!other.isSecondary && isSameSubnet(other, own)) return other.address;
    }
    return own.address;
  }
}

function isInSubnet(own: DeviceAddress, address: Ipv4Address): boolean {
  return ((own.address ^ address) & prefixMask(own.prefixLength)) === 0;
}

function isSameSubnet(a: DeviceAddress, b: DeviceAddress): boolean {
  return a.prefixLength === b.prefixLength && isInSubnet(a, b.address);
}
