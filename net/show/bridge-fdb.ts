/**
 * `bridge fdb` as iproute2 6.1 prints it: of each device the addresses it takes itself (`self`) and
 * what its bridge knows (`master`), of a VXLAN where MAC addresses live (`dst`).
 * Mirrors iproute2 bridge/fdb.c, and `rtnl_fdb_dump` for the order: the newest entry first.
 */
import { formatMac, type Mac } from '../../wire/addresses.ts';
import { Bridge } from '../device/bridge.ts';
import type { FdbEntry } from '../device/bridge-fdb.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import { hasIpv6 } from './address.ts';

/** A device with a forwarding database of its own (VXLAN) prints its lines itself. */
export interface FdbOwner {
  /** Lines such as `02:42:0a:00:01:03 dev vxlan0 dst 192.168.1.2 self permanent`. */
  fdbLines(hasStatistics: boolean): string[];
}

/** `bridge fdb show`, ending with a newline unless it is empty. */
export function bridgeFdbText(namespace: Namespace, hasStatistics = false): string {
  const lines: string[] = [];
  for (const device of namespace.devices.list()) {
    if (device.bridgePort !== undefined) {
      const { bridge } = device.bridgePort;
      for (const entry of newestFirst(namespace, bridge)) {
        if (entry.port?.device === device) lines.push(masterLine(device, bridge, entry));
      }
    }
    if (isFdbOwner(device)) lines.push(...device.fdbLines(hasStatistics));
    else for (const mac of ownAddressesOf(namespace, device)) lines.push(selfLine(device, mac));
    if (device instanceof Bridge) {
      for (const entry of newestFirst(namespace, device)) {
        if (entry.port === undefined) lines.push(masterLine(device, device, entry));
      }
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

function newestFirst(namespace: Namespace, bridge: Bridge): FdbEntry[] {
  return bridge.fdb.list(namespace.world.nowNs).reverse();
}

function isFdbOwner(device: Device): device is Device & FdbOwner {
  return 'fdbLines' in device;
}

function masterLine(device: Device, bridge: Bridge, entry: FdbEntry): string {
  let state = entry.isStatic ? 'static' : '';
  if (entry.isLocal) state = 'permanent';
  return `${formatMac(entry.mac)} dev ${device.name} master ${bridge.name} ${state}`;
}

function selfLine(device: Device, mac: Mac): string {
  return `${formatMac(mac)} dev ${device.name} self permanent`;
}

/** The addresses that a device takes beside its own: unicast ones, then groups as Linux joins. */
function ownAddressesOf(namespace: Namespace, device: Device): Mac[] {
  if (!device.isUp || device.kind === 'loopback') return [];
  const groups: Mac[] = [...device.extraMacs, 0x3333_0000_0001];
  if (device instanceof Bridge) groups.push(0x0100_5e00_006a, 0x3333_0000_006a);
  groups.push(0x0100_5e00_0001);
  if (device.carrierSinceNs !== undefined && hasIpv6(device)) {
    groups.push(0x3333_ff00_0000 + (device.mac % 0x100_0000));
  }
  return groups;
}
