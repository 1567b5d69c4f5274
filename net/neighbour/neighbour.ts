/**
 * A neighbour, of ARP or neighbour discovery: the states of a neighbour and what moves it between them.
 *
 * ```
 * NONE ─use─> INCOMPLETE ─reply─> REACHABLE ─30 s─> STALE ─use─> DELAY ─5 s─> PROBE ─reply─> REACHABLE
 *                 └─3 broadcasts, 1 s apart─> FAILED <─3 unicasts, 1 s apart─┘
 * ```
 * REACHABLE ends without an event: whoever looks finds out. INCOMPLETE, DELAY and PROBE have one
 * timer. Mirrors `struct neighbour` and net/core/neighbour.c.
 */
import { type EventHandle, NO_EVENT } from '../../sim/event-queue.ts';
import type { Mac } from '../../wire/addresses.ts';
import type { IpAddress } from '../../wire/ip-address.ts';
import type { Device } from '../device/device.ts';
import type { Packet } from '../packet.ts';

/** `NUD_…`, with Linux' numbers. */
export const NeighbourState = {
  none: 0,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noArp: 0x40,
  permanent: 0x80,
} as const;
/** See {@link NeighbourState}. */
export type NeighbourState = (typeof NeighbourState)[keyof typeof NeighbourState];

/** The states in which the MAC address may be used without asking. */
export const CONNECTED = NeighbourState.reachable | NeighbourState.noArp | NeighbourState.permanent;
/** The states in which there is a MAC address. */
const VALID = CONNECTED | NeighbourState.stale | NeighbourState.delay | NeighbourState.probe;

/** A neighbour on a device; changed by {@link Neighbours} only. */
export class Neighbour {
  readonly device: Device;
  readonly address: IpAddress;
  mac: Mac = 0;
  state: NeighbourState = NeighbourState.none;
  /** When it was last known to answer, in ns. */
  confirmedAtNs = 0;
  /** When state or MAC address last changed, in ns. */
  updatedAtNs = 0;
  /** When a packet last needed it in an unconnected state, in ns. */
  usedAtNs = 0;
  probeCount = 0;
  /** Packets that wait for the MAC address (`arp_queue`), each from its IP header on. */
  waiting: Packet[] = [];
  timer: EventHandle = NO_EVENT;
  /** IPv6: it has said that it is a router (`NTF_ROUTER`). */
  isRouter = false;
  /** False once it was taken out of the cache. */
  isAlive = true;
  /** False for what garbage collection leaves alone and the thresholds do not count. */
  isCounted = true;

  constructor(device: Device, address: IpAddress) {
    this.device = device;
    this.address = address;
  }

  /** True while there is a MAC address. */
  get isValid(): boolean {
    return (this.state & VALID) !== 0;
  }
}
