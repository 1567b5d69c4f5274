/**
 * A Docker host on the table for tests of the node floor: booted with an uplink that leads nowhere,
 * and the few words in which such a test makes networks and containers.
 */
import type { Device } from '../../net/device/device.ts';
import { Dummy } from '../../net/device/dummy.ts';
import type { Namespace } from '../../net/namespace.ts';
import { World } from '../../sim/world.ts';
import { parsePrefix } from '../../wire/addresses.ts';
import { engineVersionOf } from '../engine-version.ts';
import type { GatewayMode } from '../firewall/gateway-mode.ts';
import { Host, type HostOptions } from '../host/host.ts';
import { Identifiers } from '../host/identifiers.ts';
import { LocalPool } from '../ipam/local-pools.ts';
import { type BridgeEndpoint, BridgeNetwork } from '../network/bridge-network.ts';
import { type DaemonConfig, DEFAULT_DAEMON_CONFIG } from '../network/network-host.ts';

/**
 * A host that runs this engine version with these flags, and eth0 203.0.113.10/24 on this uplink;
 * `more` is what else it differs in.
 */
export function bootHost(
  engineText: string,
  world = new World('docker-host'),
  uplink: Device = new Dummy('eth0', 0x0200_0000_0001, 1500),
  flags: Partial<DaemonConfig> = {},
  more: Partial<HostOptions> = {},
): Host {
  return new Host({
    world,
    index: 0,
    name: 'host',
    engine: engineVersionOf(engineText)!,
    address: parsePrefix('203.0.113.10/24')!,
    gateway: parsePrefix('203.0.113.1/32')!.address,
    uplink,
    identifiers: new Identifiers(world.chance, 0),
    config: { ...DEFAULT_DAEMON_CONFIG, ...flags },
    ...more,
  });
}

/** What a test's bridge network may differ in. */
export interface NetworkWishes {
  readonly hasIcc?: boolean;
  readonly hasMasquerade?: boolean;
  readonly isInternal?: boolean;
  readonly gatewayMode?: GatewayMode;
}

/** A user bridge network with a chosen device name and subnet. */
export function addBridge(
  host: Host,
  device: string,
  subnetText: string,
  wishes: NetworkWishes = {},
): BridgeNetwork {
  return new BridgeNetwork(host, {
    id: host.identifiers.id(),
    name: device,
    device,
    pool: new LocalPool(parsePrefix(subnetText)!),
    hasIcc: wishes.hasIcc ?? true,
    hasMasquerade: wishes.hasMasquerade ?? true,
    isInternal: wishes.isInternal ?? false,
    gatewayMode: wishes.gatewayMode ?? 'nat',
    isHairpin: !host.config.hasUserlandProxy,
    mtuBytes: 1500,
  });
}

/** A container on a network. */
export function addContainer(
  host: Host,
  network: BridgeNetwork,
  name: string,
): { sandbox: Namespace; endpoint: BridgeEndpoint } {
  const sandbox = host.createNamespace(name);
  return { sandbox, endpoint: network.attach(sandbox, 'eth0')! };
}

/** `iptables-save` with every counter at zero, as dumps are compared. */
export function rulesOf(namespace: Namespace): string {
  return withoutCounters(namespace.tables.save());
}

/** A dump with every counter at zero. */
export function withoutCounters(text: string): string {
  return text.replaceAll(/\[\d+:\d+\]/g, '[0:0]');
}
