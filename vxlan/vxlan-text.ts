/**
 * A vxlan device as `ip -d link` and `bridge fdb show` of iproute2 6.1 print it.
 * Mirrors iproute2 ip/iplink_vxlan.c (`vxlan_print_opt`) and bridge/fdb.c.
 */
import { SECOND_NS } from '../sim/time.ts';
import { formatMac } from '../wire/addresses.ts';
import { formatIp } from '../wire/ip-address.ts';
import type { VxlanDevice } from './vxlan-device.ts';

/** What `ip -d link` says behind the word `vxlan`. */
export function vxlanDetailText(device: VxlanDevice): string {
  const { options } = device;
  const [remote] = options.remote === undefined ? [] : [options.remote];
  const { first = 0, last = 0 } = options.sourcePorts ?? {};
  const { tos = 0, ttl = 0, df = 'unset', flowLabel = 0 } = options;
  const words = [
    `id ${device.vni}`,
    remote === undefined ? '' : `remote ${formatIp(remote)}`,
    options.local === undefined ? '' : `local ${formatIp(options.local)}`,
    `srcport ${first} ${last}`,
    `dstport ${device.port}`,
    device.isLearning ? '' : 'nolearning',
    device.isProxy ? 'proxy' : '',
    device.tellsL2Misses ? 'l2miss' : '',
    device.tellsL3Misses ? 'l3miss' : '',
    tos === 0 ? '' : `tos ${tos === 'inherit' ? tos : `0x${tos.toString(16)}`}`,
    `ttl ${ttl === 0 ? 'auto' : ttl}`,
    df === 'unset' ? '' : `df ${df}`,
    flowLabel === 0 ? '' : `flowlabel 0x${flowLabel.toString(16)}`,
    `ageing ${device.ageNs / SECOND_NS}`,
    options.maxAddresses === undefined ? '' : `maxaddr ${options.maxAddresses}`,
    `${(options.hasChecksum ?? true) ? '' : 'no'}udpcsum`,
    `${options.zeroChecksum6Tx === true ? '' : 'no'}udp6zerocsumtx`,
    `${device.zeroChecksum6Rx ? '' : 'no'}udp6zerocsumrx`,
  ];
  return words.filter((word) => word !== '').join(' ');
}

/** The device's lines of `bridge fdb show`, the newest entry first; `-s` tells of use and change. */
export function vxlanFdbLines(device: VxlanDevice, hasStatistics: boolean): string[] {
  const { underlay, fdb, namespace } = device;
  const isHere = namespace === underlay;
  const elsewhere = isHere ? '' : ` link-netnsid ${namespace.devices.namespaceIdOf(underlay)}`;
  const { nowNs } = underlay.world;
  const defaults = fdb.defaults.map((remote) => {
    return { mac: 0, remote, state: 'permanent', usedAtNs: nowNs, updatedAtNs: nowNs } as const;
  });
  const secondsSince = (atNs: number) => Math.floor((nowNs - atNs) / SECOND_NS);
  return [...defaults, ...fdb.list(nowNs).reverse()].map((entry) => {
    const { mac, remote, state, usedAtNs, updatedAtNs } = entry;
    const where = `dst ${formatIp(remote)}${elsewhere}`;
    const used = `used ${secondsSince(usedAtNs)}/${secondsSince(updatedAtNs)} `;
    const usage = hasStatistics ? used : '';
    const word = state === 'learned' ? '' : state;
    return `${formatMac(mac)} dev ${device.name} ${where} ${usage}self ${word}`;
  });
}
