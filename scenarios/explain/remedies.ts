/**
 * What would mend a walk that went wrong: for every reason with which a packet ends, and for the
 * rules of Docker's chains, what an engineer would look at or change.
 *
 * Reasons are those of the floors below, word for word; a test compares the lists.
 */
import type { PacketWalk } from './explanation.ts';

/** Reasons of devices, of the routing of a namespace, of sockets, tunnels and balancers. */
export const REMEDIES: ReadonlyMap<string, string> = new Map([
  // devices
  ['device is down', 'set the device up, or start its host or container again'],
  ['peer is down', 'the other end of the veth pair is down: set it up'],
  ['backlog is full', 'the host gets more frames at once than it handles: look for a loop'],
  ['frame is too short', 'whoever sent it made no Ethernet frame'],
  ['frame is longer than the MTU of the peer', 'give both ends of the veth pair one MTU'],
  ['frame is longer than the MTU of the bridge port', 'give all ports of the bridge one MTU'],
  ['bridge port is not forwarding', 'set the port and its other end up'],
  ['bridge port is no hairpin', 'set hairpin on for the port (userland-proxy: false does)'],
  ['bridge ports are isolated', 'take `isolated` off one of the two ports'],
  ['bridge has no port for it', 'attach a container to the bridge, or set a port up'],
  ['source is no unicast MAC address', 'give the sender a unicast MAC address'],
  ['link-local group address', 'bridges keep these to the link; nothing to mend'],
  ['ipvlan is private', 'make the network with ipvlan_flag=bridge'],
  ['unhandled protocol', 'no device here takes this EtherType or VLAN'],
  // the way in
  ['for another host', 'the sender uses a stale MAC address: clear its ARP cache'],
  ['malformed IPv4 header', 'whoever sent it made no IPv4 packet'],
  ['malformed ARP message', 'whoever sent it made no ARP message'],
  ['malformed ICMP message', 'whoever sent it made no ICMP message, or its checksum is wrong'],
  ['martian source', 'no interface may bring this source in: look for a duplicate address'],
  ['martian destination', 'route_localnet=1 on the input device lets 127.0.0.0/8 in'],
  ['loopback source leaves the host', 'route_localnet=1 on the output device lets it out'],
  ['rp_filter', 'the way back is another interface: set rp_filter to 2 or 0, or mend the route'],
  ['multicast group is not joined', 'a program has to join the group'],
  ['no handler of the protocol', 'nothing here takes this IP protocol'],
  // IPv6's way in
  ['IPv6 is disabled', 'set net.ipv6.conf.<device>.disable_ipv6=0, or enable_ipv6 for the network'],
  ['malformed IPv6 header', 'whoever sent it made no IPv6 packet'],
  ['malformed ICMPv6 message', 'whoever sent it made no ICMPv6 message, or its checksum is wrong'],
  ['malformed neighbour discovery message', 'whoever sent it broke the rules of RFC 4861'],
  ['neighbour discovery from afar', 'a router has forwarded it, or somebody forges neighbours'],
  ['multicast source', 'a group cannot send: look for who made it up'],
  ['loopback address on a link', '::1 never leaves a host: look for who made it up'],
  ['group without a scope', 'ff00::/16 is reserved'],
  ['group of a node on a link', 'ff01::/16 never leaves a host'],
  ['unicast in a group frame', 'the sender put a unicast packet into a multicast frame'],
  ['hop limit exceeded', 'look for a loop of routes, or send with a higher hop limit'],
  ['source is no address to forward for', 'give the sender an address of its own'],
  ['source is of the link', 'give the sender an address that is valid beyond its link'],
  // routing
  ['no route', 'add a route to the destination'],
  ['not forwarding', 'set net.ipv4.ip_forward=1 here, or send it to who has the address'],
  ['route is unreachable', 'remove the unreachable route'],
  ['route is prohibited', 'remove the prohibit route'],
  ['route is a blackhole', 'remove the blackhole route'],
  ['unicast in a broadcast frame', 'the sender put a unicast packet into a broadcast frame'],
  ['ttl exceeded', 'look for a loop of routes, or send with a higher TTL'],
  ['packet is too big', "let ICMP 3/4 reach the sender, or lower its network's MTU"],
  ['malformed fragment', 'whoever cut it made broken fragments'],
  ['fragment is a repetition', 'nothing: its first copy counts'],
  ['fragment overlaps another', 'whoever cut it made overlapping fragments'],
  ['fragments are missing', 'let fragments pass on the way, or lower the MTU'],
  ['too many fragments wait', 'let fragments pass on the way, or lower the MTU'],
  [
    'neighbour unreachable',
    'nobody answers ARP (or neighbour solicitations) for the next hop: is it up, on this link, allowed?',
  ],
  ['neighbour was removed', 'the device went down while ARP was under way'],
  ['neighbour queue is full', 'the next hop answers ARP too late, or not at all'],
  ['neighbour table overflow', 'raise net.ipv4.neigh.default.gc_thresh3'],
  // connections and NAT
  ['nf_conntrack: table full, dropping packet', 'raise net.netfilter.nf_conntrack_max'],
  ['conntrack: connection died before it was confirmed', 'send it again'],
  [
    'conntrack: tuple is taken by another connection',
    'all ports of the NAT address are in use towards this destination: add addresses',
  ],
  ['nat: masqueraded flow left by another device', 'the route changed: open the connection anew'],
  ['nat: header is cut short', 'whoever sent it cut the transport header'],
  ['nat: quoted header is cut short', 'whoever sent the ICMP error quoted too little'],
  ['nat: redirect of a rewritten flow', 'nothing: the flow keeps its way'],
  // sockets
  ['TCP port is closed', 'start a program that listens on the port, or ask for the right one'],
  [
    'no connection for the segment',
    'this end has forgotten the connection: use keepalives, or connect anew',
  ],
  ['accept queue is full', 'the program accepts too slowly, or its backlog is too short'],
  ['no route back', 'add a route to the client'],
  ['TCP header is cut short', 'whoever sent it cut the header'],
  ['TCP checksum is wrong', 'look for a broken checksum offload on the way: ethtool -K … tx off'],
  ['UDP length is wrong', 'whoever sent it cut the datagram'],
  [
    'UDP checksum is wrong',
    'look for a broken checksum offload on the way (ethtool -K … tx off), or for NAT of ESP packets',
  ],
  ['UDP port is closed', 'start a program that reads from the port, or ask for the right one'],
  ['SCTP port is closed', 'start a program that listens on the port, or ask for the right one'],
  [
    'no association for the SCTP packet',
    'this end has forgotten the association: connect anew, or shorten its heartbeats',
  ],
  ['SCTP packet is malformed', 'whoever sent it made no SCTP packet'],
  ['SCTP checksum is wrong', 'look for a broken checksum offload, or NAT without CHECKSUM'],
  ['SCTP verification tag is wrong', 'the packet is of an older association: nothing to mend'],
  ['SCTP cookie is not ours', 'the cookie came too late, or is not of this host: connect anew'],
  // tunnels
  ['malformed VXLAN header', 'something else speaks on the VXLAN port'],
  ['no vxlan device has this VNI', 'the host has no container on this network (any more)'],
  [
    'no VTEP is known for the MAC address',
    'NetworkDB has not told this host where it lives, or the kernel refused the entry: see the log',
  ],
  ['no neighbour is known for the address', 'NetworkDB has not told this host of the address'],
  ['the neighbour entry is not connected', 'NetworkDB has not told this host of the address'],
  ['inner frame is cut short', 'something else speaks on the VXLAN port'],
  ['inner source MAC address is not valid', 'the sender on the overlay has no unicast MAC address'],
  [
    'a permanent entry puts the source behind another VTEP',
    'the other host sends from another address than it advertises: set --data-path-addr',
  ],
  ['no route to the VTEP', 'add a route to the other host'],
  [
    'congestion cannot be told to the inner packet',
    'the underlay is congested, and the container does not speak ECN: it has lost a packet instead',
  ],
  [
    'the VTEP is behind the tunnel itself',
    'give the VTEP a route that does not lead into the tunnel',
  ],
  [
    'UDP checksum is missing',
    'IPv6 wants one: udp6zerocsumrx on the receiving VXLAN device allows none',
  ],
  ['packet is too big for the underlay', 'lower the MTU of the overlay network'],
  ['no security association for the policy', 'the keys for the other host have not arrived yet'],
  ['ESP header is cut short', 'whatever sends IP protocol 50 to this host sends something else'],
  ['no security association has the SPI', 'the other host has a key that this one lacks'],
  ['the integrity value of ESP is wrong', 'the two hosts hold different keys'],
  ['ARP that is no request stays on this host', 'nothing: overlays answer ARP themselves'],
  ['ARP for no unicast address', 'nothing: overlays answer ARP themselves'],
  // balancers
  ['ipvs destination is gone', 'the task has ended: connect anew'],
  [
    'ipvs destination is gone, conntrack still knows the connection',
    'the task has ended: connect anew, from another port',
  ],
  ['ipvs has no destination', 'no task of the service runs: look at `docker service ps`'],
  ['no route to the ipvs destination', 'the balancer has left the network of the task'],
  ['ICMP error is cut short', 'whoever sent the ICMP error quoted too little'],
]);

