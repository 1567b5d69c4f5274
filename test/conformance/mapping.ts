/**
 * The mapping under which a simulated host and a real one must print the same: what differs from run
 * to run (ids, drawn MAC addresses, interface numbers, counters, ports of the embedded DNS) becomes
 * the name of its role, and everything else is compared letter by letter.
 *
 * Addresses keep their text unless a role is given for them: a real allocator counts on through
 * whatever was made and removed before, so what matters of `10.0.0.9` is that it is `<web.3>`.
 */

/** Texts that stand for something, and its name: addresses, network ids, task names. */
export type Roles = ReadonlyMap<string, string>;

const NO_ROLES: Roles = new Map();

/** Comments, and what iproute2 says to stderr about the lab's own namespaces. */
const NOISE = /^#|^Error: Peer netns reference is invalid/;

const REPLACEMENTS: readonly (readonly [RegExp, string])[] = [
  [/\[\d+:\d+\]/g, '[0:0]'],
  [/\bveth[0-9a-f]{7}\b/g, 'veth'],
  [/@if\d+/g, '@if'],
  [/^\d+: /, ''],
  [/ link-netns(id)? \w+/g, ' link-netnsid'],
  [/127\.0\.0\.11:\d+/g, '127.0.0.11:dns'],
  [/--sport \d+ -j SNAT --to-source :53/, '--sport dns -j SNAT --to-source :53'],
  [/inet6 fe80::[0-9a-f:]+/g, 'inet6 fe80::'],
  [/33:33:ff:..:..:../g, '33:33:ff'],
  // the lab's uplink is one end of a veth in a /24
  [/^eth0(@if)?: (<.*>) mtu (\d+) qdisc \w+ state UP group default qlen 1000$/, 'eth0: $2 mtu $3'],
  [/192\.168\.56\.(\d+)\/2[24]/, '192.168.56.$1'],
  [/ brd ff:ff:ff:ff:ff:ff link-netnsid$/, ' brd ff:ff:ff:ff:ff:ff'],
  [/ {2,}(?=\S)/g, '  '],
];

const MAC = /\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g;

/** MAC addresses that are the same in every run: of an IPv4 address, of a group, all or nothing. */
const FIXED_MAC = /^02:42:(?:0a|ac:1)|^33:33|^01:00:5e|^00:00:00:00:00:00|^ff:ff/;

/** The lines of a dump after the mapping, without empty ones. */
export function mappedLines(text: string, roles: Roles = NO_ROLES): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !NOISE.test(line));
  return lines.map((line) => mapLine(line, roles));
}

/** {@link mappedLines} of something whose order says nothing, such as a table of neighbours. */
export function mappedSet(text: string, roles: Roles = NO_ROLES): string[] {
  return mappedLines(text, roles).sort();
}

/** {@link mappedLines} of a listing whose indented lines belong to the line before; sorted. */
export function mappedBlocks(text: string, roles: Roles = NO_ROLES): string[] {
  const blocks: string[] = [];
  for (const line of mappedLines(text, roles)) {
    if (line.startsWith(' ')) blocks[blocks.length - 1] += `\n${line}`;
    else blocks.push(line);
  }
  return blocks.sort();
}

function mapLine(line: string, roles: Roles): string {
  let mapped = line.trimEnd();
  for (const [pattern, replacement] of REPLACEMENTS) mapped = mapped.replace(pattern, replacement);
  mapped = mapped.replace(MAC, (mac) => roleOfMac(mac, roles));
  for (const [text, role] of roles) {
    mapped = mapped.replace(
      new RegExp(`(?<![\\w.])${text.replaceAll('.', '\\.')}(?![\\w.])`, 'g'),
      role,
    );
  }
  return mapped;
}

/** A MAC address made of an IPv4 address follows its role; a drawn one is any. */
function roleOfMac(mac: string, roles: Roles): string {
  if (!FIXED_MAC.test(mac)) return 'mac';
  const address = mac
    .split(':')
    .slice(2)
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
  const role = mac.startsWith('02:42:') ? roles.get(address) : undefined;
  return role === undefined ? mac : `mac of ${role}`;
}
