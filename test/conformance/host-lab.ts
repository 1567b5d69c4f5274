/**
 * The lab's hosts without a swarm, simulated: three nodes on one switch, with the router that is also
 * their DNS server, driven by `docker` command lines as the lab's scripts drove theirs, and the dumps
 * of every namespace by the names that the lab's files have.
 */
import { NameServer } from '../../cluster/name-server.ts';
import { Bridge } from '../../net/device/bridge.ts';
import { createVethPair } from '../../net/device/veth.ts';
import { HostCounters } from '../../net/host-counters.ts';
import { Namespace } from '../../net/namespace.ts';
import { splitWords } from '../../net/netfilter/command-words.ts';
import { addressText } from '../../net/show/address.ts';
import { bridgeFdbText } from '../../net/show/bridge-fdb.ts';
import { routeText } from '../../net/show/route.ts';
import { formatSockets } from '../../net/socket/show.ts';
import type { StandaloneContainer } from '../../node/daemon/standalone-container.ts';
import { resolveName, type StubResolver } from '../../node/dns/stub-resolver.ts';
import type { CommandResult } from '../../node/docker/command.ts';
import { docker } from '../../node/docker/docker.ts';
import { engineVersionOf } from '../../node/engine-version.ts';
import { Host } from '../../node/host/host.ts';
import { Identifiers } from '../../node/host/identifiers.ts';
import { placeInContainer } from '../../node/tools/docker.ts';
import { launch } from '../../node/tools/launch.ts';
import { listenerOf, serverOf } from '../../node/workload/program.ts';
import { sendRequest } from '../../node/workload/request.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import {
  formatIpv4Address,
  LOOPBACK_ADDRESS,
  parseIpv4Address,
  parsePrefix,
} from '../../wire/addresses.ts';
import { sysctlLines } from './sysctl-lines.ts';

const ROUTER = parseIpv4Address('192.168.56.1')!;
const UPLINK_MAC = 0x0200_0000_0000;
const HOSTS_FILE =
  '127.0.0.1\tlocalhost\n192.168.56.101\tnode1\n192.168.56.102\tnode2\n192.168.56.103\tnode3\n';

/** The simulated lab. */
export class HostLab {
  readonly world = new World('host lab');
  readonly hosts: readonly Host[];
  readonly #switch: Namespace;

