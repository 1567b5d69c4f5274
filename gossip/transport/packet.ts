/**
 * Packets on their way out: filling and sending (memberlist `net.go` `sendMsg`, `getBroadcasts`,
 * `rawSendMsgPacket`).
 *
 * A packet is a list of parts and a size: that of its content, compressed if that makes it smaller,
 * with checksum, encryption and label.
 */
import { draw32 } from '../../sim/chance.ts';
import { formatIp } from '../../wire/ip-address.ts';
import { COMPOUND_PARTS_MAX } from '../../wire/memberlist/compound.ts';
import {
  encryptedBytesOf,
  encryptionVersionOf,
  encryptOverheadOf,
} from '../../wire/memberlist/encrypt.ts';
import { labelOverheadOf } from '../../wire/memberlist/label.ts';
import {
  COMPOUND_HEADER_OVERHEAD,
  COMPOUND_OVERHEAD,
  CRC_OVERHEAD,
  type SwimConfig,
  USER_MSG_OVERHEAD,
} from '../constants.ts';
import type { UserMessage } from '../delegate.ts';
import { retransmitLimit } from '../formulas.ts';
import { MemberState } from '../members/entries.ts';
import { Reason } from '../members/unrest.ts';
import { type Control, makeUser, type Part, type Rumor } from '../message.ts';
import { emptied } from '../scratch.ts';
import type { State } from '../state.ts';
import { LOST } from '../underlay.ts';
import { packetContentBytes } from './compression.ts';
import { isRedundant } from './redundant.ts';

/** The protocol from which on packets have a checksum. */
const CRC_PROTOCOL = 5;

/** What a packet is for: with its number it makes the packet's coordinate of chance. */
export const PacketPurpose = {
  ping: 1,
  ack: 2,
  indirectPing: 3,
  relayedAck: 4,
  nack: 5,
  gossip: 6,
  user: 7,
  stream: 8,
} as const;
/** See {@link PacketPurpose}. */
export type PacketPurpose = (typeof PacketPurpose)[keyof typeof PacketPurpose];

/** The packet's coordinate of chance; `number` is unique per sender and purpose. */
export function packetDraw(
  state: State,
  from: number,
  purpose: PacketPurpose,
  number: number,
): number {
  return draw32(purpose, from, number, state.members.generationOf(from));
}

/** What a packet or stream has in front: nothing, or the label with its type byte and length. */
export function labelOverhead(config: SwimConfig): number {
  return labelOverheadOf(config.label);
}

/** What is set aside for encryption when a packet is filled, by a member with a keyring. */
function encryptOverhead(config: SwimConfig): number {
  return encryptOverheadOf(encryptionVersionOf(config.protocolVersion));
}

/** So many bytes after encryption, if the member encrypts. */
export function encryptedBytes(config: SwimConfig, bytes: number): number {
  if (!config.hasKeyring || !config.gossipVerifyOutgoing) return bytes;
  return encryptedBytesOf(encryptionVersionOf(config.protocolVersion), bytes);
}

/** What a packet of gossip has room for: broadcasts, each with its overhead. */
export function gossipRoom(config: SwimConfig): number {
  const encryptBytes = config.hasKeyring ? encryptOverhead(config) : 0;
  const frameBytes = COMPOUND_HEADER_OVERHEAD + labelOverhead(config) + encryptBytes;
  return config.udpBufferBytes - frameBytes;
}

/** The same beside probe traffic of `controlBytes`, which is encrypted if that is verified. */
export function roomBesides(config: SwimConfig, controlBytes: number): number {
  const isEncrypted = config.hasKeyring && config.gossipVerifyOutgoing;
  const encryptBytes = isEncrypted ? encryptOverhead(config) : 0;
  const frameBytes = controlBytes + COMPOUND_HEADER_OVERHEAD + labelOverhead(config);
  return config.udpBufferBytes - frameBytes - encryptBytes;
}

/** Makes a packet of probe traffic and fills it with broadcasts (`sendMsg`). */
export function fillControl(state: State, from: number, control: Control, parts: Part[]): void {
  emptied(parts).push(control);
  takeBroadcasts(state, from, roomBesides(state.configOf(from), control.sizeBytes), parts);
}

/** Sends probe traffic with broadcasts. */
export function sendControl(
  state: State,
  from: number,
  to: number,
  control: Control,
  purpose: PacketPurpose,
  number: number,
): void {
  const { parts } = state;
  fillControl(state, from, control, parts);
  // the target's version is looked up by its address, nearly always in vain
  const hasCrc = state.members.hasAddressNames && hasCrcByAddress(state, from, to);
  sendParts(state, from, to, parts, hasCrc, purpose, number);
}

/** Whether the sender knows a member that is called like the target's address, and its protocol. */
function hasCrcByAddress(state: State, from: number, to: number): boolean {
  const { members, views } = state;
  const { address } = members.fact(members.currentFactOf(to));
  const namesake = members.indexOf(formatIp(address));
  if (namesake === undefined) return false;
  return views.stateOf(from, namesake) !== MemberState.unknown && hasCrcFor(state, from, namesake);
}

/**
 * Appends broadcasts for one packet, the member's own and then the delegate's, that fit into
 * `limitBytes` (`getBroadcasts`).
 */
