/**
 * What Docker and the runtime set in every new namespace of a container: any port may be opened and
 * anybody may ping (since 20.10). Up to 25 there is no IPv6 in it unless a network has it; since 26
 * there is, on lo and whatever else comes, but on no interface of a network without it
 * (`osl/interface_linux.go`, `setInterfaceIPv6`).
 */
import type { Namespace } from '../../net/namespace.ts';
import type { EngineVersion } from '../engine-version.ts';

const DEFAULT = 'net.ipv6.conf.default.disable_ipv6';

/** Sets them. */
export function setContainerSysctls({ sysctls }: Namespace, engine: EngineVersion): void {
  sysctls.set('net.ipv4.ip_unprivileged_port_start', 0);
  sysctls.set('net.ipv4.ping_group_range', '0\t2147483647');
  if (engine.hasIpv6Loopback) sysctls.set(DEFAULT, 0);
  else {
    for (const name of ['all', 'default', 'lo']) {
      sysctls.set(`net.ipv6.conf.${name}.disable_ipv6`, 1);
    }
  }
}

/** Brings interfaces that have no IPv6 until their network gives them some. */
export function withoutIpv6<T>({ sysctls }: Namespace, bring: () => T): T {
  const before = sysctls.number(DEFAULT);
  sysctls.set(DEFAULT, 1);
  const brought = bring();
  sysctls.set(DEFAULT, before);
  return brought;
}