  constructor(engine = '20.10') {
    this.#switch = new Namespace(this.world, {
      name: 'labsw',
      nodeIndex: 0,
      host: new HostCounters(this.world),
    });
    this.#switch.setUp(this.#switch.loopback, true);
    const bridge = new Bridge('lab', 0x2a73_6f6c_4c68);
    this.#switch.addDevice(bridge);
    this.#switch.addAddress(bridge, { address: ROUTER, prefixLength: 24 });
    this.#switch.setUp(bridge, true);
    this.hosts = [1, 2, 3].map((number) => this.#boot(number, bridge, engine));
    new NameServer(this.#switch, {
      address: ROUTER,
      records: new Map([['example.com', [parseIpv4Address('93.184.216.34')!]]]),
      mood: 'nxdomain',
      delay: { minNs: 100_000, maxNs: 200_000 },
    });
    // the first node had run containers before, so that docker0 has its IPv6 address
    this.docker(1, 'run -d --name before lab/box:1 serve 80');
    this.docker(1, 'rm -f before');
    this.run(60);
  }

  /** Lets time pass, in seconds. */
  run(seconds: number): void {
    const { queue } = this.world;
    queue.runUntil(queue.nowNs + Math.round(seconds * SECOND_NS));
  }

  /** node1 and so on. */
  host(node: number): Host {
    return this.hosts[node - 1]!;
  }

  /** Runs `docker …` on a node and gives its processes a moment. */
  docker(node: number, line: string): CommandResult {
    const result = docker(this.host(node).daemon, line);
    this.run(0.4);
    return result;
  }

  /** A container of a node. */
  container(node: number, name: string): StandaloneContainer {
    const found = this.host(node).daemon.find(name);
    if (found === undefined) throw new Error(`node${node} has no container ${name}`);
    return found;
  }

  /** What `wget -qO-` prints in a container, or on a host; how it ended, if it failed. */
  fetch(node: number, container: string, url: string): string {
    const { hostname, port, pathname } = new URL(url);
    const place = this.#placeOf(node, container);
    let output = 'bad address';
    resolveName(place, hostname, 77, (address) => {
      if (address === undefined) return;
      sendRequest(place.namespace, {
        protocol: 'http',
        address,
        port: port === '' ? 80 : Number(port),
        host: hostname,
        path: pathname,
        requestBytes: 0,
        staysOpen: false,
        timeoutNs: 3 * SECOND_NS,
        source: 0,
        onEnd: (end, server) => {
          output = end === 'ok' ? server : end;
        },
      });
    });
    this.run(15);
    return output;
  }

  /** What a tool prints in a container, or on the host (`host`). */
  tool(node: number, container: string, line: string): string {
    let output = '';
    const host = this.host(node);
    const names = new Map([['localhost', LOOPBACK_ADDRESS]]);
    const place =
      container === 'host'
        ? {
            namespace: host.namespace,
            resolver: host.resolver,
            hosts: names,
            source: 0,
            namespaces: host.namespaces,
            daemon: host.daemon,
          }
        : placeInContainer(this.container(node, container), names);
    const follower = { onOutput: (text: string) => (output += text), onExit: () => {} };
    launch(place, splitWords(line), follower);
    this.run(15);
    return output;
  }

  /** What a name resolves to in a container. */
  resolve(node: number, container: string, name: string): string {
    let answer = 'no answer';
    resolveName(this.#placeOf(node, container), name, 78, (address) => {
      answer = address === undefined ? 'not found' : formatIpv4Address(address);
    });
    this.run(12);
    return answer;
  }

  /** Every dump of a node, by the lab's file names. */
  snapshot(node: number): ReadonlyMap<string, string> {
    const { daemon } = this.host(node);
    const files = new Map<string, string>();
    const print = (file: string, line: string) =>
      files.set(`node${node}/${file}`, docker(daemon, line).stdout);
    print('docker_network_ls.txt', 'network ls --no-trunc');
    print('docker_ps.txt', 'ps -a --no-trunc');
    const networks = docker(daemon, 'network ls -q --no-trunc').stdout.trim();
    print('docker_network_inspect.json', `network inspect ${networks.replaceAll('\n', ' ')}`);
    const containers = docker(daemon, 'ps -a -q --no-trunc').stdout.trim();
    if (containers !== '') {
      print('docker_inspect.json', `inspect ${containers.replaceAll('\n', ' ')}`);
    }
    this.#addNamespace(files, `node${node}/host`, node, this.host(node).namespace);
    for (const container of daemon.list()) {
      const sandbox = container.networkSandbox;
      if (sandbox === undefined) continue;
      const folder = `node${node}/ct_${container.name}`;
      files.set(`${folder}/etc_hosts.txt`, sandbox.hostsText);
      files.set(`${folder}/resolv_conf.txt`, sandbox.resolvConf);
      files.set(`${folder}/hostname.txt`, `${container.hostname}\n`);
      if (container.sandbox === undefined || sandbox.config.isHostNetwork) continue;
      this.#addNamespace(files, folder, node, sandbox.namespace);
    }
    return files;
  }

  #addNamespace(files: Map<string, string>, folder: string, node: number, namespace: Namespace) {
    const namespaceNames = new Map<Namespace, string>([[this.#switch, 'labsw']]);
    if (!folder.endsWith('/host')) {
      namespaceNames.set(this.host(node).namespace, `lab${node}`);
    }
    const add = (file: string, text: string) => files.set(`${folder}/${file}`, text);
    add('ip_addr.txt', addressText(namespace, { namespaceNames }));
    add('ip_route.txt', routeText(namespace));
    add('iptables_save.txt', namespace.tables.save());
    add('bridge_fdb.txt', bridgeFdbText(namespace));
    const options = { tcp: true, udp: true, listening: true };
    add('ss.txt', formatSockets(namespace.sockets, options));
    add('sysctl_diff.txt', sysctlLines(namespace));
  }

  #placeOf(node: number, container: string): StubResolver {
    const host = this.host(node);
    if (container === 'host') {
      return { namespace: host.namespace, search: [], servers: host.resolver.servers };
    }
    const { networkSandbox } = this.container(node, container);
    const { namespace, search, servers, hosts } = networkSandbox!;
    return { namespace, search, servers, hosts };
  }

  #boot(number: number, bridge: Bridge, engine: string): Host {
    const address = parsePrefix(`192.168.56.${100 + number}/24`)!;
    const mac = UPLINK_MAC + address.address;
    const [eth0, port] = createVethPair('eth0', mac, `p${number}`, 0x0200_0000_0100 + number);
    this.#switch.addDevice(port);
    this.#switch.setMaster(port, bridge);
    this.#switch.setUp(port, true);
    const host = new Host({
      world: this.world,
      index: number - 1,
      name: `node${number}`,
      engine: engineVersionOf(engine)!,
      address,
      gateway: ROUTER,
      uplink: eth0,
      identifiers: new Identifiers(this.world.chance, number - 1),
      resolver: { servers: [ROUTER], search: [] },
      hostsFile: HOSTS_FILE,
    });
    host.namespace.devices.namespaceIdOf(this.#switch);
    host.daemon.programOf = ({ command }) => {
      const http = { ...listenerOf(Number(command[1]), 'http'), responseBytes: 0 };
      return { name: 'httpd', spec: serverOf(command[0] === 'serve' ? [http] : []) };
    };
    return host;
  }
}
