/**
 * `arp` of net-tools 2.10: the ARP cache. Mirrors arp.c.
 */
import type { Namespace } from '../../../net/namespace.ts';
import { type Neighbour, NeighbourState } from '../../../net/neighbour/neighbour.ts';
import {
  formatIpv4Address,
  formatMac,
  parseIpv4Address,
  parseMac,
} from '../../../wire/addresses.ts';
import type { IpAddress } from '../../../wire/ip-address.ts';
import { addressOfName } from '../names.ts';
import { type Options, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

const USAGE = `Usage:
  arp [-vn]  [<HW>] [-i <if>] [-a] [<hostname>]             <-Display ARP cache
  arp [-v]          [-i <if>] -d  <host> [pub]               <-Delete ARP entry
  arp [-vnD] [<HW>] [-i <if>] -f  [<filename>]            <-Add entry from file
  arp [-v]   [<HW>] [-i <if>] -s  <host> <hwaddr> [temp]            <-Add entry
  arp [-v]   [<HW>] [-i <if>] -Ds <host> <if> [netmask <nm>] pub          <-''-

        -a                       display (all) hosts in alternative (BSD) style
        -e                       display (all) hosts in default (Linux) style
        -s, --set                set a new ARP entry
        -d, --delete             delete a specified entry
        -v, --verbose            be verbose
        -n, --numeric            don't resolve names
        -i, --device             specify network interface (e.g. eth0)
        -D, --use-device         read <hwaddr> from given device
        -A, -p, --protocol       specify protocol family
        -f, --file               read new entries from file or from /etc/ethers

  <HW>=Use '-H <hw>' to specify hardware address type. Default: ether
  List of possible hardware types (which support ARP):
    ash (Ash) ether (Ethernet) ax25 (AMPR AX.25)${' '}
    netrom (AMPR NET/ROM) rose (AMPR ROSE) arcnet (ARCnet)${' '}
    dlci (Frame Relay DLCI) fddi (Fiber Distributed Data Interface) hippi (HIPPI)${' '}
    irda (IrLAP) x25 (generic X.25) eui64 (Generic EUI-64)${' '}
`;

const USAGE_STATUS = 3;
const REFUSED = 255;
const HEAD = 'Address                  HWtype  HWaddress           Flags Mask            Iface\n';

/** `arp [-n] [-a|-e] [-i DEVICE] [HOST]`, `arp -s HOST MAC`, `arp -d HOST`. */
export function arp(process: Process, argv: readonly string[]): void {
  const options = parseOptions('arp', argv, 'vnaesdi:H:DA:p:f');
  if (typeof options === 'string') {
    process.fail(USAGE_STATUS, `${options}\n${USAGE}`);
    return;
  }
  const [host, mac] = options.operands;
  if (host === undefined) {
    list(process, options, undefined);
    return;
  }
  addressOfName(process, host, (address) => {
    if (address === undefined) process.fail(REFUSED, `${host}: Host name lookup failure\n`);
    else if (options.has('s')) set(process, address, mac ?? '');
    else if (options.has('d')) remove(process, host, address);
    else list(process, options, address, host);
  });
}

function entriesOf(
  namespace: Namespace,
  options: Options,
  address: IpAddress | undefined,
): Neighbour[] {
  const device = options.value('i');
  return namespace.neighbours
    .list()
    .filter(({ state }) => state !== NeighbourState.noArp && state !== NeighbourState.none)
    .filter((entry) => device === undefined || entry.device.name === device)
    .filter((entry) => address === undefined || entry.address === address);
}

function list(process: Process, options: Options, address: IpAddress | undefined, host = ''): void {
  const entries = entriesOf(process.place.namespace, options, address);
  const isBsd = options.has('a');
  if (entries.length === 0 && (isBsd || options.has('i'))) {
    if (address !== undefined || options.has('i')) {
      process.print('arp: in 0 entries no match found.\n');
    }
  } else if (entries.length === 0 && address !== undefined) {
    process.print(`${host} (${formatIpv4Address(address)}) -- no entry\n`);
  }
  const lines = entries.map(isBsd ? bsdLine : linuxLine);
  process.print(`${isBsd || entries.length === 0 ? '' : HEAD}${lines.join('')}`);
  if (options.has('v'))
    process.print(`Entries: ${entries.length}\tSkipped: 0\tFound: ${entries.length}\n`);
  process.exit(0);
}

function linuxLine({ address, device, mac, state, isValid }: Neighbour): string {
  const hardware = isValid
    ? `${'ether'.padEnd(8)}${formatMac(mac).padEnd(20)}`
    : `${' '.repeat(8)}${'(incomplete)'.padEnd(20)}`;
  const flags = isValid ? (state === NeighbourState.permanent ? 'CM' : 'C') : '';
  return `${formatIpv4Address(address).padEnd(23)}  ${hardware}${flags.padEnd(6)}${' '.repeat(15)} ${device.name}\n`;
}

function bsdLine({ address, device, mac, state, isValid }: Neighbour): string {
  const hardware = isValid ? `${formatMac(mac)} [ether]` : '<incomplete>';
  const permanent = state === NeighbourState.permanent ? ' PERM' : '';
  return `? (${formatIpv4Address(address)}) at ${hardware}${permanent} on ${device.name}\n`;
}

function set(process: Process, address: IpAddress, macText: string): void {
  const { namespace } = process.place;
  const mac = parseMac(macText);
  if (mac === undefined) {
    process.fail(
      REFUSED,
      macText === '' ? 'arp: need hardware address\n' : 'arp: invalid hardware address\n',
    );
    return;
  }
  const found = namespace.routeLookup({ destination: address });
  if (found === undefined || found.gateway !== undefined) {
    process.fail(REFUSED, 'SIOCSARP: Network is unreachable\n');
    return;
  }
  namespace.neighbours.setPermanent(found.device, address, mac);
  process.exit(0);
}

function remove(process: Process, host: string, address: IpAddress): void {
  const { namespace } = process.place;
  const entry = namespace.neighbours.list().find((one) => one.address === address);
  if (entry !== undefined) {
    namespace.neighbours.remove(entry.device, address);
    process.exit(0);
  } else if (
    namespace.routeLookup({ destination: parseIpv4Address(host) ?? address }) === undefined
  ) {
    process.fail(REFUSED, 'SIOCDARP(dontpub): Network is unreachable\n');
  } else process.fail(REFUSED, `No ARP entry for ${host}\n`);
}
