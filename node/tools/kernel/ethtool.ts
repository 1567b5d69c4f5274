/**
 * `ethtool -S`, `-i` and `-K` 6.1: the counters and the driver of a device, as the kernel's veth driver
 * and software devices tell them, and whether its hardware fills in checksums.
 */
import type { Device } from '../../../net/device/device.ts';
import type { Process } from '../process.ts';

const DRIVERS: Readonly<Partial<Record<Device['kind'], string>>> = {
  veth: 'veth',
  bridge: 'bridge',
  vxlan: 'vxlan',
  dummy: 'dummy',
  macvlan: 'macvlan',
  ipvlan: 'ipvlan',
  vlan: '802.1Q VLAN Support',
  ethernet: 'virtio_net',
};

/** What `-K` calls the offloads of checksums; a virtio or vmxnet3 card has the generic one. */
const CHECKSUM_FEATURES = ['tx', 'tx-checksum-ip-generic', 'tx-checksumming'];

/** `ethtool -S DEVICE`, `ethtool -i DEVICE`, `ethtool -K DEVICE FEATURE on|off`. */
export function ethtool(process: Process, argv: readonly string[]): void {
  const [option = '', name = '', ...rest] = argv;
  const isChange = option === '-K' || option === '--features' || option === '--offload';
  const isKnown = isChange || ['-S', '--statistics', '-i', '--driver'].includes(option);
  if (!isKnown || name === '') {
    process.fail(1, 'ethtool: bad command line argument(s)\nFor more information run ethtool -h\n');
    return;
  }
  const device = process.place.namespace.deviceByName(name);
  if (isChange) change(process, device, rest);
  else if (option === '-S' || option === '--statistics') statistics(process, device);
  else driver(process, device);
}

/** `-K`: only the offload of checksums makes a difference here; a software device has none to lose. */
function change(process: Process, device: Device | undefined, words: readonly string[]): void {
  if (device === undefined) {
    process.fail(1, 'Cannot get device feature names: No such device\n');
    return;
  }
  const [feature = '', value = ''] = words;
  if (words.length !== 2 || !CHECKSUM_FEATURES.includes(feature) || !/^(on|off)$/.test(value)) {
    process.fail(1, 'ethtool: bad command line argument(s)\nFor more information run ethtool -h\n');
    return;
  }
  device.offloadsChecksums = value === 'on';
  process.exit(0);
}

function statistics(process: Process, device: Device | undefined): void {
  if (device === undefined) {
    process.fail(96, 'Cannot get stats strings information: No such device\n');
    return;
  }
  const { statistics: s } = device;
  switch (device.kind) {
    case 'veth':
      process.print(
        `NIC statistics:\n     peer_ifindex: ${device.linked?.index ?? 0}\n` +
          `     rx_queue_0_xdp_packets: 0\n     rx_queue_0_xdp_bytes: 0\n` +
          `     rx_queue_0_drops: ${s.rxDropped}\n     rx_queue_0_xdp_redirect: 0\n` +
          `     rx_queue_0_xdp_drops: 0\n     rx_queue_0_xdp_tx: 0\n` +
          `     rx_queue_0_xdp_tx_errors: 0\n     tx_queue_0_xdp_xmit: 0\n` +
          `     tx_queue_0_xdp_xmit_errors: 0\n`,
      );
      process.exit(0);
      return;
    case 'ethernet':
      process.print(
        `NIC statistics:\n     rx_queue_0_packets: ${s.rxPackets}\n` +
          `     rx_queue_0_bytes: ${s.rxBytes}\n     rx_queue_0_drops: ${s.rxDropped}\n` +
          `     tx_queue_0_packets: ${s.txPackets}\n     tx_queue_0_bytes: ${s.txBytes}\n`,
      );
      process.exit(0);
      return;
    default:
      process.fail(94, 'no stats available\n');
  }
}

function driver(process: Process, device: Device | undefined): void {
  const name = device === undefined ? undefined : DRIVERS[device.kind];
  if (name === undefined) {
    const why = device === undefined ? 'No such device' : 'Operation not supported';
    process.fail(71, `Cannot get driver information: ${why}\n`);
    return;
  }
  const empty = ['firmware-version: ', 'expansion-rom-version: ', 'bus-info: '];
  const can = ['supports-statistics', 'supports-test', 'supports-eeprom-access'];
  const lines = [`driver: ${name}`, 'version: 1.0', ...empty];
  lines.push(...can.map((word) => `${word}: ${word === 'supports-statistics' ? 'yes' : 'no'}`));
  lines.push('supports-register-dump: no', 'supports-priv-flags: no');
  process.print(lines.map((line) => `${line}\n`).join(''));
  process.exit(0);
}
