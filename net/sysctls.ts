/**
 * The sysctls of one namespace: numbers by their dotted names, and the per-device settings of both
 * families as fields that the packet path reads without a look-up (device-settings.ts).
 *
 * `ip_forward` is `conf.all.forwarding`, sets every device's, and makes a host deaf to redirects while
 * it is on. IPv6's `conf.all.forwarding` and `conf.all.disable_ipv6` reach every device, too.
 * Mirrors net/ipv4/devinet.c (`inet_forward_change`) and net/ipv6/addrconf.c
 * (`addrconf_fixup_forwarding`, `addrconf_disable_ipv6`).
 */
import { CONNTRACK_DEFAULTS } from './conntrack/settings.ts';
import { DeviceSettings, type SettingPlace } from './device-settings.ts';

/** The settings of `net.ipv4.conf.<device>`, defaults as in a fresh kernel. */
export interface Ipv4Configuration {
  forwarding: number;
  rp_filter: number;
  route_localnet: number;
  accept_local: number;
  arp_ignore: number;
  arp_announce: number;
  arp_accept: number;
  arp_filter: number;
  arp_notify: number;
  proxy_arp: number;
  proxy_arp_pvlan: number;
  send_redirects: number;
  accept_redirects: number;
  shared_media: number;
  log_martians: number;
  ignore_routes_with_linkdown: number;
  bc_forwarding: number;
  src_valid_mark: number;
  promote_secondaries: number;
}

const FRESH_IPV4: Ipv4Configuration = {
  forwarding: 0,
  rp_filter: 0,
  route_localnet: 0,
  accept_local: 0,
  arp_ignore: 0,
  arp_announce: 0,
  arp_accept: 0,
  arp_filter: 0,
  arp_notify: 0,
  proxy_arp: 0,
  proxy_arp_pvlan: 0,
  send_redirects: 1,
  accept_redirects: 1,
  shared_media: 1,
  log_martians: 0,
  ignore_routes_with_linkdown: 0,
  bc_forwarding: 0,
  src_valid_mark: 0,
  promote_secondaries: 0,
};

/** The settings of `net.ipv6.conf.<device>`, defaults as in a fresh kernel. */
export interface Ipv6Configuration {
  disable_ipv6: number;
  forwarding: number;
  hop_limit: number;
  accept_ra: number;
  accept_redirects: number;
  accept_dad: number;
  dad_transmits: number;
  autoconf: number;
  proxy_ndp: number;
  ndisc_notify: number;
  ignore_routes_with_linkdown: number;
  keep_addr_on_down: number;
}

const FRESH_IPV6: Ipv6Configuration = {
  disable_ipv6: 0,
  forwarding: 0,
  hop_limit: 64,
  accept_ra: 1,
  accept_redirects: 1,
  accept_dad: 1,
  dad_transmits: 1,
  autoconf: 1,
  proxy_ndp: 0,
  ndisc_notify: 0,
  ignore_routes_with_linkdown: 0,
  keep_addr_on_down: 0,
};

