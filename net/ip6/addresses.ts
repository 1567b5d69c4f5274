/**
 * The IPv6 addresses of a namespace's devices, and the routes that they make.
 *
 * A device that is up and has had carrier has a link-local address, made of its MAC address; loopback
 * has ::1. They come without a packet: duplicate address detection of what the kernel makes itself is
 * a span of time here in which the address is tentative. Addresses that somebody adds are tested on
 * the link (dad.ts) unless `nodad` is said, and are of use from then on. A device that goes down loses
 * all of them. Mirrors net/ipv6/addrconf.c.
 */
import { type IpAddress, LOOPBACK_IPV6, maskedIp, parseIpPrefix } from '../../wire/ip-address.ts';
import { ipv6ScopeOf, isLinkLocal, linkLocalOf } from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import { RouteTableId } from '../ip/route.ts';
import type { Namespace } from '../namespace.ts';
import { DuplicateDetection } from './dad.ts';
import { selectIpv6Source } from './source-selection.ts';

/** How long a link-local address is tentative: a random delay of up to 1 s, and 1 s. */
const TENTATIVE_NS = 1_500_000_000;
/** A device with a smaller MTU has no IPv6. */
const MTU_BYTES_MIN = 1280;
/** `IP6_RT_PRIO_ADDRCONF`. */
const KERNEL_METRIC = 256;

const MULTICAST = parseIpPrefix('ff00::/8')!;

/** What `ip -6 addr add` is told. */
export interface Ipv6AddressSpecification {
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** `nodad`: of use at once. */
  readonly skipsDetection?: boolean;
}

/** An address as it stands on a device. */
export interface Ipv6DeviceAddress {
  readonly device: Device;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** True for what the kernel made itself. */
  readonly isGenerated: boolean;
  readonly skipsDetection: boolean;
  /** From when on it is of use, in ns; infinite while or because detection has not passed it. */
  validAtNs: number;
  /** Somebody else has it. */
  isDuplicate: boolean;
}

const NO_ADDRESSES: readonly Ipv6DeviceAddress[] = [];

