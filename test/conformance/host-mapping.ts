/**
 * The mapping under which one host of the lab and the simulated one must print the same. Ids become
 * the names of what they belong to, read from the snapshot's own inspect files; drawn MAC addresses
 * and veth names the places of their devices; interface numbers their ranks; process ids, instants
 * and spans nothing. Everything else is compared letter by letter.
 */

/** A snapshot of one node: dumps by file, without the node's folder. */
export type Snapshot = ReadonlyMap<string, string>;

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly NetworkSettings?: {
    readonly SandboxID: string;
    readonly Networks: Readonly<Record<string, { readonly EndpointID: string }>>;
  };
  readonly Containers?: Readonly<
    Record<string, { readonly Name: string; readonly EndpointID: string }>
  >;
}

/** Dumps of sockets, of which the kernel's order says nothing. */
const UNORDERED = /\/(ss|sysctl_diff|bridge_fdb)\.txt$/;

/** What is nowhere compared: the lab's own noise. */
const NOISE = [
  /^# (Generated|Completed).*\n/gm,
  /^Error: Peer netns reference is invalid\.\n/gm,
  /^net\.ipv6\.conf\.\S+\.mtu = .*\n/gm,
  /\t# (fresh netns|default in this ns) = .*$/gm,
];

/**
 * The lab's nodes are namespaces themselves: what is new in one copies the settings of the machine's
 * first namespace, where forwarding was off, and not those of its node.
 */
const INHERITED = /^net\.ipv4\.(conf\.\w+\.(forwarding|accept_redirects)|ip_forward) = .*\n/gm;

/** What becomes nothing, or one word, wherever it is. */
const REPLACEMENTS: readonly (readonly [RegExp, string])[] = [
  [/\[\d+:\d+\]/g, '[0:0]'],
  [/\/var\/run\/docker/g, '/run/docker'],
  [/127\.0\.0\.11:\d+/g, '127.0.0.11:<dns>'],
  [/--sport \d+ -j SNAT --to-source :53/g, '--sport <dns> -j SNAT --to-source :53'],
  [/33:33:ff:..:..:../g, '33:33:ff'],
  [/pid=\d+,fd=\d+/g, 'pid=<pid>,fd=<fd>'],
  [/"Pid": [1-9]\d*/g, '"Pid": <pid>'],
  [/"(?:19|20)\d\d-\d\d-\d\dT[\d:.]+Z"/g, '"<instant>"'],
  [/(Less than a second|1 second|\d+ seconds|About a minute|\d+ minutes)( ago)?/g, '<span>$2'],
  [/inet6 fe80::[0-9a-f:]+\/64 scope link (tentative )?/g, 'inet6 <link-local> scope link '],
];

/** Maps every dump of a snapshot. */
export function mapSnapshot(snapshot: Snapshot): Map<string, string> {
  const names = namesOf(snapshot);
  const ranks = ranksOf(snapshot);
  const mapped = new Map<string, string>();
  for (const [file, text] of snapshot) mapped.set(file, mapDump(file, text, names, ranks));
  return mapped;
}

function mapDump(
  file: string,
  dump: string,
  names: readonly (readonly [string, string])[],
  ranks: ReadonlyMap<string, number>,
): string {
  let text = dump;
  for (const noise of NOISE) text = text.replace(noise, '');
  if (file.endsWith('bridge_fdb.txt')) text = text.replace(/^.*(?<!permanent)\n/gm, '');
  if (file.startsWith('ct_')) text = text.replace(INHERITED, '');
  for (const [id, name] of names) text = text.replaceAll(id, name);
  text = text.replace(/[0-9a-f]{64}/g, '<made up>');
  for (const [pattern, replacement] of REPLACEMENTS) text = text.replace(pattern, replacement);
  text = text.replace(/@if(\d+)/g, (_, index) => `@#${ranks.get(index) ?? index}`);
  text = text.replace(/^(\d+): /gm, (_, index) => `#${ranks.get(index) ?? index}: `);
  if (file.endsWith('network_inspect.json')) text = withSortedContainers(text);
  if (/docker_ps|\/ss/.test(file)) text = text.replace(/ {2,}/g, '  ').replace(/ +$/gm, '');
  if (UNORDERED.test(`/${file}`)) text = `${text.trimEnd().split('\n').sort().join('\n')}\n`;
  return text;
}

/** Texts that stand for something, the longest first. */
function namesOf(snapshot: Snapshot): (readonly [string, string])[] {
  const names: (readonly [string, string])[] = [];
  const add = (id: string, name: string) => {
    if (id === '') return;
    names.push([id, `<${name}>`], [id.slice(0, 12), `<${name}:12>`]);
  };
  for (const network of inspected(snapshot, 'docker_network_inspect.json')) {
    add(network.Id, `network ${network.Name}`);
    for (const { Name, EndpointID } of Object.values(network.Containers ?? {})) {
      add(EndpointID, `endpoint of ${Name} on ${network.Name}`);
    }
  }
  for (const container of inspected(snapshot, 'docker_inspect.json')) {
    add(container.Id, `container ${container.Name}`);
    add(container.NetworkSettings?.SandboxID ?? '', `sandbox of ${container.Name}`);
  }
  const addresses = snapshot.get('host/ip_addr.txt') ?? '';
  const devices = addresses.matchAll(/^\d+: (\S+?)(?:@\S+)?: .*\n +link\/ether (\S+)/gm);
  let ports = 0;
  for (const [, name = '', mac = ''] of devices) {
    const place = name.startsWith('veth') ? `veth ${++ports}` : name;
    if (place !== name) names.push([name, `<${place}>`]);
    if (place !== 'eth0') names.push([mac, `<mac of ${place}>`]);
  }
  return names.sort(([a], [b]) => b.length - a.length);
}

/** The rank of each interface number among all of the node. */
function ranksOf(snapshot: Snapshot): Map<string, number> {
  const numbers = new Set<number>();
  for (const [file, text] of snapshot) {
    if (!file.endsWith('ip_addr.txt')) continue;
    for (const [, number] of text.matchAll(/^(\d+): /gm)) numbers.add(Number(number));
  }
  const sorted = [...numbers].sort((a, b) => a - b);
  return new Map(sorted.map((number, rank) => [String(number), rank + 1]));
}

function inspected(snapshot: Snapshot, file: string): readonly Inspected[] {
  return JSON.parse(snapshot.get(file) ?? '[]');
}

/** `Containers` are in the order of ids, which are drawn; here in that of their names. */
function withSortedContainers(text: string): string {
  return text.replace(/"Containers": \{\n(.*?)\n {8}\}/gs, (_, body: string) => {
    const entries = body.split(/,\n(?= {12}")/).sort();
    return `"Containers": {\n${entries.join(',\n')}\n        }`;
  });
}
