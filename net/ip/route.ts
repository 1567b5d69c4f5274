/**
 * Routes, policy rules and what a look-up answers.
 * Numbers are those of `include/uapi/linux/rtnetlink.h`.
 */
import type { IpAddress, IpPrefix } from '../../wire/ip-address.ts';
import type { Device } from '../device/device.ts';

/** What happens to a packet that a route matches (`RTN_…`). */
export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw';

/** How far away a destination or an address is valid (`RT_SCOPE_…`); a larger number is nearer. */
export const Scope = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
/** See {@link Scope}. */
export type Scope = (typeof Scope)[keyof typeof Scope];

/** The numbers of the tables that always exist. */
export const RouteTableId = { default: 253, main: 254, local: 255 } as const;

/** Who added a route (`RTPROT_…`), as `ip route` names it. */
export type RouteProtocol = 'kernel' | 'boot' | 'static' | 'dhcp' | 'bird' | 'redirect';

/** What `ip route add` is told; fields that are left out get iproute2's defaults. */
export interface RouteSpecification {
  readonly destination: IpAddress;
  readonly prefixLength: number;
  readonly type?: RouteType;
  readonly gateway?: IpAddress | undefined;
  readonly device?: Device;
  /** `src`. */
  readonly preferredSource?: IpAddress;
  readonly metric?: number;
  /** Default: `host` for local, `link` for broadcast and without gateway, else `global`. */
  readonly scope?: Scope;
  /** Default `boot`, which `ip route` does not print. */
  readonly protocol?: RouteProtocol;
  /** Default main. */
  readonly table?: number;
  readonly mtu?: number;
  readonly isOnLink?: boolean;
}

/** A route as it stands in a table. */
export interface Route {
  readonly destination: IpAddress;
  readonly prefixLength: number;
  readonly type: RouteType;
  /** 0 when the destination is on the link. */
  readonly gateway: IpAddress;
  /** Undefined for blackhole, unreachable, prohibit and throw. */
  readonly device: Device | undefined;
  /** 0 when none was given. */
  readonly preferredSource: IpAddress;
  readonly metric: number;
  readonly scope: Scope;
  readonly protocol: RouteProtocol;
  readonly table: number;
  /** 0 when none was given. */
  readonly mtu: number;
  readonly isOnLink: boolean;
}

/** A policy rule of `ip rule`; a field that is left out matches everything. */
export interface Rule {
  readonly priority: number;
  readonly table: number;
  /** Default `lookup`. */
  readonly action?: 'lookup' | 'blackhole' | 'unreachable' | 'prohibit';
  readonly source?: IpPrefix;
  readonly destination?: IpPrefix;
  readonly mark?: number;
  readonly markMask?: number;
  readonly inDevice?: string;
  readonly outDevice?: string;
  readonly isNegated?: boolean;
}

/** What is looked up. */
export interface RouteQuery {
  readonly destination: IpAddress;
  readonly source?: IpAddress;
  readonly mark?: number;
  readonly inDevice?: Device | undefined;
  readonly outDevice?: Device | undefined;
}

/** What a look-up answers; shared by all who ask for the same, so nobody may change it. */
export interface RouteResult {
  readonly type: RouteType;
  readonly route: Route;
  /** Where the packet leaves; loopback for a local destination. */
  readonly device: Device;
  /** The gateway, or else the destination. */
  readonly nextHop: IpAddress;
  /** Undefined when the destination is on the link. */
  readonly gateway: IpAddress | undefined;
  /** The source that a local sender gets who has chosen none; 0 when there is none. */
  readonly source: IpAddress;
  /** The route's MTU, or the device's, in bytes; path MTU discovery apart. */
  readonly mtuBytes: number;
}
