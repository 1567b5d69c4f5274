/**
 * Tools on the nodes and in the containers of a small swarm, as transcripts: what is typed where,
 * and every line that comes of it. `testdata/exec/*.txt` is rewritten by `vitest -u` and reviewed as
 * a diff.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isNoPlace, type PlaceName, placeOf } from '../cluster/places.ts';
import { splitWords } from '../net/netfilter/command-words.ts';
import { launch } from '../node/tools/launch.ts';
import type { ScenarioInput } from '../scenarios/language/scenario.ts';
import { execAt } from '../scenarios/run/exec-at.ts';
import { runScenario } from '../scenarios/run/run-scenario.ts';
import { parseDuration, SECOND_NS } from '../sim/time.ts';
import { loadInline, loadLibrary, ROOT } from './support/runs.ts';

const STACK = `
services:
  web:
    image: shop/web
    ports: ["8080:80"]
    networks: [shop]
    deploy: { replicas: 2, placement: { constraints: [node.role == worker] } }
    x-swarmlab: { startup: 10ms, listen: [{ port: 80, protocol: http, response: 40B, service-time: 2ms }] }
  redis:
    image: redis
    networks: [shop]
    deploy: { placement: { constraints: [node.role == manager] } }
    x-swarmlab: { startup: 10ms, listen: [{ port: 6379, protocol: tcp, response: 8B, service-time: 1ms }] }
networks:
  shop:
`;

const SHOP: ScenarioInput = {
  name: 'A shop',
  cluster: {
    managers: 1,
    workers: 2,
    underlay: { latency: '300us' },
    dns: { servers: [{ address: '198.51.100.53', records: { 'example.org': '203.0.113.80' } }] },
  },
  stack: 'shop.compose.yaml',
  until: '20s',
};

const FILES = { 'shop.compose.yaml': STACK };

/** What is drawn anew when anything else changes: ids, veth names, MAC addresses of their own. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-z]{25}\b/g, '<task>'],
  [/\bveth[0-9a-f]{7}\b/g, 'veth<id>'],
  [/\b(?!02:42|ff:ff|00:00|01:00|33:33)(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>'],
  [/\bfe80::[0-9a-f:]+/g, 'fe80::<id>'],
  [/\b(lb_|1-)[0-9a-z]{9,10}\b/g, '$1<network>'],
  [/\b8000\.[0-9a-f]{12}\b/g, '8000.<mac>'],
  [/^[0-9a-f]{12}$/gm, '<sandbox>'],
  [/(?<=[:=])[345]\d{4}\b/g, '<port>'],
  [/(?<= id:? )\d+/g, '<id>'],
  [/(?<= (?:seq|ack) )\d{7,}/g, '<isn>'],
];

/** A terminal in the shop at 12 s. */
class Terminal {
  readonly #cluster = runScenario(loadInline(SHOP, FILES), { untilNs: 12 * SECOND_NS }).cluster;
  text = '';