/** What a chain of Docker's stands for when one of its rules drops. */
const CHAIN_REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /\/raw-PREROUTING$/,
    'ask the published port of the host: container addresses are direct only on their own bridge',
  ],
  [
    /\/filter-forward-in__/,
    'publish the port (-p), or allow the containers of the network to talk',
  ],
  [/\/filter-forward-out__/, 'the network is internal: attach the container to another one too'],
  [
    /^raw\/PREROUTING$/,
    'ask the published port of the host: container addresses are direct only on their own bridge',
  ],
  [
    /^filter\/DOCKER-ISOLATION-STAGE-2$/,
    'attach both containers to one network, or publish the port',
  ],
  [
    /^filter\/DOCKER-ISOLATION-STAGE-1$/,
    'the network is internal: attach the container to another one too',
  ],
  [/^filter\/DOCKER-INTERNAL$/, 'the network is internal: attach the container to another one too'],
  [/^filter\/DOCKER-USER$/, 'a rule of yours drops it: change DOCKER-USER'],
  [/^filter\/DOCKER$/, 'publish the port (-p), so that a rule accepts it'],
  [
    /^filter\/(FORWARD|DOCKER-FORWARD)$/,
    'containers of this network may not talk (enable_icc=false): link them, or allow it',
  ],
  [/^filter\/(INPUT|OUTPUT)$/, 'a rule of this namespace drops it: accept it above that rule'],
];

