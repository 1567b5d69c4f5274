/**
 * `ethtool` 6.1, with `-S`, `-i`, `-k`, `-K` and without an option: the counters, the driver, the
 * features and the link of a device, as the kernel's veth driver and software devices tell them, and
 * whether its hardware fills in checksums.
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
  if (option !== '' && !option.startsWith('-')) {
    settings(process, option);
    return;
  }
  const isFeatures = option === '-k' || option === '--show-features' || option === '--show-offload';
  const known = ['-S', '--statistics', '-i', '--driver'];
  const isKnown = isChange || isFeatures || known.includes(option);
  if (!isKnown || name === '') {
    process.fail(1, 'ethtool: bad command line argument(s)\nFor more information run ethtool -h\n');
    return;
  }
  const device = process.place.namespace.deviceByName(name);
  if (isChange) change(process, device, rest);
  else if (isFeatures) features(process, device);
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

/** The features of `-k` in their order: where they are on, and whether that can be changed. */
const FEATURES = `rx-checksumming veth
tx-checksumming *
\ttx-checksum-ipv4 -
\ttx-checksum-ip-generic *
\ttx-checksum-ipv6 -
\ttx-checksum-fcoe-crc -
\ttx-checksum-sctp veth
scatter-gather *
\ttx-scatter-gather *
\ttx-scatter-gather-fraglist *
tcp-segmentation-offload *
\ttx-tcp-segmentation *
\ttx-tcp-ecn-segmentation *
\ttx-tcp-mangleid-segmentation *
\ttx-tcp6-segmentation *
generic-segmentation-offload *
generic-receive-offload rx
large-receive-offload -
rx-vlan-offload veth
tx-vlan-offload *
ntuple-filters -
receive-hashing -
highdma *
rx-vlan-filter -
vlan-challenged -
tx-lockless bridge
netns-local bridge`;

/** `-k`: a card receives what veth and bridges do not. */
function features(process: Process, device: Device | undefined): void {
  if (device === undefined) {
    const words = 'netlink error: no device matches name (offset 24)\n';
    process.fail(1, `${words}netlink error: No such device\n`);
    return;
  }
  const { kind, offloadsChecksums } = device;
  const lines = FEATURES.split('\n').map((line) => {
    const [name = '', where = ''] = line.split(' ');
    const isChecksum = ['tx-checksumming', '\ttx-checksum-ip-generic'].includes(name);
    if (isChecksum) return `${name}: ${offloadsChecksums ? 'on' : 'off'}`;
    if (where === 'rx') return `${name}: ${kind === 'ethernet' ? 'on' : 'off'}`;
    const isOn = where === '*' || where === kind;
    const isFixed = !isOn || where === 'bridge';
    return `${name}: ${isOn ? 'on' : 'off'}${isFixed ? ' [fixed]' : ''}`;
  });
  process.print(`Features for ${device.name}:\n${lines.join('\n')}\n`);
  process.exit(0);
}

/** `ethtool DEVICE`: what a veth, a bridge or a card of a virtual machine says of its link. */
function settings(process: Process, name: string): void {
  const device = process.place.namespace.deviceByName(name);
  if (device === undefined) {
    const words =
      'netlink error: no device matches name (offset 24)\nnetlink error: No such device\n';
    process.fail(75, `${words.repeat(5)}No data available\n`);
    return;
  }
  const link = `\tLink detected: ${device.isUp && device.hasCarrier ? 'yes' : 'no'}\n`;
  const isBridge = device.kind === 'bridge';
  if (device.kind !== 'veth' && !isBridge) {
    process.print(`Settings for ${name}:\n${link}`);
    process.exit(0);
    return;
  }
  process.print(
    `Settings for ${name}:\n\tSupported ports: [  ]\n\tSupported link modes:   Not reported\n` +
      '\tSupported pause frame use: No\n\tSupports auto-negotiation: No\n' +
      '\tSupported FEC modes: Not reported\n\tAdvertised link modes:  Not reported\n' +
      '\tAdvertised pause frame use: No\n\tAdvertised auto-negotiation: No\n' +
      `\tAdvertised FEC modes: Not reported\n\tSpeed: 10000Mb/s\n` +
      `\tDuplex: ${isBridge ? 'Unknown! (255)' : 'Full'}\n\tAuto-negotiation: off\n` +
      `\tPort: ${isBridge ? 'Other' : 'Twisted Pair'}\n\tPHYAD: 0\n\tTransceiver: internal\n` +
      `${isBridge ? '' : '\tMDI-X: Unknown\n'}${link}`,
  );
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
