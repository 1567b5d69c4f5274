/**
 * The sysctls of one namespace: numbers by their dotted names, and the per-device IPv4 settings as
 * fields that the packet path reads without a look-up.
 *
 * `net.ipv4.conf.<device>.<key>` lives in an {@link Ipv4Configuration} per device, one for `all` and
 * one for `default`; a new device copies `default`, and writing `default` reaches the devices whose
 * own value nobody wrote. `ip_forward` is `conf.all.forwarding`, sets every device's, and makes a
 * host deaf to redirects while it is on.
 * Mirrors net/ipv4/devinet.c (`devinet_conf_proc`, `inet_forward_change`).
 */

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

type ConfigurationKey = keyof Ipv4Configuration;

const FRESH: Ipv4Configuration = {
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
  ['net.ipv4.neigh.default.gc_thresh1', 128],
  ['net.ipv4.neigh.default.gc_thresh2', 512],
  ['net.ipv4.neigh.default.gc_thresh3', 1024],
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
  ['net.ipv4.tcp_syn_retries', 6],
  ['net.ipv4.tcp_synack_retries', 5],
  ['net.ipv4.tcp_retries2', 15],
  ['net.ipv4.tcp_fin_timeout', 60],
  ['net.ipv4.tcp_keepalive_time', 7200],
  ['net.ipv4.tcp_keepalive_intvl', 75],
  ['net.ipv4.tcp_keepalive_probes', 9],
  ['net.core.somaxconn', 4096],
  ['net.netfilter.nf_conntrack_max', 262_144],
  ['net.ipv4.ip_unprivileged_port_start', 1024],
  ['net.ipv4.ip_nonlocal_bind', 0],
  ['net.bridge.bridge-nf-call-iptables', 1],
  ['net.bridge.bridge-nf-call-ip6tables', 1],
  ['net.bridge.bridge-nf-call-arptables', 1],
];

/** What every name of a device's setting begins with; spares the others the regular expression. */
const CONFIGURATION_PREFIX = 'net.ipv4.conf.';
const CONFIGURATION_NAME = /^net\.ipv4\.conf\.(.+)\.([a-z_]+)$/;

/** The sysctls of one namespace. */
export class Sysctls {
  readonly all: Ipv4Configuration;
  readonly default: Ipv4Configuration;
  readonly #byDevice = new Map<string, Ipv4Configuration>();
  /** `<device>.<key>` whose value somebody wrote, so that `default` no longer reaches it. */
  readonly #written = new Set<string>();
  readonly #numbers = new Map<string, number>(DEFAULTS);
  readonly #texts = new Map<string, string>();
  /** `bridge-nf-call-iptables`, read for every bridged frame. */
  callsIptablesOnBridges = true;

  /** `initial`: the host's first namespace, whose IPv4 settings a new one copies. */
  constructor(initial: Sysctls | undefined) {
    this.all = { ...(initial?.all ?? FRESH) };
    this.default = { ...(initial?.default ?? FRESH) };
  }

  /** The value; 0 for a name that nobody has set and that has no default. */
  number(name: string): number {
    if (name === 'net.ipv4.ip_forward') return this.all.forwarding;
    const place = this.#placeOf(name);
    if (place !== undefined) return place[0][place[1]];
    return this.#numbers.get(name) ?? 0;
  }

  /** The value as `sysctl -n` prints it; undefined for a name that was never set. */
  text(name: string): string | undefined {
    const text = this.#texts.get(name);
    if (text !== undefined) return text;
    if (name === 'net.ipv4.ip_forward' || this.#placeOf(name) !== undefined) {
      return String(this.number(name));
    }
    const number = this.#numbers.get(name);
    return number === undefined ? undefined : String(number);
  }

  /** The names of all settings that there are, sorted, as `sysctl -a` lists them. */
  names(): string[] {
    const names = ['net.ipv4.ip_forward', ...this.#numbers.keys(), ...this.#texts.keys()];
    for (const device of ['all', 'default', ...this.#byDevice.keys()]) {
      names.push(...Object.keys(FRESH).map((key) => `net.ipv4.conf.${device}.${key}`));
    }
    return [...new Set(names)].sort();
  }

  /** Sets a value; a text that is no number is kept as text (`ip_local_port_range`). */
  set(name: string, value: number | string): void {
    const number = typeof value === 'number' ? value : Number(value);
    if (Number.isNaN(number)) {
      this.#texts.set(name, String(value));
      return;
    }
    this.#texts.delete(name);
    if (name === 'net.ipv4.ip_forward' || name === 'net.ipv4.conf.all.forwarding') {
      this.#setForwarding(number);
      return;
    }
    const place = this.#placeOf(name);
    if (place === undefined) {
      this.#numbers.set(name, number);
      if (name === 'net.bridge.bridge-nf-call-iptables') this.callsIptablesOnBridges = number !== 0;
      return;
    }
    const [configuration, key, device] = place;
    configuration[key] = number;
    if (device !== 'all' && device !== 'default') this.#written.add(`${device}.${key}`);
    if (device !== 'default') return;
    for (const [other, own] of this.#byDevice) {
      if (!this.#written.has(`${other}.${key}`)) own[key] = number;
    }
  }

  /** The settings of a device that has just come into the namespace. */
  addDevice(name: string): Ipv4Configuration {
    const configuration = { ...this.default };
    this.#byDevice.set(name, configuration);
    return configuration;
  }

  /** Forgets the settings of a device that has left. */
  removeDevice(name: string): void {
    this.#byDevice.delete(name);
    for (const written of [...this.#written]) {
      if (written.startsWith(`${name}.`)) this.#written.delete(written);
    }
  }

  /** A device got another name. */
  renameDevice(from: string, to: string): void {
    const configuration = this.#byDevice.get(from);
    if (configuration === undefined) return;
    this.#byDevice.delete(from);
    this.#byDevice.set(to, configuration);
  }

  #setForwarding(value: number): void {
    this.all.forwarding = value;
    this.default.forwarding = value;
    this.all.accept_redirects = value === 0 ? 1 : 0; // a router takes no redirects
    for (const configuration of this.#byDevice.values()) configuration.forwarding = value;
  }

  #placeOf(name: string): [Ipv4Configuration, ConfigurationKey, string] | undefined {
    if (!name.startsWith(CONFIGURATION_PREFIX)) return undefined;
    const match = CONFIGURATION_NAME.exec(name);
    if (match === null || !((match[2] as string) in FRESH)) return undefined;
    const device = match[1] as string;
    const key = match[2] as ConfigurationKey;
    if (device === 'all') return [this.all, key, device];
    if (device === 'default') return [this.default, key, device];
    const configuration = this.#byDevice.get(device);
    return configuration === undefined ? undefined : [configuration, key, device];
  }
}