/** Reasons of the underlay, which name what was configured. */
const UNDERLAY_REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^underlay: no host has this MAC/, 'whoever had this MAC address is gone: clear the ARP cache'],
  [/^underlay: .* own MAC address/, 'let the switch take foreign MAC addresses, or use ipvlan'],
  [/^underlay: longer than/, 'lower the MTU of the hosts and of the overlay networks'],
  [/^underlay: uplink queue full/, 'the host sends more than its bandwidth carries'],
  [/^underlay: partition/, 'the network between the hosts is cut: heal it'],
  [/^underlay/, 'the network between the hosts lost it: heal it'],
];

/** What would mend the walk of a packet; empty when nobody can say. */
export function remedyOf(walk: PacketWalk): string {
  const last = walk.steps.at(-1);
  if (last === undefined) return '';
  const waiting = /^waits for the MAC address/.test(last.detail);
  if (last.event !== 'drop') return waiting ? REMEDIES.get('neighbour unreachable')! : '';
  const known = REMEDIES.get(last.detail);
  if (known !== undefined) return known;
  for (const [reason, remedy] of UNDERLAY_REMEDIES) if (reason.test(last.detail)) return remedy;
  if (last.detail.includes('--pol none')) {
    return 'the other host sends this encrypted network in the clear: it lacks the rule that marks';
  }
  if (/^policy drop$/i.test(last.detail)) {
    return last.chain === 'filter/FORWARD'
      ? 'publish the port (-p), or accept the packet in DOCKER-USER'
      : `accept the packet in ${last.chain.replace('/', ' ')}`;
  }
  for (const [chain, remedy] of CHAIN_REMEDIES) if (chain.test(last.chain)) return remedy;
  return last.chain === '' ? '' : `a rule of ${last.chain.replace('/', ' ')} drops it: change it`;
}
