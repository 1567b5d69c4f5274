/**
 * The tools by their names, and starting one: what `docker exec`, or a shell on the host, would do.
 */
import { tcpdump } from './capture/tcpdump.ts';
import { docker } from './docker.ts';
import { bridge } from './ip/bridge.ts';
import { ip } from './ip/ip.ts';
import { ipvsadm } from './ipvsadm/ipvsadm.ts';
import { brctl } from './kernel/brctl.ts';
import { conntrack } from './kernel/conntrack.ts';
import { dmesg } from './kernel/dmesg.ts';
import { ethtool } from './kernel/ethtool.ts';
import { ipset } from './kernel/ipset.ts';
import {
  ip6tables,
  ip6tablesRestore,
  ip6tablesSave,
  iptables,
  iptablesRestore,
  iptablesSave,
} from './kernel/iptables.ts';
import { nft } from './kernel/nft.ts';
import { nstat } from './kernel/nstat.ts';
import { ss } from './kernel/ss.ts';
import { sysctl } from './kernel/sysctl.ts';
import { firewallCmd, systemctl } from './kernel/systemctl.ts';
import { arp } from './net-tools/arp.ts';
import { ifconfig } from './net-tools/interfaces.ts';
import { netstat } from './net-tools/netstat.ts';
import { route } from './net-tools/route.ts';
import type { Place } from './place.ts';
import { Process, type ProcessFollower, type Tool } from './process.ts';
import { awk } from './shell/awk/awk.ts';
import { nsenter, sleep, timeout } from './shell/programs.ts';
import { sed } from './shell/sed.ts';
import { sh } from './shell/sh.ts';
import { cat, cut, echo, grep, head, sort, tail, tee, uniq, wc } from './shell/text-tools.ts';
import { hostname, printf, seq, tr, xargs } from './shell/words-tools.ts';
import { curl } from './traffic/curl.ts';
import { dig } from './traffic/dig.ts';
import { getent } from './traffic/getent.ts';
import { nc } from './traffic/nc.ts';
import { nslookup } from './traffic/nslookup.ts';
import { ping } from './traffic/ping.ts';
import { traceroute } from './traffic/traceroute.ts';

/** Exit status of a shell that finds no such program. */
const NOT_FOUND = 127;

const TOOLS: Readonly<Record<string, Tool>> = {
  ping,
  curl,
  nc,
  dig,
  nslookup,
  getent,
  traceroute,
  ping6: (process, argv) => ping(process, ['-6', ...argv]),
  traceroute6: (process, argv) => traceroute(process, ['-6', ...argv]),
  tcpdump,
  ip,
  bridge,
  brctl,
  ss,
  nstat,
  netstat,
  ifconfig,
  route,
  arp,
  iptables,
  'iptables-save': iptablesSave,
  'iptables-restore': iptablesRestore,
  ip6tables,
  'ip6tables-save': ip6tablesSave,
  'ip6tables-restore': ip6tablesRestore,
  nft,
  ipset,
  ipvsadm,
  conntrack,
  sysctl,
  systemctl,
  'firewall-cmd': firewallCmd,
  ethtool,
  dmesg,
  docker,
  sh,
  bash: sh,
  timeout,
  nsenter,
  sleep,
  echo,
  cat,
  grep,
  head,
  tail,
  wc,
  sort,
  uniq,
  cut,
  tee,
  sed,
  awk,
  printf,
  seq,
  tr,
  xargs,
  hostname,
  true: (process) => process.exit(0),
  false: (process) => process.exit(1),
};

/** The names of all tools. */
export const TOOL_NAMES: readonly string[] = Object.keys(TOOLS);

/** Starts a program at a place; `argv` begins with its name, with or without a path. */
export function launch(place: Place, argv: readonly string[], follower: ProcessFollower): Process {
  const process = new Process(place, run, follower);
  run(process, argv);
  return process;
}

function run(process: Process, argv: readonly string[]): void {
  const [path = '', ...words] = argv;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const tool = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
  if (tool === undefined) process.fail(NOT_FOUND, `sh: 1: ${path}: not found\n`);
  else tool(process, words);
}
