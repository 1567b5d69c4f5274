/**
 * The lab's `sysctl_diff.txt`: settings that differ from those of an untouched namespace, as far as
 * dockerd has a hand in them.
 */
import type { Namespace } from '../../net/namespace.ts';

/** The settings that dockerd and the kernel change with it, and their values before. */
const SETTINGS: readonly (readonly [name: string, before: string])[] = [
  ['net.ipv4.conf.all.accept_redirects', '1'],
  ['net.ipv4.conf.all.forwarding', '0'],
  ['net.ipv4.conf.default.forwarding', '0'],
  ['net.ipv4.conf.lo.forwarding', '0'],
  ['net.ipv4.ip_forward', '0'],
  ['net.ipv4.ip_unprivileged_port_start', '1024'],
  ['net.ipv4.ping_group_range', '1\t0'],
  ['net.ipv6.conf.all.disable_ipv6', '0'],
  ['net.ipv6.conf.default.disable_ipv6', '0'],
  ['net.ipv6.conf.lo.disable_ipv6', '0'],
];

/** One line per setting that differs. */
export function sysctlLines(namespace: Namespace): string {
  const { sysctls } = namespace;
  const devices = namespace.devices.list().filter(({ kind }) => kind !== 'loopback');
  const all = [
    ...SETTINGS,
    ...devices.map(({ name }) => [`net.ipv6.conf.${name}.accept_ra`, '1'] as const),
  ];
  return all
    .map(([name, before]) => [name, sysctls.text(name) ?? before, before] as const)
    .filter(([, value, before]) => value !== before)
    .map(([name, value]) => `${name} = ${value}\n`)
    .sort()
    .join('');
}