/** Names with a value of their own that the packet path or Docker reads, and their defaults. */
const DEFAULTS: readonly (readonly [string, number])[] = [
  ['net.ipv4.ip_default_ttl', 64],
  ['net.ipv4.ip_no_pmtu_disc', 0],
  ['net.ipv4.ip_forward_use_pmtu', 0],
  ['net.ipv4.fwmark_reflect', 0],
  ['net.ipv4.tcp_fwmark_accept', 0],
  ['net.ipv4.icmp_echo_ignore_all', 0],
  ['net.ipv4.icmp_echo_ignore_broadcasts', 1],
  ['net.ipv4.icmp_errors_use_inbound_ifaddr', 0],
  ['net.ipv4.icmp_ratelimit', 1000],
  ['net.ipv4.icmp_ratemask', 6168],
  ['net.ipv4.icmp_msgs_per_sec', 1000],
  ['net.ipv4.icmp_msgs_burst', 50],
  ['net.ipv4.ipfrag_time', 30],
  ['net.ipv4.route.min_pmtu', 552],
  ['net.ipv4.route.mtu_expires', 600],
  ['net.ipv4.neigh.default.gc_interval', 30],
  ['net.ipv4.neigh.default.gc_stale_time', 60],
  ['net.ipv4.neigh.default.base_reachable_time_ms', 30_000],
  ['net.ipv4.neigh.default.retrans_time_ms', 1000],
  ['net.ipv4.neigh.default.delay_first_probe_time', 5],
  ['net.ipv4.neigh.default.ucast_solicit', 3],
  ['net.ipv4.neigh.default.mcast_solicit', 3],
  ['net.ipv4.neigh.default.unres_qlen', 101],
  ['net.ipv4.neigh.default.locktime', 100],
  ['net.ipv4.neigh.default.proxy_delay', 80],
  ['net.ipv6.neigh.default.gc_stale_time', 60],
  ['net.ipv6.neigh.default.base_reachable_time_ms', 30_000],
  ['net.ipv6.neigh.default.retrans_time_ms', 1000],
  ['net.ipv6.neigh.default.delay_first_probe_time', 5],
  ['net.ipv6.neigh.default.ucast_solicit', 3],
  ['net.ipv6.neigh.default.mcast_solicit', 3],
  ['net.ipv6.neigh.default.unres_qlen', 101],
  ['net.ipv6.neigh.default.proxy_delay', 80],
  ['net.ipv6.icmp.ratelimit', 1000],
  ['net.ipv6.icmp.echo_ignore_all', 0],
  ['net.ipv6.icmp.echo_ignore_multicast', 0],
  ['net.ipv6.ip6frag_time', 60],
  ['net.ipv6.route.mtu_expires', 600],
  ['net.ipv6.bindv6only', 0],
  ['net.ipv6.ip_nonlocal_bind', 0],
  ['net.ipv6.fwmark_reflect', 0],
  ['net.ipv4.tcp_syn_retries', 6],
  ['net.ipv4.tcp_synack_retries', 5],
  ['net.ipv4.tcp_retries2', 15],
  ['net.ipv4.tcp_fin_timeout', 60],
  ['net.ipv4.tcp_keepalive_time', 7200],
  ['net.ipv4.tcp_keepalive_intvl', 75],
  ['net.ipv4.tcp_keepalive_probes', 9],
  ['net.core.somaxconn', 4096],
  ...CONNTRACK_DEFAULTS,
  ['net.ipv4.ip_unprivileged_port_start', 1024],
  ['net.ipv4.ip_nonlocal_bind', 0],
  ['net.bridge.bridge-nf-call-iptables', 1],
  ['net.bridge.bridge-nf-call-ip6tables', 1],
  ['net.bridge.bridge-nf-call-arptables', 1],
];

/** `net.ipv4.ip_local_port_range` as nobody has changed it. */
export const LOCAL_PORTS = ['net.ipv4.ip_local_port_range', '32768\t60999'] as const;

/** What all namespaces of a kernel have together: the sizes of its two tables of neighbours. */
const KERNEL_DEFAULTS: readonly (readonly [string, number])[] = [
  ['net.ipv4.neigh.default.gc_thresh1', 128],
  ['net.ipv4.neigh.default.gc_thresh2', 512],
  ['net.ipv4.neigh.default.gc_thresh3', 1024],
  ['net.ipv6.neigh.default.gc_thresh1', 128],
  ['net.ipv6.neigh.default.gc_thresh2', 512],
  ['net.ipv6.neigh.default.gc_thresh3', 1024],
];

/** The sysctls of one namespace. */
export class Sysctls {
  readonly ipv4: DeviceSettings<Ipv4Configuration>;
  readonly ipv6: DeviceSettings<Ipv6Configuration>;
  readonly #numbers = new Map<string, number>(DEFAULTS);
  readonly #texts = new Map<string, string>([LOCAL_PORTS]);
  readonly #ofKernel: Map<string, number>;
  /** `bridge-nf-call-iptables` and `-ip6tables`, read for every bridged frame. */
  callsIptablesOnBridges = true;
  callsIp6tablesOnBridges = true;
  /** Told when devices may have gained or lost IPv6 (`disable_ipv6`, `forwarding`). */
  onIpv6Change: (() => void) | undefined = undefined;
  /** `nf_conntrack_acct`, read for every new connection. */
  countsTraffic = false;
  #revision = 0;

