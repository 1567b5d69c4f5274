/**
 * Which address and port a binding gets (`get_unique_tuple` and what it calls in nf_nat_core.c).
 *
 * The search order is Linux': the tuple as it is, the mapping that this source already has, then
 * the range's address with the port kept, then a search from a random offset. The offset is a keyed
 * draw, so one flow's port depends on its tuple and the seed and not on who came before.
 */
import { type DrawKey, draw32, hashText } from '../../sim/chance.ts';
import {
  compareIps,
  type IpAddress,
  ipToInteger,
  ipv6OfInteger,
  isIpv6Address,
} from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { type Connection, ConnectionStatus } from './connection.ts';
import type { ConnectionTracker } from './tracker.ts';
import {
  copyTuple,
  emptyTuple,
  hashTuple,
  invertTuple,
  isIcmpProtocol,
  type TupleFields,
} from './tuple.ts';

/** What a NAT target allows (`struct nf_nat_range2`). */
export interface NatRange {
  /** The address must be in [addressMin, addressMax]. */
  mapsAddress: boolean;
  addressMin: number;
  addressMax: number;
  /** The port (or ICMP identifier) must be in [portMin, portMax]. */
  mapsPort: boolean;
  portMin: number;
  portMax: number;
  /** Where `portMin` is counted from when a range of ports is shifted (`--to :80-90/8000`). */
  portBase: number | undefined;
  /** `--random`. */
  isRandom: boolean;
  /** `--random-fully`. */
  isFullyRandom: boolean;
  /** `--persistent`: the address depends on the source alone. */
  isPersistent: boolean;
}

/** A range that maps to one address; the owner sets the addresses. */
export function nullRange(): NatRange {
  return {
    mapsAddress: true,
    addressMin: 0,
    addressMax: 0,
    mapsPort: false,
    portMin: 0,
    portMax: 0,
    portBase: undefined,
    isRandom: false,
    isFullyRandom: false,
    isPersistent: false,
  };
}

const ATTEMPTS_MAX = 128;
const ATTEMPTS_MIN = 16;
const inverse = emptyTuple();
const drawKeys = new WeakMap<ConnectionTracker, DrawKey>();

function drawKeyOf(tracker: ConnectionTracker): DrawKey {
  let key = drawKeys.get(tracker);
  if (key === undefined) {
    const { world, name } = tracker.namespace;
    key = (world.chance.key('nat.port') ^ hashText(name)) >>> 0;
    drawKeys.set(tracker, key);
  }
  return key;
}

/** True when a packet of another connection would look like the answer to `tuple`. */
function isUsed(tracker: ConnectionTracker, tuple: TupleFields, connection: Connection): boolean {
  invertTuple(inverse, tuple);
  return tracker.isTaken(inverse, connection);
}

function isPortInRange(tuple: TupleFields, range: NatRange, isSource: boolean): boolean {
  const port =
    isIcmpProtocol(tuple.protocol) || isSource ? tuple.sourcePort : tuple.destinationPort;
  return port >= range.portMin && port <= range.portMax;
}

/** IPv4 addresses are their values; IPv6 ones are compared by theirs only where a range is a range. */
function isAddressBetween(address: IpAddress, min: IpAddress, max: IpAddress): boolean {
  if (min === max) return address === min;
  return compareIps(address, min) >= 0 && compareIps(address, max) <= 0;
}

function isSourceInRange(tuple: TupleFields, range: NatRange): boolean {
  if (range.mapsAddress) {
    if (!isAddressBetween(tuple.source, range.addressMin, range.addressMax)) return false;
  }
  return !range.mapsPort || isPortInRange(tuple, range, true);
}

/** Writes to `to` the tuple that `from` becomes under `range`. */
export function selectUniqueTuple(
  tracker: ConnectionTracker,
  to: TupleFields,
  from: TupleFields,
  range: NatRange,
  connection: Connection,
  isSource: boolean,
): void {
  const anyRandom = range.isRandom || range.isFullyRandom;
  copyTuple(to, from);
  if (isSource && !anyRandom) {
    if (isSourceInRange(from, range)) {
      if (!isUsed(tracker, from, connection)) return;
    } else if (findMappingOfSource(tracker, from, to, range, connection)) {
      if (!isUsed(tracker, to, connection)) return;
    }
    copyTuple(to, from);
  }
  chooseAddress(to, range, isSource);
  if (!anyRandom) {
    if (range.mapsPort) {
      if (
        range.portBase === undefined &&
        isPortInRange(to, range, isSource) &&
        (range.portMin === range.portMax || !isUsed(tracker, to, connection))
      ) {
        return;
      }
    } else if (!isUsed(tracker, to, connection)) {
      return;
    }
  }
  searchPort(tracker, to, range, connection, isSource);
}