/** The IPv6 addresses of one namespace. */
export class Ipv6Addresses {
  readonly #namespace: Namespace;
  readonly #detection: DuplicateDetection;
  readonly #byDevice = new Map<Device, Ipv6DeviceAddress[]>();

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.#detection = new DuplicateDetection(namespace);
  }

  /** A device's addresses in `ip -6 addr` order; not to be changed. */
  of(device: Device): readonly Ipv6DeviceAddress[] {
    return this.#byDevice.get(device) ?? NO_ADDRESSES;
  }

  /** A device's address, tentative or not. */
  find(device: Device, address: IpAddress): Ipv6DeviceAddress | undefined {
    return this.of(device).find((own) => own.address === address);
  }

  /** The device that has this address. */
  deviceOf(address: IpAddress): Device | undefined {
    for (const [device, own] of this.#byDevice) {
      if (own.some((each) => each.address === address)) return device;
    }
    return undefined;
  }

  /** True while an address is not of use yet. */
  isTentative(own: Ipv6DeviceAddress): boolean {
    return own.validAtNs > this.#namespace.world.nowNs;
  }

  /** The device's link-local address; undefined when it has none. */
  linkLocalOf(device: Device): IpAddress | undefined {
    return this.of(device).find((own) => isLinkLocal(own.address))?.address;
  }

  /** True when IPv6 is on for a device. */
  isEnabled(device: Device): boolean {
    return device.isUp && device.ipv6.disable_ipv6 === 0 && device.mtu >= MTU_BYTES_MIN;
  }

  /** Adds an address; the kernel's error text when it is refused. */
  add(device: Device, specification: Ipv6AddressSpecification): string | undefined {
    const { address, prefixLength, skipsDetection = false } = specification;
    if (device.ipv6.disable_ipv6 !== 0) return 'RTNETLINK answers: Permission denied';
    if (this.find(device, address) !== undefined) return 'RTNETLINK answers: File exists';
    const own: Ipv6DeviceAddress = {
      device,
      address,
      prefixLength,
      isGenerated: false,
      skipsDetection,
      validAtNs: Number.POSITIVE_INFINITY,
      isDuplicate: false,
    };
    this.#insert(own);
    if (device.isUp) this.#begin(own);
    return undefined;
  }

  /** Removes an address; false when the device does not have it. */
  remove(device: Device, address: IpAddress, prefixLength: number): boolean {
    const own = this.find(device, address);
    if (own === undefined || own.prefixLength !== prefixLength) return false;
    this.#take(own);
    return true;
  }

  /** Removes all addresses of a device. */
  flush(device: Device): void {
    for (const own of [...this.of(device)]) this.#take(own);
  }

  /** Makes a device have what its state asks for; called when it, its carrier or its settings change. */
  sync(device: Device): void {
    if (!device.isUp) return;
    if (!this.isEnabled(device)) {
      this.flush(device);
      return;
    }
    for (const own of this.of(device)) if (own.isGenerated && !this.#isDue(own)) this.#take(own);
    const generated = this.#generatedOf(device);
    if (generated !== undefined && this.find(device, generated.address) === undefined) {
      this.#insert(generated);
      this.#addRoutes(generated);
    }
    for (const own of this.of(device)) {
      if (!own.isGenerated && !own.isDuplicate && this.isTentative(own)) this.#begin(own);
    }
  }

  /** Somebody else uses a tentative address. */
  becomeDuplicate(own: Ipv6DeviceAddress): void {
    own.isDuplicate = true;
    own.validAtNs = Number.POSITIVE_INFINITY;
    this.#detection.stop(own);
  }

  /** The source for packets out of `device` to `destination`; undefined when there is none. */
  selectSource(device: Device, destination: IpAddress): IpAddress | undefined {
    return selectIpv6Source(this.#usable(), destination, device);
  }

  *#usable(): Iterable<Ipv6DeviceAddress> {
    for (const device of this.#namespace.devices.list()) {
      for (const own of this.of(device)) {
        const isEarly = own.isGenerated || !this.isTentative(own);
        if (isEarly && !own.isDuplicate) yield own;
      }
    }
  }

  #generatedOf(device: Device): Ipv6DeviceAddress | undefined {
    const isLoopback = device.kind === 'loopback';
    if (!isLoopback && (device.carrierSinceNs === undefined || device.kind === 'vxlan')) {
      return undefined;
    }
    return {
      device,
      address: isLoopback ? LOOPBACK_IPV6 : linkLocalOf(device.mac, device.sharedMacId),
      prefixLength: isLoopback ? 128 : 64,
      isGenerated: true,
      skipsDetection: isLoopback,
      validAtNs: isLoopback ? 0 : device.carrierSinceNs! + TENTATIVE_NS,
      isDuplicate: false,
    };
  }

  #isDue(own: Ipv6DeviceAddress): boolean {
    return this.#generatedOf(own.device)?.address === own.address;
  }

  /** Sorted by scope, farthest first; of the same scope the newest first (`ipv6_link_dev_addr`). */
  #insert(own: Ipv6DeviceAddress): void {
    const addresses = this.#byDevice.get(own.device) ?? [];
    const scope = ipv6ScopeOf(own.address);
    const place = addresses.findIndex((each) => scope >= ipv6ScopeOf(each.address));
    addresses.splice(place < 0 ? addresses.length : place, 0, own);
    this.#byDevice.set(own.device, addresses);
  }

  #begin(own: Ipv6DeviceAddress): void {
    this.#addPrefixRoute(own);
    this.#detection.start(own, () => {
      own.validAtNs = this.#namespace.world.nowNs;
      this.#addRoutes(own);
    });
  }

  #addPrefixRoute({ device, address, prefixLength }: Ipv6DeviceAddress): void {
    this.#namespace.ipv6.routes.put({
      destination: maskedIp(address, prefixLength),
      prefixLength,
      device,
      protocol: 'kernel',
      metric: KERNEL_METRIC,
    });
  }

  /** The routes of an address that is of use: its own, its prefix', and the groups of its device. */
  #addRoutes(own: Ipv6DeviceAddress): void {
    const { routes } = this.#namespace.ipv6;
    const { device, address } = own;
    this.#addPrefixRoute(own);
    const local = { device, protocol: 'kernel', table: RouteTableId.local } as const;
    routes.put({ ...local, type: 'local', destination: address, prefixLength: 128 });
    if (device.kind === 'loopback') return;
    const { address: groups, lengthBits: prefixLength } = MULTICAST;
    const metric = KERNEL_METRIC;
    routes.put({ ...local, type: 'multicast', destination: groups, prefixLength, metric });
  }

  #take(own: Ipv6DeviceAddress): void {
    const addresses = this.#byDevice.get(own.device);
    if (addresses === undefined) return;
    addresses.splice(addresses.indexOf(own), 1);
    if (addresses.length === 0) this.#byDevice.delete(own.device);
    this.#detection.stop(own);
    this.#removeRoutes(own);
  }

  #removeRoutes({ device, address, prefixLength }: Ipv6DeviceAddress): void {
    const { ipv6, connections } = this.#namespace;
    const { routes } = ipv6;
    const table = RouteTableId.local;
    routes.take({ table, device, type: 'local', destination: address, prefixLength: 128 });
    const destination = maskedIp(address, prefixLength);
    const others = this.of(device).some(
      (own) =>
        own.prefixLength === prefixLength && maskedIp(own.address, prefixLength) === destination,
    );
    if (!others) routes.take({ device, destination, prefixLength, protocol: 'kernel' });
    if (this.of(device).length === 0) {
      const { address: groups, lengthBits } = MULTICAST;
      routes.take({ table, device, destination: groups, prefixLength: lengthBits });
    }
    connections.purgeMasquerade(device, address);
  }
}
