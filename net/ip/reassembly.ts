/**
 * Putting fragments together: at local delivery, and before PREROUTING where conntrack runs.
 *
 * Which fragments belong to one packet, and what their whole looks like, is the version's
 * {@link FragmentFormat}. A fragment that overlaps another spoils the whole (as Linux has it since
 * 2018); an exact repetition is ignored. What is not whole after 30 s (IPv6: 60 s) is dropped, and its
 * sender is told if the first fragment was there.
 * Mirrors net/ipv4/ip_fragment.c, net/ipv6/reassembly.c and inet_fragment.c.
 */
import { NO_EVENT } from '../../sim/event-queue.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';
import type { Fragment, FragmentFormat } from './fragment-format.ts';

/** What waits at most, in bytes of payload (`ipfrag_high_thresh`). */
const WAITING_BYTES_MAX = 4_194_304;

/** The longest packet that a length field can tell, in bytes. */
const PACKET_BYTES_MAX = 65_535;

interface Piece extends Fragment {
  readonly lengthBytes: number;
}

interface Assembly {
  readonly key: string;
  readonly device: Device;
  /** By ascending offset, without overlaps. */
  readonly pieces: Piece[];
  /** Payload of the whole, once the last fragment is here. */
  totalBytes: number | undefined;
  haveBytes: number;
  largestBytes: number;
  timer: number;
}

/** The unfinished packets of one namespace. */
export class Reassembly {
  readonly #namespace: Namespace;
  readonly #format: FragmentFormat;
  readonly #assemblies = new Map<string, Assembly>();
  #waitingBytes = 0;
  /** Fragments that came, packets that were put together, and those whose time ran out. */
  fragments = 0;
  reassembled = 0;
  expired = 0;

  constructor(namespace: Namespace, format: FragmentFormat) {
    this.#namespace = namespace;
    this.#format = format;
  }

  /** How many packets are unfinished. */
  get count(): number {
    return this.#assemblies.size;
  }

  /**
   * Takes a fragment. True when it completed its packet: `packet` is the whole one now, and
   * `fragmentBytesMax` tells the largest piece. False when it was kept or dropped.
   */
  add(packet: Packet, device: Device): boolean {
    this.fragments++;
    const { bytes, start, end } = packet;
    const format = this.#format;
    const headerBytes = format.headerBytesOf(bytes, start);
    const lengthBytes = end - start - headerBytes;
    const offset = format.offsetBytesOf(bytes, start);
    const isLast = !format.hasMore(bytes, start);
    const isOdd = !isLast && (lengthBytes & 7) !== 0;
    if (lengthBytes <= 0 || isOdd || headerBytes + offset + lengthBytes > PACKET_BYTES_MAX) {
      this.#namespace.drop(packet, device.name, 'malformed fragment');
      return false;
    }
    const assembly = this.#assemblyOf(packet, device);
    const fault = this.#place(assembly, { packet, offset, lengthBytes }, isLast);
    if (fault === 'repeated') {
      this.#namespace.drop(packet, device.name, 'fragment is a repetition');
      return false;
    }
    if (fault === 'overlapping') {
      this.#namespace.drop(packet, device.name, 'fragment overlaps another');
      this.#abandon(assembly, 'fragment overlaps another');
      return false;
    }
    if (assembly.haveBytes !== assembly.totalBytes) {
      if (this.#waitingBytes > WAITING_BYTES_MAX) this.#abandonOldest();
      return false;
    }
    this.#finish(assembly, packet);
    return true;
  }

  #assemblyOf(packet: Packet, device: Device): Assembly {
    const key = this.#format.keyOf(packet.bytes, packet.start);
    let assembly = this.#assemblies.get(key);
    if (assembly !== undefined) return assembly;
    assembly = {
      key,
      device,
      pieces: [],
      totalBytes: undefined,
      haveBytes: 0,
      largestBytes: 0,
      timer: NO_EVENT,
    };
    const created = assembly;
    const { queue } = this.#namespace.world;
    const spanNs = this.#namespace.sysctls.number(this.#format.timeoutName) * SECOND_NS;
    created.timer = queue.scheduleCallback(queue.nowNs + spanNs, () => this.#expire(created));
    this.#assemblies.set(key, created);
    return created;
  }

  /** Puts a piece in its place; a word when it does not fit. */
  #place(
    assembly: Assembly,
    piece: Piece,
    isLast: boolean,
  ): 'repeated' | 'overlapping' | undefined {
    const { pieces } = assembly;
    const end = piece.offset + piece.lengthBytes;
    let place = pieces.length;
    while (place > 0 && pieces[place - 1]!.offset > piece.offset) place--;
    const before = pieces[place - 1];
    const after = pieces[place];
    if (before !== undefined && before.offset + before.lengthBytes > piece.offset) {
      const isWithin = end <= before.offset + before.lengthBytes;
      return isWithin ? 'repeated' : 'overlapping';
    }
    if (after !== undefined && end > after.offset) return 'overlapping';
    const { totalBytes } = assembly;
    const farthest = pieces.at(-1);
    if (isLast) {
      if (totalBytes !== undefined && totalBytes !== end) return 'overlapping';
      if (farthest !== undefined && farthest.offset + farthest.lengthBytes > end) {
        return 'overlapping';
      }
      assembly.totalBytes = end;
    } else if (totalBytes !== undefined && end > totalBytes) return 'overlapping';
    pieces.splice(place, 0, piece);
    assembly.haveBytes += piece.lengthBytes;
    this.#waitingBytes += piece.lengthBytes;
    assembly.largestBytes = Math.max(assembly.largestBytes, piece.packet.lengthBytes);
    return undefined;
  }

  /** Makes `packet`, which came last, the whole one, behind the first fragment's header. */
  #finish(assembly: Assembly, packet: Packet): void {
    this.#forget(assembly);
    this.reassembled++;
    this.#format.join(packet, assembly.pieces, assembly.totalBytes!);
    packet.fragmentBytesMax = assembly.largestBytes;
  }

  #forget(assembly: Assembly): void {
    this.#namespace.world.queue.cancel(assembly.timer);
    this.#assemblies.delete(assembly.key);
    this.#waitingBytes -= assembly.haveBytes;
  }

  #abandon(assembly: Assembly, reason: string): void {
    this.#forget(assembly);
    for (const { packet } of assembly.pieces) {
      this.#namespace.drop(packet, assembly.device.name, reason);
    }
  }

  #abandonOldest(): void {
    for (const assembly of this.#assemblies.values()) {
      this.#abandon(assembly, 'too many fragments wait');
      return;
    }
  }

  #expire(assembly: Assembly): void {
    const first = assembly.pieces[0];
    this.expired++;
    this.#abandon(assembly, 'fragments are missing');
    if (first === undefined || first.offset !== 0) return;
    this.#format.reportExpiry(this.#namespace, first.packet);
  }
}