  /** `initial`: the kernel's first namespace, whose IPv4 settings a new one copies. */
  constructor(initial: Sysctls | undefined) {
    this.#ofKernel = initial === undefined ? new Map(KERNEL_DEFAULTS) : initial.#ofKernel;
    this.ipv4 = new DeviceSettings('ipv4', FRESH_IPV4, initial?.ipv4, true);
    this.ipv6 = new DeviceSettings('ipv6', FRESH_IPV6, undefined, false);
  }

  /** Changes with every setting that is set, for those who keep what they have read. */
  get revision(): number {
    return this.#revision;
  }

  /** IPv4's settings for `all`. */
  get all(): Ipv4Configuration {
    return this.ipv4.all;
  }

  /** The value; 0 for a name that nobody has set and that has no default. */
  number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (name === 'net.ipv4.ip_forward') return this.all.forwarding;
    const ofKernel = this.#ofKernel.get(name);
    if (ofKernel !== undefined) return ofKernel;
    const ipv4 = this.ipv4.placeOf(name);
    if (ipv4 !== undefined) return ipv4.fields[ipv4.key];
    const ipv6 = this.ipv6.placeOf(name);
    return ipv6 === undefined ? 0 : ipv6.fields[ipv6.key];
  }

  /** The value as `sysctl -n` prints it; undefined for a name that was never set. */
  text(name: string): string | undefined {
    const text = this.#texts.get(name);
    if (text !== undefined) return text;
    return this.#isKnown(name) ? String(this.number(name)) : undefined;
  }

  /** The names of all settings that there are, sorted, as `sysctl -a` lists them. */
  names(): string[] {
    const own = ['net.ipv4.ip_forward', ...this.#numbers.keys(), ...this.#texts.keys()];
    const ofDevices = [...this.ipv4.names(), ...this.ipv6.names()];
    return [...new Set([...own, ...this.#ofKernel.keys(), ...ofDevices])].sort();
  }

  /** Sets a value; a text that is no number is kept as text (`ip_local_port_range`). */
  set(name: string, value: number | string): void {
    this.#revision++;
    const number = typeof value === 'number' ? value : Number(value);
    if (Number.isNaN(number)) {
      this.#texts.set(name, String(value));
      return;
    }
    this.#texts.delete(name);
    if (this.#ofKernel.has(name)) {
      this.#ofKernel.set(name, number);
      return;
    }
    if (name === 'net.ipv4.ip_forward' || name === 'net.ipv4.conf.all.forwarding') {
      this.ipv4.setEverywhere('forwarding', number);
      this.all.accept_redirects = number === 0 ? 1 : 0; // a router takes no redirects
      return;
    }
    const ipv4 = this.ipv4.placeOf(name);
    const ipv6 = this.ipv6.placeOf(name);
    if (ipv4 !== undefined) this.ipv4.set(ipv4, number);
    else if (ipv6 !== undefined) this.#setIpv6(ipv6, number);
    else {
      this.#numbers.set(name, number);
      if (name === 'net.bridge.bridge-nf-call-iptables') this.callsIptablesOnBridges = number !== 0;
      if (name === 'net.bridge.bridge-nf-call-ip6tables') {
        this.callsIp6tablesOnBridges = number !== 0;
      }
      if (name === 'net.netfilter.nf_conntrack_acct') this.countsTraffic = number !== 0;
    }
  }

  #setIpv6(place: SettingPlace<Ipv6Configuration>, value: number): void {
    const { key, device } = place;
    const isToggle = key === 'disable_ipv6' || key === 'forwarding';
    if (device === 'all' && isToggle) this.ipv6.setEverywhere(key, value);
    else this.ipv6.set(place, value);
    if (isToggle) this.onIpv6Change?.();
  }

  #isKnown(name: string): boolean {
    return (
      name === 'net.ipv4.ip_forward' ||
      this.#numbers.has(name) ||
      this.#ofKernel.has(name) ||
      this.ipv4.placeOf(name) !== undefined ||
      this.ipv6.placeOf(name) !== undefined
    );
  }
}
