/**
 * Maglev hashing (`ip_vs_mh.c`): every destination has a permutation of the table's 4093 places and
 * takes its next free one in turn, as often per round as its weight says; a client's address then
 * names a place. Few clients move when a destination comes or goes.
 *
 * The hash is the kernel's HalfSipHash on 64-bit machines (SipHash-1-3), in big integers: it runs
 * once per new connection and twice per destination and change.
 */
import type { Destination, Service } from '../service.ts';
import { canTake, type NewConnection, type Scheduler, SchedulerFlag } from './scheduler.ts';
import { divisorOf } from './weights.ts';

/** `CONFIG_IP_VS_MH_TAB_INDEX` 12. */
const TABLE_SIZE = 4093;
const TABLE_BITS = 6;
const FIRST_KEY = 2_654_435_761n;
const SECOND_KEY = 2_654_446_892n;
const MASK_64 = (1n << 64n) - 1n;

interface Turn {
  readonly destination: Destination;
  readonly skip: number;
  readonly turns: number;
  place: number;
}

/** The `mh` scheduler. */
export const mh: Scheduler = { name: 'mh', schedule: lookUp, onChange: fill };

/** `ip_vs_mh_get`, and `ip_vs_mh_get_fallback`, which hashes again with other offsets. */
function lookUp(service: Service, connection: NewConnection): Destination | undefined {
  const { buckets, schedulerFlags } = service;
  if (buckets.length === 0) return undefined;
  const port = (schedulerFlags & SchedulerFlag.port) === 0 ? 0 : connection.sourcePort;
  const value = connection.sourceAddress + port;
  const first = hash(value, FIRST_KEY) % TABLE_SIZE;
  const destination = buckets[first]!;
  if (canTake(destination)) return destination;
  if ((schedulerFlags & SchedulerFlag.fallback) === 0 || !buckets.some(canTake)) return undefined;
  for (let step = 0; step < TABLE_SIZE; step++) {
    const offset = (first + step) % TABLE_SIZE;
    const other = buckets[hash(value + offset, FIRST_KEY) % TABLE_SIZE]!;
    if (canTake(other)) return other;
  }
  return undefined;
}

function fill(service: Service): void {
  const divisor = divisorOf(service.destinations, lastWeightOf);
  service.buckets = [];
  if (divisor === 0) return;
  const turns = turnsOf(service.destinations, divisor);
  const table: (Destination | undefined)[] = new Array(TABLE_SIZE).fill(undefined);
  for (let filled = 0; filled < TABLE_SIZE; ) {
    for (const turn of turns) {
      for (let count = 0; count < turn.turns && filled < TABLE_SIZE; count++) {
        while (table[turn.place] !== undefined) turn.place = (turn.place + turn.skip) % TABLE_SIZE;
        table[turn.place] = turn.destination;
        filled++;
      }
    }
  }
  service.buckets = table as Destination[];
}

function turnsOf(destinations: readonly Destination[], divisor: number): Turn[] {
  let maximum = 0;
  for (const { lastWeight } of destinations) maximum = Math.max(maximum, lastWeight);
  const occupiedBits = 32 - Math.clz32(Math.floor(maximum / divisor));
  const shift = Math.max(0, occupiedBits - TABLE_BITS);
  return destinations.map((destination) => {
    const { address, port, lastWeight } = destination;
    const share = Math.floor(lastWeight / divisor) >> shift;
    return {
      destination,
      place: hash(address + port, FIRST_KEY) % TABLE_SIZE,
      skip: (hash(address + port, SECOND_KEY) % (TABLE_SIZE - 1)) + 1,
      turns: share > 0 ? share : lastWeight > 0 ? 1 : 0,
    };
  });
}

const lastWeightOf = (destination: Destination) => destination.lastWeight;

/** `hsiphash` of one 32-bit value with a key whose halves are equal. */
function hash(value: number, key: bigint): number {
  let v0 = 0x736f_6d65_7073_6575n ^ key;
  let v1 = 0x646f_7261_6e64_6f6dn ^ key;
  let v2 = 0x6c79_6765_6e65_7261n ^ key;
  let v3 = 0x7465_6462_7974_6573n ^ key;
  const round = () => {
    v0 = (v0 + v1) & MASK_64;
    v1 = rotate(v1, 13n) ^ v0;
    v0 = rotate(v0, 32n);
    v2 = (v2 + v3) & MASK_64;
    v3 = rotate(v3, 16n) ^ v2;
    v0 = (v0 + v3) & MASK_64;
    v3 = rotate(v3, 21n) ^ v0;
    v2 = (v2 + v1) & MASK_64;
    v1 = rotate(v1, 17n) ^ v2;
    v2 = rotate(v2, 32n);
  };
  const block = (4n << 56n) | BigInt(value >>> 0);
  v3 ^= block;
  round();
  v0 ^= block;
  v2 ^= 0xffn;
  round();
  round();
  round();
  return Number((v0 ^ v1 ^ v2 ^ v3) & 0xffff_ffffn);
}

function rotate(value: bigint, bits: bigint): bigint {
  return ((value << bits) | (value >> (64n - bits))) & MASK_64;
}