/** `find_appropriate_src`: the same source keeps the mapping that it has towards others. */
function findMappingOfSource(
  tracker: ConnectionTracker,
  from: TupleFields,
  to: TupleFields,
  range: NatRange,
  connection: Connection,
): boolean {
  const { original } = connection;
  let other = tracker.table.bucketOfSource(original);
  for (; other !== undefined; other = other.nextBySource) {
    const candidate = other.original;
    if (
      candidate.source !== from.source ||
      candidate.sourcePort !== from.sourcePort ||
      candidate.protocol !== from.protocol ||
      (other.status & ConnectionStatus.dying) !== 0
    ) {
      continue;
    }
    invertTuple(to, other.reply);
    to.destination = from.destination;
    to.destinationPort = from.destinationPort;
    if (isSourceInRange(to, range)) return true;
  }
  return false;
}

/** `find_best_ips_proto`: one address, or a hash of source and destination over the range. */
function chooseAddress(to: TupleFields, range: NatRange, isSource: boolean): void {
  if (!range.mapsAddress) return;
  let address = range.addressMin;
  if (range.addressMin !== range.addressMax) {
    const hash = hashAddresses(to.source, range.isPersistent ? 0 : to.destination);
    address = addressAt(range, hash / 0x1_0000_0000);
  }
  if (isSource) to.source = address;
  else to.destination = address;
}

/** The address at a part in [0, 1) of a range. */
function addressAt({ addressMin, addressMax }: NatRange, part: number): IpAddress {
  if (!isIpv6Address(addressMin)) {
    return (addressMin + Math.floor(part * (addressMax - addressMin + 1))) >>> 0;
  }
  const first = ipToInteger(addressMin);
  const distance = ipToInteger(addressMax) - first + 1n;
  return ipv6OfInteger(first + ((BigInt(Math.floor(part * 0x1_0000_0000)) * distance) >> 32n));
}

/** `nf_nat_l4proto_unique_tuple`; leaves the last try in `to` when all are taken. */
function searchPort(
  tracker: ConnectionTracker,
  to: TupleFields,
  range: NatRange,
  connection: Connection,
  isSource: boolean,
): void {
  const { protocol } = to;
  const isIcmp = isIcmpProtocol(protocol);
  const hasPorts =
    protocol === IpProtocol.tcp || protocol === IpProtocol.udp || protocol === IpProtocol.sctp;
  if (!isIcmp && !hasPorts) return;
  const changesSource = isIcmp || isSource;
  const port = changesSource ? to.sourcePort : to.destinationPort;
  let min = range.portMin;
  let size = range.portMax - range.portMin + 1;
  if (!range.mapsPort) {
    if (isIcmp) {
      min = 0;
      size = 65_536;
    } else if (!isSource) {
      return;
    } else if (port < 512) {
      min = 1;
      size = 511;
    } else if (port < 1024) {
      min = 600;
      size = 424;
    } else {
      min = 1024;
      size = 64_512;
    }
  }
  const key = drawKeyOf(tracker);
  const flow = hashTuple(connection.original) >>> 0;
  let round = 0;
  let offset = 0;
  if (range.portBase !== undefined) offset = (port - range.portBase) & 0xffff;
  else if (isSource || range.isRandom || range.isFullyRandom) {
    offset = draw32(key, flow, round) & 0xffff;
  }
  let attempts = Math.min(size, ATTEMPTS_MAX);
  for (;;) {
    for (let i = 0; i < attempts; i++, offset++) {
      const candidate = min + (offset % size);
      if (changesSource) to.sourcePort = candidate;
      else to.destinationPort = candidate;
      if (!isUsed(tracker, to, connection)) return;
    }
    if (attempts >= size || attempts < ATTEMPTS_MIN) return;
    attempts = Math.floor(attempts / 2);
    offset = draw32(key, flow, ++round) & 0xffff;
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** The bytes of an address as a little-endian machine reads the word. */
function swapBytes(address: number): number {
  return (
    ((address & 0xff) << 24) |
    ((address & 0xff00) << 8) |
    ((address >>> 8) & 0xff00) |
    (address >>> 24)
  );
}

/** `jhash2` over the four words of the source, seeded with the destination; unsigned. */
function hashAddresses(source: number, destination: number): number {
  const initial = (0xdeadbeef + (4 << 2) + swapBytes(destination)) | 0;
  let a = (initial + swapBytes(source)) | 0;
  let b = initial;
  let c = initial;
  a = (a - c) ^ rotate(c, 4);
  c = (c + b) | 0;
  b = (b - a) ^ rotate(a, 6);
  a = (a + c) | 0;
  c = (c - b) ^ rotate(b, 8);
  b = (b + a) | 0;
  a = (a - c) ^ rotate(c, 16);
  c = (c + b) | 0;
  b = (b - a) ^ rotate(a, 19);
  a = (a + c) | 0;
  c = (c - b) ^ rotate(b, 4);
  b = (b + a) | 0;
  c = (c ^ b) - rotate(b, 14);
  a = (a ^ c) - rotate(c, 11);
  b = (b ^ a) - rotate(a, 25);
  c = (c ^ b) - rotate(b, 16);
  a = (a ^ c) - rotate(c, 4);
  b = (b ^ a) - rotate(a, 14);
  c = (c ^ b) - rotate(b, 24);
  return c >>> 0;
}
