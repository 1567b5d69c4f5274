/**
 * What `ip -d link` prints behind a device's address: limits, kind, bridge and port attributes.
 *
 * Timers that tick are printed as those of a bridge at rest. Mirrors iproute2 ip/iplink_bridge.c,
 * iplink_bridge_slave.c and the kernel's defaults.
 */
import { formatMac, type Mac } from '../../wire/addresses.ts';
import { Bridge } from '../device/bridge.ts';
import type { BridgePort } from '../device/bridge-port.ts';
import type { Device } from '../device/device.ts';

const BRIDGE_HEAD = 'forward_delay 1500 hello_time 200 max_age 2000';
const BRIDGE_TIMERS =
  'root_port 0 root_path_cost 0 topology_change 0 topology_change_detected 0 ' +
  'hello_timer    0.00 tcn_timer    0.00 topology_change_timer    0.00 gc_timer    0.00';
const BRIDGE_MULTICAST =
  'group_address 01:80:c2:00:00:00 mcast_snooping 1 no_linklocal_learn 0 ' +
  'mcast_vlan_snooping 0 mcast_router 1 mcast_query_use_ifaddr 0 mcast_querier 0 ' +
  'mcast_hash_elasticity 16 mcast_hash_max 4096 mcast_last_member_count 2 ' +
  'mcast_startup_query_count 2 mcast_last_member_interval 100 mcast_membership_interval 26000 ' +
  'mcast_querier_interval 25500 mcast_query_interval 12500 mcast_query_response_interval 1000 ' +
  'mcast_startup_query_interval 3124 mcast_stats_enabled 0 mcast_igmp_version 2 ' +
  'mcast_mld_version 1 nf_call_iptables 0 nf_call_ip6tables 0 nf_call_arptables 0';
const PORT_TIMERS =
  'hold_timer    0.00 message_age_timer    0.00 forward_delay_timer    0.00 ' +
  'topology_change_ack 0 config_pending 0 proxy_arp off proxy_arp_wifi off mcast_router 1 ' +
  'mcast_fast_leave off';

/** The rest of the second line, and the lines of kind and port. */
export function linkDetailText(device: Device): string {
  const limits = `minmtu ${hasLeastMtu(device) ? 68 : 0} maxmtu ${hasNoLimit(device) ? 0 : 65_535}`;
  let text = ` promiscuity ${device.promiscuity}  allmulti ${device.allMulticast} ${limits} `;
  const kind = kindText(device);
  if (kind !== '') text += `\n    ${kind} `;
  if (device.bridgePort !== undefined) text += `\n    ${portText(device.bridgePort)} `;
  const queues = device.kind === 'veth' ? 2 : 1;
  text += `addrgenmode eui64 numtxqueues ${queues} numrxqueues ${queues} gso_max_size 65536 `;
  const segmentedBytes = segmentsLittle(device) ? 65_536 : 524_280;
  text += `gso_max_segs 65535 tso_max_size ${segmentedBytes} tso_max_segs 65535 `;
  return `${text}gro_max_size 65536 `;
}

/** Loopback and dummy take frames of any length. */
function hasNoLimit({ kind }: Device): boolean {
  return kind === 'loopback' || kind === 'dummy';
}

function hasLeastMtu(device: Device): boolean {
  return !hasNoLimit(device) && device.kind !== 'vlan';
}

/** VXLAN, and a bridge with a VXLAN port, take segments of 64 KiB at most. */
function segmentsLittle(device: Device): boolean {
  if (device.kind === 'vxlan') return true;
  return device instanceof Bridge && device.ports.some((port) => port.device.kind === 'vxlan');
}

function kindText(device: Device): string {
  if (device instanceof Bridge) return bridgeText(device);
  switch (device.kind) {
    case 'loopback':
    case 'ethernet':
      return '';
    default:
      return device.linkDetail === '' ? device.kind : `${device.kind} ${device.linkDetail}`;
  }
}

function bridgeText(bridge: Bridge): string {
  const ageing = Math.round(bridge.fdb.ageingNs / 10_000_000);
  const id = bridgeIdText(bridge.mac);
  return (
    `bridge ${BRIDGE_HEAD} ageing_time ${ageing} stp_state 0 priority 32768 vlan_filtering 0 ` +
    `bridge_id ${id} designated_root ${id} ${BRIDGE_TIMERS} ` +
    `group_fwd_mask ${maskText(bridge.groupForwardMask)} ${BRIDGE_MULTICAST}`
  );
}

/** `0`, `0x4008`. */
function maskText(mask: number): string {
  return mask === 0 ? '0' : `0x${mask.toString(16)}`;
}

function portText(port: BridgePort): string {
  const id = bridgeIdText(port.bridge.mac);
  const number = port.number;
  const portId = 0x8000 + number;
  const state = port.isForwarding ? 'forwarding' : 'disabled';
  return (
    `bridge_slave state ${state} priority ${port.priority} cost ${port.cost} ` +
    `hairpin ${onOff(port.isHairpin)} guard off root_block off fastleave off ` +
    `learning ${onOff(port.isLearning)} flood ${onOff(port.isFlooding)} ` +
    `port_id 0x${portId.toString(16)} port_no 0x${number.toString(16)} ` +
    `designated_port ${portId} designated_cost 0 designated_bridge ${id} designated_root ${id} ` +
    `${PORT_TIMERS} mcast_flood ${onOff(port.isMulticastFlooding)} ` +
    `bcast_flood ${onOff(port.isBroadcastFlooding)} mcast_to_unicast off neigh_suppress off ` +
    `group_fwd_mask 0 group_fwd_mask_str 0x0 vlan_tunnel off ` +
    `isolated ${onOff(port.isIsolated)} locked off`
  );
}

/** `8000.2:42:a4:22:24:14`: octets without leading zeros. */
function bridgeIdText(mac: Mac): string {
  const octets = formatMac(mac).split(':');
  return `8000.${octets.map((octet) => Number.parseInt(octet, 16).toString(16)).join(':')}`;
}

function onOff(isOn: boolean): string {
  return isOn ? 'on' : 'off';
}
