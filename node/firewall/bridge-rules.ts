/**
 * The iptables rules of the daemon and of bridge networks, as `drivers/bridge/setup_ip_tables.go`
 * and `libnetwork/firewall_linux.go` write them, in the order in which they do.
 *
 * The order of operations decides the order of rules: inserts put the newest network on top. Three
 * layouts differ in chains and jumps; each is one object of the same shape.
 */
import type { IpPrefix } from '../../wire/ip-address.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { GatewayMode } from './gateway-mode.ts';
import { forwardLayout } from './layout-forward.ts';
import { isolationLayout } from './layout-isolation.ts';
import { nftablesLayout } from './layout-nftables.ts';
import type { RuleWriter } from './writer.ts';

/** What the rules of a bridge network depend on. */
export interface BridgeFacts {
  /** Device, such as `docker0` or `br-0123456789ab`. */
  readonly device: string;
  /** Of either family; its rules go to the tables of that family. */
  readonly subnet: IpPrefix;
  readonly isInternal: boolean;
  readonly hasMasquerade: boolean;
  readonly hasIcc: boolean;
  /** The daemon runs without userland proxy. */
  readonly isHairpin: boolean;
  /** What packets that leave get as their source; undefined for the address of their way out. */
  readonly sourceAddress: string | undefined;
  readonly gatewayMode: GatewayMode;
  /** Interfaces of the host from which containers may be reached by their own addresses. */
  readonly trustedInterfaces: readonly string[];
}

/** One published port of a bridge endpoint. */
export interface PortMapping {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** Empty for the wildcard. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly containerAddress: string;
  readonly containerPort: number;
}

/** A way of laying the rules out; see `RuleLayout`. */
export interface Layout {
  /** Chains and jumps at daemon start, before any network; `isHairpin` without userland proxy. */
  start(writer: RuleWriter, engine: EngineVersion, isHairpin: boolean): void;
  /** Forwarding was off and the daemon has switched it on: nothing else is to be forwarded. */
  dropForwarded(writer: RuleWriter): void;
  /** After the default networks are there: DOCKER-USER comes first. */
  finishStart(writer: RuleWriter, engine: EngineVersion): void;
  addNetwork(writer: RuleWriter, bridge: BridgeFacts, engine: EngineVersion): void;
  removeNetwork(writer: RuleWriter, bridge: BridgeFacts, engine: EngineVersion): void;
  addEndpoint(writer: RuleWriter, bridge: BridgeFacts, address: string): void;
  removeEndpoint(writer: RuleWriter, bridge: BridgeFacts, address: string): void;
  mapPort(
    writer: RuleWriter,
    bridge: BridgeFacts,
    mapping: PortMapping,
    engine: EngineVersion,
  ): void;
  unmapPort(
    writer: RuleWriter,
    bridge: BridgeFacts,
    mapping: PortMapping,
    engine: EngineVersion,
  ): void;
}

/** The layout that an engine writes. */
export function layoutOf(engine: EngineVersion): Layout {
  if (engine.layout === 'nftables') return nftablesLayout;
  return engine.layout === 'isolation' ? isolationLayout : forwardLayout;
}
