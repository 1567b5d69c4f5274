/**
 * `/proc/net/dev`, `dev_snmp6`'s neighbours `if_inet6` and `softnet_stat` as Linux 6.1 writes them
 * (net/core/net-procfs.c, net/ipv6/addrconf.c).
 */
import { ipv6Words, LOOPBACK_IPV6 } from '../../wire/ip-address.ts';
import { isLinkLocal } from '../../wire/ipv6/scope.ts';
import type { Device } from '../device/device.ts';
import type { Ipv6DeviceAddress } from '../ip6/addresses.ts';
import type { Namespace } from '../namespace.ts';
import { hex } from './words.ts';

const DEVICE_HEAD =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast' +
  '|bytes    packets errs drop fifo colls carrier compressed\n';

/** `/proc/net/dev`. */
export function deviceFile(namespace: Namespace): string {
  return DEVICE_HEAD + namespace.devices.list().map(deviceLine).join('');
}

function deviceLine({ name, statistics: s }: Device): string {
  const received = [
    [s.rxBytes, 7],
    [s.rxPackets, 7],
    [s.rxErrors, 4],
    [s.rxDropped, 4],
    [0, 4],
    [0, 5],
    [0, 10],
    [s.rxMulticast, 9],
  ] as const;
  const sent = [
    [s.txBytes, 8],
    [s.txPackets, 7],
    [s.txErrors, 4],
    [s.txDropped, 4],
    [0, 4],
    [0, 5],
    [0, 7],
    [0, 10],
  ] as const;
  const cells = [...received, ...sent].map(([value, width]) => String(value).padStart(width));
  return `${name.padStart(6)}: ${cells.join(' ')}\n`;
}

/** `/proc/net/if_inet6`: address, index, prefix length, scope and flags, device. */
export function ipv6AddressFile(namespace: Namespace): string {
  return namespace.devices
    .list()
    .flatMap((device) =>
      namespace.ipv6.addresses.of(device).map((own) => ipv6AddressLine(namespace, device, own)),
    )
    .join('');
}

const SCOPE_LINK = 0x20;
const SCOPE_HOST = 0x10;
const FLAG_PERMANENT = 0x80;
const FLAG_TENTATIVE = 0x40;
const FLAG_NODAD = 0x02;

function ipv6AddressLine(namespace: Namespace, device: Device, own: Ipv6DeviceAddress): string {
  const { address, prefixLength, skipsDetection, isGenerated } = own;
  const words = Array.from(ipv6Words(address), (word) => word.toString(16).padStart(8, '0'));
  const isHost = address === LOOPBACK_IPV6;
  const scope = isHost ? SCOPE_HOST : isLinkLocal(address) ? SCOPE_LINK : 0;
  let flags = FLAG_PERMANENT;
  if (namespace.ipv6.addresses.isTentative(own)) flags |= FLAG_TENTATIVE;
  if (skipsDetection && !isGenerated && !isHost) flags |= FLAG_NODAD;
  const cells = [device.index, prefixLength, scope, flags].map((value) =>
    value.toString(16).padStart(2, '0'),
  );
  return `${words.join('')} ${cells.join(' ')} ${device.name.padStart(8)}\n`;
}

/** `/proc/net/softnet_stat` of a host with one CPU: frames that its backlog took, dropped, left. */
export function softnetFile({ host }: Namespace): string {
  const { processedCount, droppedCount, squeezedCount, waitingCount } = host.backlog;
  const cells = [
    processedCount,
    droppedCount,
    squeezedCount,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    waitingCount,
    0,
  ];
  return `${cells.map((value) => hex(value, 8).toLowerCase()).join(' ')}\n`;
}
