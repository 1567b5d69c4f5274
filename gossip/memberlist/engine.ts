/**
 * What the files of this folder share: the members, the world, the network, the delegate, and the
 * way to send, to wait and to observe. The rules are functions of an {@link Engine} and a member.
 */
import { type DrawKey, draw32, drawBelow, keyOf } from '../../sim/chance.ts';
import { observationKind } from '../../sim/observations.ts';
import type { World } from '../../sim/world.ts';
import type { Delegate } from '../networkdb/carrier.ts';
import { type Member, nodeCountOf } from './member.ts';
import { type SimMessage, sizeOfSim } from './sim-message.ts';
import { type GossipUnderlay, LOST } from './underlay.ts';

/** Observations of membership; node = observer, a = subject, b = incarnation. */
export const MembershipObserved = {
  alive: observationKind('membership.alive'),
  suspect: observationKind('membership.suspect'),
  dead: observationKind('membership.dead'),
  left: observationKind('membership.left'),
  refute: observationKind('membership.refute'),
} as const;

/** Hears of every datagram that is sent, so that a capture can make its bytes. */
export type DatagramTap = (
  from: Member,
  to: Member,
  messages: readonly SimMessage[],
  sizeBytes: number,
  arrivalNs: number,
) => void;

const CRC_BYTES = 5;
const COMPOUND_BYTES = 2;
const PART_BYTES = 2;

/** The shared parts of the engine. */
export class Engine {
  readonly world: World;
  readonly underlay: GossipUnderlay;
  readonly members: Member[] = [];
  /** The member whose process has the host's port 7946 now. */
  readonly atHost = new Map<number, Member>();
  delegate: Delegate | undefined;
  tap: DatagramTap | undefined;
  onPacket!: (member: Member, from: Member, messages: readonly SimMessage[]) => void;
  readonly #key: DrawKey;
  readonly #packets = new Map<number, { from: Member; to: Member; messages: readonly SimMessage[] }>();
  #nextPacket = 1;
  readonly #arrivalKind: number;

  constructor(world: World, underlay: GossipUnderlay) {
    this.world = world;
    this.underlay = underlay;
    this.#key = world.chance.key('gossip.memberlist');
    this.#arrivalKind = world.queue.registerKind((packet) => this.#arrive(packet));
  }

  get nowNs(): number {
    return this.world.queue.nowNs;
  }

  /** A uniform integer below `bound`, the member's next draw. */
  drawBelow(member: Member, bound: number): number {
    return drawBelow(keyOf(this.#key, member.index), bound, member.draws++);
  }

  /** A uniform integer below `bound` at given coordinates, which shift no other draw. */
  drawAt(member: Member, bound: number, a: number, b: number): number {
    return drawBelow(keyOf(this.#key, member.index), bound, a, b, 1);
  }

  /** The underlay's coordinate of the member's next packet or stream. */
  nextDraw(member: Member): number {
    return draw32(keyOf(this.#key, member.index), member.sentCount++, 0, 2);
  }

  /** Runs an action of a member's process at an instant: late when stopped, never when gone. */
  at(member: Member, atNs: number, action: () => void): void {
    this.world.queue.scheduleCallback(atNs, () => this.run(member, action));
  }

  /** Runs an action of a member's process now, or when it goes on. */
  run(member: Member, action: () => void): void {
    if (member.process === 'running') action();
    else if (member.process === 'paused') member.deferred.push(action);
  }

  /** Sends a message with what fits of the broadcasts (`sendMsg`). */
  sendMessage(from: Member, to: Member, message: SimMessage): void {
    const sizeBytes = sizeOfSim(message, this.members);
    const { udpBufferBytes, encryptOverheadBytes } = from.config;
    const room = udpBufferBytes - sizeBytes - COMPOUND_BYTES - encryptOverheadBytes;
    const extra = this.broadcastsFor(from, PART_BYTES, room);
    this.sendPacket(from, to, extra.length === 0 ? [message] : [message, ...extra], 0);
  }

  /** What the member has to broadcast, up to a size (`getBroadcasts`). */
  broadcastsFor(member: Member, overheadBytes: number, limitBytes: number): SimMessage[] {
    const messages: SimMessage[] = [];
    const usedBytes = member.queue.take(overheadBytes, limitBytes, nodeCountOf(member), messages);
    const roomBytes = limitBytes - usedBytes;
    if (this.delegate !== undefined && roomBytes > overheadBytes + 1) {
      for (const message of this.delegate.getBroadcasts(member.index, overheadBytes + 1, roomBytes)) {
        messages.push({ type: 'user', message });
      }
    }
    return messages;
  }

  /** Sends one datagram with these messages. */
  sendPacket(from: Member, to: Member, messages: readonly SimMessage[], crcBytes: number): void {
    const sizeBytes = this.#sizeOf(messages) + crcBytes + from.config.encryptOverheadBytes;
    from.counters.packets++;
    from.counters.bytes += sizeBytes;
    const { nowNs } = this;
    const draw = this.nextDraw(from);
    const arrivalNs = this.underlay.datagramArrivalNs(from.host, to.host, sizeBytes, nowNs, draw);
    this.tap?.(from, to, messages, sizeBytes, arrivalNs);
    if (arrivalNs === LOST) return;
    const packet = this.#nextPacket++;
    this.#packets.set(packet, { from, to, messages });
    this.world.queue.schedule(arrivalNs, this.#arrivalKind, packet);
  }

  /** The CRC that packets to known nodes carry. */
  get crcBytes(): number {
    return CRC_BYTES;
  }

  #sizeOf(messages: readonly SimMessage[]): number {
    if (messages.length === 1) return sizeOfSim(messages[0]!, this.members);
    let bytes = COMPOUND_BYTES;
    for (const message of messages) bytes += PART_BYTES + sizeOfSim(message, this.members);
    return bytes;
  }

  #arrive(packet: number): void {
    const { from, to, messages } = this.#packets.get(packet)!;
    this.#packets.delete(packet);
    const member = this.atHost.get(to.host);
    if (member === undefined) return;
    this.run(member, () => this.onPacket(member, from, messages));
  }
}

