/**
 * The files of `/proc/net` and `/proc/sys` of a namespace, as `cat` reads them. What is not simulated
 * is not there.
 */
import { formatKernelConnections } from '../conntrack/list.ts';
import type { Namespace } from '../namespace.ts';
import { deviceFile, ipv6AddressFile, softnetFile } from './devices.ts';
import { type MibGroup, netstatOf, snmp6Of, snmpOf } from './mib.ts';
import { arpFile, ipv6RouteFile, routeFile } from './routes.ts';
import { socketStatisticsFile, tcpFile, udpFile } from './sockets.ts';
import { xfrmStatisticsFile } from './xfrm.ts';

const NET_FILES: Readonly<Record<string, (namespace: Namespace) => string>> = {
  arp: arpFile,
  dev: deviceFile,
  if_inet6: ipv6AddressFile,
  ipv6_route: ipv6RouteFile,
  netstat: (namespace) => groupsText(netstatOf(namespace)),
  nf_conntrack: ({ connections, world }) =>
    formatKernelConnections(connections.connections(), world.nowNs),
  route: routeFile,
  snmp: (namespace) => groupsText(snmpOf(namespace)),
  snmp6: (namespace) =>
    snmp6Of(namespace)
      .map(([name, value]) => `${name.padEnd(32)}\t${value}\n`)
      .join(''),
  sockstat: (namespace) => socketStatisticsFile(namespace, 'ipv4'),
  sockstat6: (namespace) => socketStatisticsFile(namespace, 'ipv6'),
  softnet_stat: softnetFile,
  tcp: (namespace) => tcpFile(namespace, 'ipv4'),
  tcp6: (namespace) => tcpFile(namespace, 'ipv6'),
  udp: (namespace) => udpFile(namespace, 'ipv4'),
  udp6: (namespace) => udpFile(namespace, 'ipv6'),
  xfrm_stat: xfrmStatisticsFile,
};

/** The text of a file below `/proc`; undefined when there is none. */
export function procFile(namespace: Namespace, path: string): string | undefined {
  const file = /^\/proc\/(?:self\/|1\/|thread-self\/)?net\/(\w+)$/.exec(path)?.[1];
  if (file !== undefined) {
    return Object.hasOwn(NET_FILES, file) ? NET_FILES[file]!(namespace) : undefined;
  }
  const setting = /^\/proc\/sys\/(.+)$/.exec(path)?.[1];
  if (setting === undefined) return undefined;
  const value = namespace.sysctls.text(setting.replaceAll('/', '.'));
  return value === undefined ? undefined : `${value}\n`;
}

function groupsText(groups: readonly MibGroup[]): string {
  return groups
    .map(({ name, values }) => {
      const names = values.map(([key]) => key).join(' ');
      return `${name}: ${names}\n${name}: ${values.map(([, value]) => value).join(' ')}\n`;
    })
    .join('');
}