export function takeBroadcasts(
  state: State,
  member: number,
  limitBytes: number,
  parts: Part[],
): void {
  const { broadcasts, delegate } = state;
  let usedBytes = 0;
  if (broadcasts.has(member)) {
    const { retransmitMult } = state.configOf(member);
    const limit = retransmitLimit(retransmitMult, state.views.knownCountOf(member));
    usedBytes = broadcasts.take(member, COMPOUND_OVERHEAD, limitBytes, limit, parts as Rumor[]);
  }
  if (delegate === undefined || !state.unrest.has(member, Reason.delegate)) return;
  const overheadBytes = COMPOUND_OVERHEAD + USER_MSG_OVERHEAD;
  const freeBytes = limitBytes - usedBytes;
  if (freeBytes <= overheadBytes) return;
  const messages = delegate.getBroadcasts(member, overheadBytes, freeBytes);
  for (const message of messages) parts.push(makeUser(message));
  if (messages.length === 0 && usedBytes === 0) {
    state.unrest.clear(member, Reason.delegate);
  }
}

/**
 * Sends a packet of these parts; they are copied when they fly. More than a compound can count are
 * several packets, the last of them a compound even of one (`makeCompoundMessages`); the oldest
 * memberlist cuts the count instead, so that nobody can read the packet.
 */
export function sendParts(
  state: State,
  from: number,
  to: number,
  parts: readonly Part[],
  hasCrc: boolean,
  purpose: PacketPurpose,
  number: number,
): void {
  if (parts.length <= COMPOUND_PARTS_MAX) {
    const sizeBytes = framedBytes(state, from, parts, parts.length > 1, hasCrc);
    state.counters.addPacket(from, sizeBytes);
    if (isRedundant(state, from, to, parts)) return;
    const draw = packetDraw(state, from, purpose, number);
    transmit(state, from, to, parts, hasCrc, sizeBytes, draw);
    return;
  }
  const isSplit = state.configOf(from).memberlist.splitsCompounds;
  const stepCount = isSplit ? COMPOUND_PARTS_MAX : parts.length;
  for (let first = 0; first < parts.length; first += stepCount) {
    const some = parts.slice(first, first + stepCount);
    const sizeBytes = framedBytes(state, from, some, true, hasCrc);
    state.counters.addPacket(from, sizeBytes);
    const draw = packetDraw(state, from, purpose, number) + first;
    transmit(state, from, to, isSplit ? some : [], hasCrc, sizeBytes, draw);
  }
}

/** One packet with one message of the delegate (`SendBestEffort`). */
export function sendUser(
  state: State,
  from: number,
  to: number,
  message: UserMessage,
  number: number,
): void {
  const hasCrc = hasCrcFor(state, from, to);
  sendParts(state, from, to, [makeUser(message)], hasCrc, PacketPurpose.user, number);
}

/** Whether packets to a known member have a checksum. */
export function hasCrcFor(state: State, from: number, to: number): boolean {
  return protocolMaxOf(state, from, to) >= CRC_PROTOCOL;
}

/** The newest protocol that the observer knows the subject to understand (`PMax`). */
export function protocolMaxOf(state: State, observer: number, subject: number): number {
  const { members, views } = state;
  const fact = members.hasMixedVersions ? views.factOf(observer, subject) : 0;
  return members.protocolMaxOf(fact);
}

/** Size of a packet of these parts. */
export function framedBytes(
  state: State,
  from: number,
  parts: readonly Part[],
  isCompound: boolean,
  hasCrc: boolean,
): number {
  let bytes = 0;
  if (isCompound) bytes += COMPOUND_HEADER_OVERHEAD + COMPOUND_OVERHEAD * parts.length;
  for (const part of parts) bytes += part.sizeBytes;
  bytes = packetContentBytes(state, from, parts, bytes);
  return framedBytesOf(state, from, hasCrc ? bytes + CRC_OVERHEAD : bytes);
}

/** Size of a packet whose content takes so many bytes: with encryption and label. */
export function framedBytesOf(state: State, from: number, bytes: number): number {
  return framedBytesIn(state.configOf(from), bytes);
}

/** {@link framedBytesOf} with a configuration. */
export function framedBytesIn(config: SwimConfig, bytes: number): number {
  return encryptedBytes(config, bytes) + labelOverhead(config);
}

/** Sends one packet, which is counted already. */
export function transmit(
  state: State,
  from: number,
  to: number,
  parts: readonly Part[],
  hasCrc: boolean,
  sizeBytes: number,
  draw: number,
): void {
  const nowNs = state.nowNs;
  const arrivalNs = state.underlay.datagramArrivalNs(from, to, sizeBytes, nowNs, draw);
  state.onDatagram?.(from, to, parts.slice(), hasCrc, nowNs, arrivalNs);
  if (arrivalNs === LOST) return;
  launch(state, from, to, parts, sizeBytes, arrivalNs);
}

/** Lets a packet arrive; the parts are copied. */
export function launch(
  state: State,
  from: number,
  to: number,
  parts: readonly Part[],
  sizeBytes: number,
  arrivalNs: number,
): void {
  const slot = state.flights.add(from, to, parts, sizeBytes);
  state.world.queue.schedule(arrivalNs, state.kinds.arrival, slot);
}
