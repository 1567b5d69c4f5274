/**
 * What Docker and the runtime set in every new namespace of a container: any port may be opened and
 * anybody may ping (since 20.10), and there is no IPv6 unless a network has it.
 */
import type { Namespace } from '../../net/namespace.ts';

/** Sets them. */
export function setContainerSysctls({ sysctls }: Namespace): void {
  sysctls.set('net.ipv4.ip_unprivileged_port_start', 0);
  sysctls.set('net.ipv4.ping_group_range', '0\t2147483647');
  for (const name of ['all', 'default', 'lo']) {
    sysctls.set(`net.ipv6.conf.${name}.disable_ipv6`, 1);
  }
}