  /** Types a command line somewhere, and waits until it is over, for two minutes at most. */
  type(where: PlaceName, line: string): string {
    const place = placeOf(this.#cluster, where);
    if (isNoPlace(place)) throw new Error(place.error);
    const { queue } = this.#cluster.world;
    let output = '';
    const onOutput = (text: string) => {
      output += text;
    };
    const process = launch(place, splitWords(line), { onOutput, onExit: () => {} });
    for (let step = 0; step < 1200 && !process.isOver; step++) {
      queue.runUntil(queue.nowNs + SECOND_NS / 10);
    }
    process.terminate();
    const status = process.status === 0 ? '' : `(exit status ${process.status})\n`;
    const prompt = [where.on, where.container, where.netns].filter(Boolean).join(' ');
    this.text += `${prompt} $ ${line}\n${output}${status}\n`;
    return output;
  }

  /** What was typed and printed, without what is drawn anew. */
  get transcript(): string {
    let { text } = this;
    for (const [pattern, word] of VOLATILE) text = text.replaceAll(pattern, word);
    return text;
  }
}

const WEB = { on: 'web' };
const WORKER = { on: 'worker-1' };
const INGRESS = { on: 'worker-1', netns: 'ingress_sbox' };

const SESSIONS: Readonly<Record<string, readonly (readonly [PlaceName, string])[]>> = {
  'ping-nc-curl': [
    [WEB, 'ping -c 2 redis'],
    [WORKER, 'ping -c 2 -i 0.2 -s 1000 -M do worker-2'],
    [WORKER, 'ping -c 1 -s 2000 -M do worker-2'],
    [WORKER, 'ping -c 3 192.168.56.99'],
    [WORKER, 'ping -c 1 -q 10.99.0.1'],
    [WEB, 'ping -c 1 nosuch'],
    [WEB, 'ping -c 2 -D -O -W 1 10.99.0.1'],
    [WEB, 'nc -zv redis 6379'],
    [WEB, 'nc -zv redis 80'],
    [WEB, 'nc -zv -w 2 10.0.1.200 80'],
    [WORKER, 'nc -zvu worker-2 9'],
    [
      WORKER,
      "sh -c 'nc -lv 4000 & nc -z -p 4001 -s 127.0.0.1 127.0.0.1 4000; sleep 1; ss -tan sport = :4001'",
    ],
    [{ on: 'outside' }, 'curl -v http://worker-2:8080/cart?item=7'],
    [
      { on: 'outside' },
      "curl -s -o /dev/null -w '%{http_code} from %{remote_ip} in %{time_total}\\n' worker-1:8080",
    ],
    [{ on: 'outside' }, 'curl -I worker-1:8080'],
    [{ on: 'outside' }, 'curl worker-1:81'],
    [WEB, 'curl -sS -m 2 http://10.0.1.200/'],
    [WEB, 'curl http://nosuch/'],
    [WEB, 'curl -m 1 http://redis:6379/'],
  ],
  names: [
    [WEB, 'dig redis'],
    [WEB, 'dig +short tasks.redis'],
    [WEB, 'dig +noall +answer example.org'],
    [WEB, 'dig nosuch.example.org'],
    [WEB, 'dig @10.0.1.200 +time=1 +tries=2 redis'],
    [WEB, 'dig +tcp +noall +answer +stats redis'],
    [WEB, 'nslookup redis'],
    [WEB, 'nslookup nosuch'],
    [WORKER, 'dig +short example.org @198.51.100.53'],
  ],
  mesh: [
    [INGRESS, 'ipvsadm -Ln'],
    [{ on: 'outside' }, 'curl -s -o /dev/null http://worker-1:8080/'],
    [INGRESS, 'ipvsadm -Lnc'],
    [INGRESS, 'ipvsadm -Ln --stats'],
    [INGRESS, 'ipvsadm -Ln --timeout'],
    [WORKER, 'nsenter --net=/var/run/docker/netns/ingress_sbox iptables -t mangle -S'],
    [WORKER, 'conntrack -L -p tcp --dport 8080'],
    [WORKER, 'iptables -t nat -L DOCKER-INGRESS -nv'],
    [INGRESS, 'ipvsadm -A -t 10.0.0.50:80 -s wrr'],
    [INGRESS, 'ipvsadm -a -t 10.0.0.50:80 -r 10.0.0.60 -m -w 3'],
    [INGRESS, 'ipvsadm -E -t 10.0.0.50:80 -s lc'],
    [INGRESS, 'ipvsadm -Sn'],
    [INGRESS, 'ipvsadm -d -t 10.0.0.50:80 -r 10.0.0.61'],
    [INGRESS, 'ipvsadm -A -t 10.0.0.50:80 -s nosuch'],
    [INGRESS, 'ipvsadm -D -t 10.0.0.50:80'],
    [INGRESS, 'ipvsadm -A -t 10.0.0.50:80 -s mh -b mh-fallback,mh-port -p -M 255.255.255.0'],
    [INGRESS, 'ipvsadm -a -t 10.0.0.50:80 -r 10.0.0.61 -i -w 2'],
    [INGRESS, 'ipvsadm -A -u 10.0.0.50:53 -s sh -b sh-port -o'],
    [INGRESS, 'ipvsadm -A --sctp-service 10.0.0.50:3868 -s rr -b flag-1,flag-3'],
    [INGRESS, 'ipvsadm -a -u 10.0.0.50:53 -r 10.0.0.62:5353 -m -x 10 -y 5'],
    [INGRESS, 'ipvsadm -Ln -t 10.0.0.50:80'],
    [INGRESS, 'ipvsadm -L -u 10.0.0.50:53 --thresholds'],
    [INGRESS, 'ipvsadm -Ln --stats --exact -f 257'],
    [INGRESS, 'ipvsadm -Ln --tun-info'],
    [
      INGRESS,
      'sh -c "ipvsadm -Sn > saved; ipvsadm -C; ipvsadm -Ln; ipvsadm -R < saved; ipvsadm -Sn"',
    ],
  ],
  kernel: [
    [WORKER, 'ip -br addr'],
    [WORKER, 'ip -4 -o addr show dev eth0'],
    [WEB, 'ip addr show eth0'],
    [WEB, 'ip route'],
    [WEB, 'ip route get 10.0.1.2'],
    [WORKER, 'ip rule'],
    [WORKER, 'ip netns'],
    [WORKER, 'brctl show docker_gwbridge'],
    [WORKER, 'bridge link'],
    [WORKER, 'ip link add br9 type bridge'],
    [WORKER, 'ip link add v0 type veth peer name v1'],
    [WORKER, 'ip link set v0 master br9 up'],
    [WORKER, 'ip link set v1 up'],
    [WORKER, 'ip link set br9 up mtu 1400'],
    [WORKER, 'ip addr add 10.9.0.1/24 brd + dev br9'],
    [WORKER, 'ip addr show br9'],
    [WORKER, 'ip route add 10.8.0.0/16 via 10.9.0.2 metric 50'],
    [WORKER, 'ip route show dev br9'],
    [WORKER, 'ip neigh add 10.9.0.2 lladdr 02:42:0a:09:00:02 dev br9'],
    [WORKER, 'ip neigh show dev br9'],
    [WORKER, 'bridge fdb add 02:42:0a:09:00:02 dev v0 master static'],
    [WORKER, 'bridge fdb show br br9 state static'],
    [WORKER, 'ip rule add fwmark 0x7 table 100 prio 500'],
    [WORKER, 'ip route add blackhole 10.7.0.0/16 table 100'],
    [WORKER, 'ip route show table 100'],
    [WORKER, 'ip -s link show v1'],
    [WORKER, 'ip link del v0'],
    [WEB, 'sysctl net.ipv4.ip_forward net.ipv4.conf.eth0.rp_filter'],
    [WEB, 'sysctl -w net.ipv4.conf.eth0.rp_filter=1'],
    [WEB, 'ss -tln'],
    [WEB, 'nc -zv redis 6379'],
    [WEB, 'ss -tn state time-wait dst 10.0.1.0/24'],
    [WEB, "ss -tn 'dport = :6380'"],
    [WORKER, 'ip link add link eth0 name mv0 type macvlan mode bridge'],
    [WORKER, 'ip link add link eth0 name iv0 type ipvlan mode l2'],
    [WORKER, 'ip link add vx0 type vxlan id 42 dstport 4790'],
    [WORKER, 'bridge fdb append 00:00:00:00:00:01 dev vx0 dst 192.168.56.103'],
    [WORKER, 'bridge fdb show dev vx0'],
    [WORKER, 'ip -d link show vx0'],
    [WORKER, 'ip -br link show type macvlan'],
    [WEB, 'ethtool -S eth0'],
  ],
  firewall: [
    [WORKER, 'iptables -I DOCKER-USER -s 198.51.100.0/24 -j DROP'],
    [WORKER, 'iptables -S DOCKER-USER'],
    [{ on: 'outside' }, 'curl -sS -m 1 worker-1:8080'],
    [WORKER, 'iptables -L DOCKER-USER -nv --line-numbers'],
    [WORKER, 'iptables -D DOCKER-USER 1'],
    [{ on: 'outside' }, "curl -s -o /dev/null -w '%{http_code}\\n' worker-1:8080"],
    [WEB, 'iptables-save -t filter'],
    [WEB, 'nft add table ip lab'],
    [WEB, "nft add chain ip lab in '{ type filter hook input priority 0; policy accept; }'"],
    [WEB, 'nft add rule ip lab in tcp dport 81 counter drop'],
    [WEB, 'nft list ruleset'],
    [WEB, 'nft list table ip nosuch'],
    [WORKER, 'conntrack -D -s 198.51.100.7 -p icmp'],
  ],
  sets: [
    [WORKER, 'ipset create strangers hash:net'],
    [WORKER, 'ipset create strangers hash:net'],
    [WORKER, 'ipset create seen hash:ip timeout 300'],
    [WORKER, 'ipset add strangers 203.0.113.0/24'],
    [WORKER, 'ipset add strangers 203.0.113.0/24'],
    [WORKER, 'ipset test strangers 203.0.113.9'],
    [WORKER, 'ipset test strangers 198.51.100.7'],
    [WORKER, 'iptables -I DOCKER-USER -m set --match-set strangers src -j DROP'],
    [WORKER, 'iptables -I DOCKER-USER -p tcp --dport 8080 -j SET --add-set seen src --exist'],
    [WORKER, 'iptables -I DOCKER-USER -p tcp -j LOG --log-prefix "forwarded: "'],
    [{ on: 'outside' }, 'nc -z -w 1 worker-1 8080'],
    [WORKER, 'ipset add strangers 198.51.100.7'],
    [{ on: 'outside' }, 'nc -z -w 1 worker-1 8080'],
    [WORKER, 'iptables -L DOCKER-USER -nv'],
    [WORKER, 'ipset list strangers'],
    [WORKER, 'ipset save seen'],
    [WORKER, 'ipset del strangers 10.0.0.1'],
    [WORKER, 'ipset destroy strangers'],
    [WORKER, 'ipset list nosuch'],
    [WORKER, 'ipset create x hash:foo'],
    [WORKER, "sh -c 'dmesg | grep -c forwarded; dmesg -C; dmesg'"],
    [WEB, 'dmesg'],
  ],
  looking: [
    [WEB, 'getent hosts redis'],
    [WEB, 'getent hosts nosuch'],
    [WEB, 'getent ahosts redis'],
    [WEB, 'getent services 53/udp'],
    [WEB, 'getent foo'],
    [
      WORKER,
      "sh -c 'timeout 4 conntrack -E -p tcp --dport 8080 & sleep 1; curl -s -o /dev/null worker-1:8080; wait'",
    ],
    [
      WORKER,
      "sh -c 'timeout 2 conntrack -E -e NEW -p icmp & sleep 1; ping -q -c 1 worker-2 > /dev/null; wait'",
    ],
    [WORKER, 'conntrack -L -p icmp -o extended'],
    [WORKER, 'conntrack -S'],
    [
      WORKER,
      "sh -c 'ethtool -K eth0 tx off; ethtool -k eth0 | grep ^tx-checksumming; ethtool -k docker0 | grep local'",
    ],
    [WORKER, 'ethtool docker_gwbridge'],
    [WORKER, 'ethtool -k nosuch'],
    [WORKER, 'ip addr add 2001:db8::1/64 dev eth0'],
    [WORKER, 'sleep 3'],
    [WORKER, 'ip -6 route add 2001:db8:1::/64 via 2001:db8::9'],
    [
      WORKER,
      "sh -c 'tcpdump -nt -c 2 -i lo tcp port 99 and host 2001:db8::1 & tcpdump -nt -c 1 -i eth0 icmp6 & " +
        "nc -z 2001:db8::1 99; ping -q -c 1 -W 1 2001:db8::7 > /dev/null'",
    ],
  ],
  shell: [
    [
      WORKER,
      "sh -c 'for i in 1 2 3; do ping -c 1 -q worker-2 > /dev/null && echo up $i; sleep 1; done'",
    ],
    [
      WEB,
      "sh -c 'n=0; while [ $n -lt 3 ]; do n=$((n + 1)); curl -s -m 1 -o /dev/null redis:8$n || echo $n: $?; done'",
    ],
    [
      WORKER,
      `sh -c 'ip -br link | while read name state rest; do case $state in DOWN*) echo "$name is down";; esac; done'`,
    ],
    [WORKER, `sh -c 'gw=$(ip route | grep ^default | cut -d " " -f 3); echo "by \${gw:-nobody}"'`],
    [
      WORKER,
      `sh -c 'name=docker_gwbridge; echo \${name%%_*} \${name#*_} \${#name} $((0x10 + 2 * 3 % 4))'`,
    ],
    [
      WORKER,
      `sh -c 'f() { nc -z -w 1 "$1" "$2"; }; f worker-2 8080; echo $?; f worker-2 81; echo $?' `,
    ],
    [WORKER, `sh -c 'if [ "$1" = web ]; then echo "$# to $1"; fi' sh web db`],
    [WORKER, "sh -c 'sleep 5 & sleep 2 & wait; cat <<END\nafter $((2 + 3)) s\nEND\n'"],
    [WORKER, "sh -ec 'false; echo never'"],
    [WORKER, "sh -uc 'echo $nobody; echo never'"],
    [WORKER, "sh -c 'while true; do :; done'"],
    [WORKER, "timeout 3 sh -c 'while true; do sleep 1; echo tick; done'"],
    [WORKER, "sh -c 'while true; do echo x'"],
    [WORKER, "sh -c 'if true; fi'"],
    [WORKER, `sh -c 'echo "a'`],
    [WORKER, "sh -c 'echo $((1 / 0))'"],
    [WORKER, "sh -c '[ 1 -eq x ]; [ a'"],
  ],
  counters: [
    [WEB, 'ping -q -c 2 redis'],
    [WEB, 'nc -zv redis 81'],
    [WEB, "sh -c 'echo x | nc -u -w 1 redis 9'"],
    [WEB, 'cat /proc/net/snmp'],
    [WEB, 'cat /proc/net/tcp6 /proc/net/sockstat /proc/net/arp /proc/net/route'],
    [WEB, 'cat /proc/net/nosuch'],
    [WEB, "sh -c 'nstat; ping -q -c 1 redis > /dev/null; nstat; nstat -z Udp[I-O]*; nstat -q'"],
    [WEB, 'netstat -s'],
    [WEB, 'netstat -tuln'],
    [WEB, 'netstat -tulp'],
    [WEB, 'netstat -rn'],
    [WEB, 'netstat -i'],
    [WEB, 'netstat -z'],
    [WEB, 'ifconfig eth1'],
    [WEB, 'ifconfig eth9'],
    [WEB, 'route -n'],
    [WEB, 'route add -net 10.7.0.0 netmask 255.255.0.0 gw 172.18.0.1'],
    [WEB, 'route add -net 10.7.0.0/16 gw 172.18.0.1'],
    [WEB, 'route del -net 10.7.0.0/16'],
    [WEB, 'route del -net 10.7.0.0/16'],
    [WEB, 'arp -n'],
    [WEB, 'arp -d 10.0.1.77'],
    [WEB, 'ss -s'],
    [WEB, 'ss -tlnpe'],
    [WEB, 'ss -6tl'],
    [WEB, 'ss -4tlH'],
    [
      WEB,
      "sh -c 'nc -l 4000 & sleep 1; nc 127.0.0.1 4000 < /dev/null & sleep 1; ss -tno; ss -tnHi sport = :4000'",
    ],
    [WEB, 'ss --bogus'],
    [INGRESS, 'cat /proc/net/ip_vs'],
    [
      WORKER,
      "sh -c 'echo 1 > /proc/sys/net/ipv4/conf/eth0/rp_filter; sysctl net.ipv4.conf.eth0.rp_filter'",
    ],
  ],
  capture: [
    [WEB, "sh -c 'tcpdump -i eth1 & ping -c 1 redis; sleep 1'"],
    [WEB, "sh -c 'tcpdump -ni any port 53 & curl -s -o /dev/null redis:6380; sleep 1'"],
    [
      WORKER,
      "sh -c 'tcpdump -ni eth0 -c 2 udp port 4789 & curl -s worker-1:8080; curl -s worker-1:8080'",
    ],
    [
      { on: 'outside' },
      "sh -c 'tcpdump -i eth0 tcp port 8080 & curl -s -o /dev/null worker-1:8080; sleep 1'",
    ],
    [WORKER, "sh -c 'tcpdump -env -c 2 icmp & ping -c 1 worker-2'"],
    [WORKER, "sh -c 'tcpdump -n -t tcp[tcpflags] == tcp-syn or arp & nc -z -w 1 192.168.56.99 9'"],
    [WEB, 'traceroute -n 198.51.100.7'],
    [WORKER, 'traceroute -q 2 worker-2'],
    [WORKER, 'traceroute -n -m 2 -w 1 192.168.56.99'],
    [
      WORKER,
      "sh -c 'tcpdump -n -t -A -c 1 -i lo udp & tcpdump -n -t -X -c 1 -i lo udp & nc -lu 7000 & " +
        "echo -n telemetry 42 | nc -u -w 1 -p 7001 127.0.0.1 7000'",
    ],
    [WORKER, "sh -c 'tcpdump -n -t -xx -c 1 arp & nc -z -w 1 192.168.56.98 9'"],
    [WORKER, 'tcpdump -i eth9'],
    [WORKER, 'tcpdump host or'],
  ],
  pipes: [
    [
      WORKER,
      "sh -c 'ip route | grep -c docker; ss -tln | tail -n +2 | sort | head -1 | cut -d : -f 1'",
    ],
    [
      WORKER,
      "sh -c 'iptables-save -t filter > all; iptables -F DOCKER-USER; iptables-restore < all'",
    ],
    [WORKER, "sh -c 'iptables -S DOCKER-USER | wc -l; iptables -S NONE 2>/dev/null || echo none'"],
    [WORKER, "sh -c 'ping -i 0.2 worker-2 | grep -m 2 -o icmp_seq=[0-9] | tee seen; cat -n seen'"],
    [
      WORKER,
      "sh -c 'nc -l 4000 & nc -N 127.0.0.1 4000 <<< hello; echo b > f; echo a >> f; sort f nosuch'",
    ],
    [
      WORKER,
      "sh -c 'nc -lu 4001 & echo -n telemetry | nc -u -w 1 127.0.0.1 4001; echo; false | true'",
    ],
    [WORKER, "sh -c 'cat <<END | grep -v two | uniq -c\none\none\ntwo\nEND\n'"],
    [WORKER, "sh -c 'echo one | grep two | wc; nosuch 2>&1 | cat; head -n 1 /etc/hosts'"],
    [WORKER, "sh -c 'echo $HOME'"],
    [WORKER, "sh -c 'echo a | | cat'"],
    [WORKER, 'ip netns add blue'],
    [WORKER, 'ip netns add blue'],
    [WORKER, 'ip link add v9 type veth peer name eth0 netns blue'],
    [WORKER, 'ip -n blue -br link'],
    [WORKER, 'ip netns exec blue ip route'],
    [WORKER, 'ip netns del blue'],
    [WORKER, 'ip link show v9'],
    [WORKER, 'ip netns del blue'],
  ],
  mistakes: [
    [WORKER, 'ping'],
    [WORKER, 'ping -z worker-2'],
    [WORKER, 'ping -c 0 worker-2'],
    [WORKER, 'ip bogus'],
    [WORKER, 'ip link set nosuch up'],
    [WORKER, 'ip addr add 10.0.0.1/24'],
    [WORKER, 'ip addr add 10.0.0/33 dev eth0'],
    [WORKER, 'ip route add 10.0.0.0/8 via 10.99.99.99'],
    [WORKER, 'ip route del 10.1.0.0/16'],
    [WORKER, 'ip neigh add 10.0.0.1'],
    [WORKER, 'bridge fdb add 02:42:0a:00:00:01'],
    [WORKER, 'curl'],
    [WORKER, 'curl --bogus x'],
    [WORKER, 'curl -w'],
    [WORKER, 'curl https://worker-2/'],
    [WORKER, 'curl http://worker-2:99999/'],
    [WORKER, 'sysctl net.nosuch'],
    [WORKER, 'iptables -A FORWARD -p tpc -j DROP'],
    [WORKER, 'iptables -t filte -L'],
    [WORKER, 'ipvsadm -A -s rr'],
    [WORKER, 'ipvsadm -n -L'],
    [WORKER, 'ipvsadm -Lq'],
    [WORKER, 'ipvsadm -L -f'],
    [WORKER, 'ipvsadm -A -L'],
    [WORKER, 'ipvsadm -A -t 10.0.0.50:0 -s rr'],
    [WORKER, 'ipvsadm -A -t 10.0.0.50:80 -t 10.0.0.50:81'],
    [WORKER, 'ipvsadm -A -t 10.0.0.50:99999'],
    [WORKER, 'ipvsadm -A -f 0'],
    [WORKER, 'ipvsadm -A -t 10.0.0.50:80 -p 0'],
    [WORKER, 'ipvsadm -A -t 10.0.0.50:80 -o'],
    [WORKER, 'ipvsadm -A -t 10.0.0.50:80 -s sh -b mh-port'],
    [WORKER, 'ipvsadm -A -t 10.0.0.50:80 -s sh -b port'],
    [WORKER, 'ipvsadm -A -t 10.0.0.50:80 -r 10.0.0.60'],
    [WORKER, 'ipvsadm -a -t 10.0.0.50:80 -r 10.0.0.60 -w 70000'],
    [WORKER, 'ipvsadm -a -t 10.0.0.50:80 -r 10.0.0.60'],
    [WORKER, 'ipvsadm -e -t 10.0.0.50:80'],
    [WORKER, 'ipvsadm -D -t 10.0.0.50:80'],
    [WORKER, 'ipvsadm -E -t 10.0.0.50:80 -s rr'],
    [WORKER, 'ipvsadm -Z -t 10.0.0.50:80'],
    [WORKER, 'ipvsadm -L -t 10.0.0.50:80'],
    [WORKER, 'ipvsadm -L -c --timeout'],
    [WORKER, 'ipvsadm -L --timeout --stats'],
    [WORKER, 'ipvsadm --set 10 20'],
    [WORKER, 'ipvsadm --set 10 20 x'],
    [WORKER, 'ipvsadm -C now'],
    [WORKER, 'conntrack -X'],
    [WORKER, 'ss -tn state listning'],
    [WORKER, 'ip link add link eth0 name mv1 type macvlan mode foo'],
    [WORKER, 'ip xfrm statt'],
    [WORKER, 'ip addr add 172.17.0.1/16 dev docker0'],
    [WORKER, 'ip link set docker0 master nosuch'],
    [WORKER, 'bridge link set dev eth0 hairpin on'],
    [WORKER, 'bridge fdb del 02:42:0a:00:00:01 dev docker0 master'],
    [WORKER, 'ip link set docker0 master docker_gwbridge'],
    [WORKER, 'brctl addif docker_gwbridge lo'],
    [WORKER, 'ip link set eth0 mtu x'],
    [WORKER, 'ip link add a-name-that-is-too-long type dummy'],
    [WORKER, 'ip addr add 10.1.1.1/24 dev docker0 garbage'],
    [WORKER, 'ip xfrm state delete src 1.1.1.1 dst 2.2.2.2 proto esp spi 5'],
    [WORKER, 'dig a..b'],
    [WORKER, 'ping a..b'],
    [WORKER, 'sysctl -w net.ipv4.ip_forward=yes'],
    [WORKER, 'ss foo'],
    [WORKER, 'sysctl -w net.ipv4.ip_forward'],
    [WORKER, 'nsenter --net=/var/run/docker/netns/ingres_sbox ip a'],
    [WORKER, "sh -c 'false || echo one && true; echo two; pign'"],
    [WORKER, 'timeout 2 ping -q worker-2'],
  ],
};

test.each(Object.keys(SESSIONS))('%s', async (name) => {
  const terminal = new Terminal();
  for (const [where, line] of SESSIONS[name]!) terminal.type(where, line);
  await expect(terminal.transcript).toMatchFileSnapshot(`testdata/exec/${name}.txt`);
});

test('the timeline runs tools, and sentences judge what they print', () => {
  const loaded = loadInline(
    {
      ...SHOP,
      timeline: [
        { at: '12s', as: 'before', exec: { on: 'web', run: 'curl -sS redis:6380' } },
        {
          at: '13s',
          exec: { on: 'worker-1', run: 'iptables -I INPUT -p udp --dport 4789 -j DROP' },
        },
        {
          at: '14s',
          as: 'endless',
          exec: { on: 'worker-1', container: 'web', run: 'ping redis', for: '3s' },
        },
        { at: '14s', as: 'nobody', exec: { on: 'worker-1', container: 'redis', run: 'ip a' } },
      ],
      expect: [
        'exec before prints Failed to connect to redis port 6380',
        'exec before exits with 7',
        'exec exec exits with 0',
        'exec endless prints "3 packets transmitted"',
        'exec endless does not print "from 10.0.1.5"',
        'exec nobody exits with 125',
        'exec endless exits with 0',
      ],
    },
    FILES,
  );
  const { result } = runScenario(loaded);
  expect(result.expectations.map(({ met, text }) => `${met} ${text}`)).toEqual([
    ...loaded.expectations.slice(0, -3).map(({ text }) => `true ${text}`),
    'false exec endless does not print "from 10.0.1.5"',
    'true exec nobody exits with 125',
    'true exec endless exits with 0',
  ]);
});

test('a tool runs at an instant, with its own exit status, and the files that it writes', () => {
  const loaded = loadInline(SHOP, FILES);
  const exec = (on: string, line: string, limitNs = 5 * SECOND_NS) => {
    const files = new Map<string, Uint8Array>();
    let output = '';
    const request = { where: { on }, argv: splitWords(line), atNs: 12 * SECOND_NS, limitNs };
    const status = execAt(
      loaded,
      request,
      {},
      {
        onOutput: (text) => {
          output += text;
        },
        onFile: (name, bytes) => files.set(name, bytes),
      },
    );
    return { status, output, files };
  };
  const capture = exec('worker-1', 'tcpdump -w all.pcapng udp port 4789');
  expect(capture.output).toMatch(/^tcpdump: listening on eth0, .*\n\n0 packets captured\n/);
  expect([...capture.files.get('all.pcapng')!.subarray(0, 4)]).toEqual([0x0a, 0x0d, 0x0d, 0x0a]);
  const endless = exec('outside', 'ping worker-2', 3.5 * SECOND_NS);
  expect(endless.status).toBe(0);
  expect(endless.output).toContain(
    '4 packets transmitted, 4 received, 0% packet loss, time 3000ms',
  );
  expect(exec('redis', 'nc -z web 81').status).toBe(1);
  expect(exec('reddis', 'ip a').status).toMatchObject({ error: "no container of 'reddis' runs" });
});

test('the examples of the documentation print what it says', () => {
  const text = readFileSync(join(ROOT, 'docs/tools.md'), 'utf8');
  const blocks = [...text.matchAll(/```\n(\$ .*?)```/gs)].map((match) => match[1]!);
  const examples = blocks.flatMap((block) => block.split(/^\$ /m).slice(1));
  expect(examples.length).toBeGreaterThanOrEqual(2);
  for (const example of examples) {
    const [command = '', ...lines] = example.split('\n');
    const words = splitWords(command);
    const [, , file, on, ...rest] = words.slice(0, words.indexOf('--'));
    const flag = rest.indexOf('--at');
    const request = {
      where: { on: on!, container: flag === 1 ? rest[0] : undefined },
      argv: words.slice(words.indexOf('--') + 1),
      atNs: parseDuration(rest[flag + 1]!)!,
      limitNs: 60 * SECOND_NS,
    };
    let output = '';
    const onOutput = (printed: string) => {
      output += printed;
    };
    const name = file!.replace(/^.*\/|\.yaml$/g, '');
    execAt(loadLibrary(name), request, {}, { onOutput, onFile: () => {} });
    expect(output, command).toBe(lines.join('\n'));
  }
});

test('a step with a misspelt tool or place does not read', () => {
  const messageOf = (exec: { on: string; run: string; container?: string }) => {
    try {
      loadInline({ ...SHOP, timeline: [{ at: '5s', exec }] }, FILES);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(messageOf({ on: 'worker-1', run: 'pign redis' })).toBe("unknown tool 'pign'");
  expect(messageOf({ on: 'worker-9', run: 'ping redis' })).toBe(
    "unknown node or service 'worker-9'",
  );
  expect(messageOf({ on: 'web', container: 'web.1', run: 'ip a' })).toBe(
    'only nodes have a container, and web is none',
  );
});
