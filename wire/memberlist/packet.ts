/**
 * Whole UDP packets: messages within compression, checksum, encryption and label, from the inside
 * out (memberlist `net.go` `rawSendMsgPacket`, `ingestPacket`, `handleCommand`).
 *
 * A received packet yields every message that can be read and an account of what cannot, in
 * upstream's words. Layers nest as upstream's recursion lets them, but not without end: nesting,
 * parts and inflated bytes are bounded, so that no packet costs more than its limits.
 */
import { compoundPartsOf, encodeMessages, sizeOfMessages } from './compound.ts';
import {
  compressedSizeOf,
  compressPayload,
  decompressPayload,
  MAX_DECOMPRESSED_BYTES,
} from './compress.ts';
import { addCrc, CRC_HEADER_BYTES, claimedCrcOf, crc32, hasCrcHeader } from './crc.ts';
import { decodeMessage } from './decode.ts';
import {
  decryptPayload,
  encryptedBytesOf,
  encryptionVersionOf,
  encryptPayload,
  type Keyring,
} from './encrypt.ts';
import { addLabel, labelBytesOf, labelOverheadOf, parseLabel } from './label.ts';
import { inflatedBytesMax } from './lzw.ts';
import { isMessageError, MessageType, type PacketMessage } from './message.ts';
import type { GoMsgpack } from './msgpack-reader.ts';

/** Layers within layers that are followed; upstream has no limit and no use for more than three. */
export const NESTING_MAX = 16;

/** Messages and errors that one packet may yield; 65535 bytes that are not compressed hold fewer. */
export const PARTS_MAX = 65_536;

/** Errors of one packet that are described; all are counted. */
export const DESCRIBED_ERRORS_MAX = 32;

/**
 * What decoding one packet allocates at most, in bytes, with upstream's limit of inflated bytes: the
 * output of LZW while it doubles takes three times that limit, text in UTF-16 twice, and messages and
 * errors up to 500 bytes each. Most of it is garbage at once.
 */
export const PACKET_BYTES_MAX = 5 * MAX_DECOMPRESSED_BYTES + 500 * PARTS_MAX;

/** How a packet's messages are framed. */
export interface PacketFraming {
  /** Compress if that makes it smaller (`EnableCompression`). */
  readonly compress: boolean;
  /** Add a checksum: the target is known and speaks protocol 5. */
  readonly crc: boolean;
  /** Encrypt with the primary key; `undefined` or an empty keyring does not. */
  readonly keyring: Keyring | undefined;
  readonly label: string;
  /** 1 pads what it encrypts, later versions do not. */
  readonly protocolVersion: number;
}

/** A packet to encode: 1 to 255 messages; more than one make a compound. */
export interface Packet extends PacketFraming {
  readonly messages: readonly PacketMessage[];
  /** Twelve bytes, drawn anew for each packet; unused without encryption. */
  readonly nonce: Uint8Array;
}

/** The bytes of a packet. */
export function encodePacket(packet: Packet): Uint8Array {
  let bytes = encodeMessages(packet.messages);
  if (packet.compress) {
    const compressed = compressPayload(bytes, 0, bytes.length);
    if (compressed.length < bytes.length) bytes = compressed;
  }
  if (packet.crc) bytes = addCrc(bytes);
  const key = packet.keyring?.primary;
  if (key !== undefined) {
    const version = encryptionVersionOf(packet.protocolVersion);
    bytes = encryptPayload(version, key, bytes, labelBytesOf(packet.label), packet.nonce);
  }
  return addLabel(bytes, packet.label);
}

/** Bytes of a packet, `encodePacket(packet).length`; encodes only where compression needs it. */
export function sizeOfPacket(packet: Omit<Packet, 'nonce'>): number {
  let bytes = sizeOfMessages(packet.messages);
  if (packet.compress) bytes = compressedPacketBytes(encodeMessages(packet.messages));
  return framedBytesOf(bytes, packet);
}

/** Bytes of these after packet compression, which is used only if it makes them fewer. */
function compressedPacketBytes(bytes: Uint8Array): number {
  return Math.min(bytes.length, compressedSizeOf(bytes, 0, bytes.length));
}

/** Bytes of a packet whose messages, compressed or not, take so many. */
function framedBytesOf(innerBytes: number, framing: Omit<PacketFraming, 'compress'>): number {
  let bytes = innerBytes;
  if (framing.crc) bytes += CRC_HEADER_BYTES;
  if (framing.keyring?.primary !== undefined) {
    bytes = encryptedBytesOf(encryptionVersionOf(framing.protocolVersion), bytes);
  }
  return bytes + labelOverheadOf(framing.label);
}

/** What goes wrong with a packet; the classes that a receiver counts. */
export type PacketErrorKind =
  | 'label'
  | 'decrypt'
  | 'checksum'
  | 'empty'
  | 'compound'
  | 'truncated'
  | 'decompress'
  | 'unsupported'
  | 'malformed'
  | 'limit';

/** Something in a packet that is not a message, and upstream's log line about it. */
export interface PacketError {
  readonly kind: PacketErrorKind;
  readonly log: string;
}

/** How a member receives. */
export interface PacketReceiver {
  readonly keyring: Keyring | undefined;
  readonly label: string;
  /** What arrives has no label any more, and counts as having this one (`SkipInboundLabelCheck`). */
  readonly skipInboundLabelCheck?: boolean;
  /** Refuse what no key decrypts (`GossipVerifyIncoming`); otherwise it is taken as plaintext. */
  readonly verifyIncoming: boolean;
  /** The most that all compressed layers of one packet may inflate to. */
  readonly inflatedBytesMax: number;
  /** Which go-msgpack reads; 0.5 unless told. */
  readonly codec?: GoMsgpack;
}

/** A Docker node without encryption. */
export const PLAIN_RECEIVER: PacketReceiver = {
  keyring: undefined,
  label: '',
  verifyIncoming: true,
  inflatedBytesMax: MAX_DECOMPRESSED_BYTES,
};

/** What a packet holds. */
export interface DecodedPacket {
  /** In the order of the packet. */
  readonly messages: PacketMessage[];
  /** The first {@link DESCRIBED_ERRORS_MAX} of them. */
  readonly errors: PacketError[];
  readonly errorCount: number;
}

/** The messages of a packet; `from` is the sender as `address:port`, for log lines. */
export function decodePacket(
  bytes: Uint8Array,
  receiver: PacketReceiver,
  from?: string,
): DecodedPacket {
  const intake = new Intake(receiver, `from=${from ?? '<unknown address>'}`);
  const header = parseLabel(bytes, 0, bytes.length);
  if (typeof header === 'string') {
    intake.fail('label', `[ERR] memberlist: ${header} ${intake.from}`);
  } else if (receiver.skipInboundLabelCheck === true && header.label !== '') {
    const text = `unexpected double packet label header: ${intake.from}`;
    intake.fail('label', `[ERR] memberlist: ${text}`);
  } else if (receiver.skipInboundLabelCheck !== true && header.label !== receiver.label) {
    const label = JSON.stringify(header.label);
    const text = `discarding packet with unacceptable label ${label}: ${intake.from}`;
    intake.fail('label', `[ERR] memberlist: ${text}`);
  } else {
    takeUnlabelled(intake, receiver, bytes.subarray(header.nextAt));
  }
  return intake;
}

function takeUnlabelled(intake: Intake, receiver: PacketReceiver, bytes: Uint8Array): void {
  let plain = bytes;
  const keys = receiver.keyring?.keys ?? [];
  if (keys.length > 0) {
    const label = labelBytesOf(receiver.label);
    const decrypted = decryptPayload(keys, bytes, 0, bytes.length, label);
    if (typeof decrypted !== 'string') {
      plain = decrypted;
    } else if (receiver.verifyIncoming) {
      const text = `Decrypt packet failed: ${decrypted} ${intake.from}`;
      intake.fail('decrypt', `[ERR] memberlist: ${text}`);
      return;
    }
  }
  if (!hasCrcHeader(plain, 0, plain.length)) {
    intake.take(plain, 0, plain.length, 0);
    return;
  }
  const crc = crc32(plain, CRC_HEADER_BYTES, plain.length);
  const claimed = claimedCrcOf(plain, 0);
  if (crc === claimed) {
    intake.take(plain, CRC_HEADER_BYTES, plain.length, 0);
  } else {
    const text = `${crc.toString(16)}, ${claimed.toString(16)}`;
    intake.fail('checksum', `[WARN] memberlist: Got invalid checksum for UDP packet: ${text}`);
  }
}

/** What upstream calls the messages in "Failed to decode … ". */
const NAMES: Readonly<Record<number, string>> = {
  [MessageType.ping]: 'ping request',
  [MessageType.indirectPing]: 'indirect ping request',
  [MessageType.ack]: 'ack response',
  [MessageType.nack]: 'nack response',
  [MessageType.suspect]: 'suspect message',
  [MessageType.alive]: 'alive message',
  [MessageType.dead]: 'dead message',
};

/** The messages and errors of one packet, and how much more of it may be taken. */
class Intake implements DecodedPacket {
  readonly messages: PacketMessage[] = [];
  readonly errors: PacketError[] = [];
  errorCount = 0;
  readonly from: string;
  #inflatableBytes: number;
  readonly #codec: GoMsgpack | undefined;

  constructor({ inflatedBytesMax, codec }: PacketReceiver, from: string) {
    this.#inflatableBytes = inflatedBytesMax;
    this.#codec = codec;
    this.from = from;
  }

  fail(kind: PacketErrorKind, log: string): void {
    this.errorCount++;
    if (this.errors.length < DESCRIBED_ERRORS_MAX) this.errors.push({ kind, log });
  }

  /** One message or layer (`handleCommand`). */
  take(bytes: Uint8Array, start: number, end: number, depth: number): void {
    if (end <= start) {
      this.fail('empty', `[ERR] memberlist: missing message type byte ${this.from}`);
      return;
    }
    const messageType = bytes[start]!;
    if (messageType === MessageType.compound) {
      this.#takeCompound(bytes, start + 1, end, depth);
    } else if (messageType === MessageType.compress) {
      this.#takeCompressed(bytes, start + 1, end, depth);
    } else {
      this.#takeMessage(bytes, start, end);
    }
  }

  #takeMessage(bytes: Uint8Array, start: number, end: number): void {
    const message = decodeMessage(bytes, start, end, this.#codec);
    if (!isMessageError(message) && message.type !== MessageType.err) {
      this.messages.push(message);
      return;
    }
    const messageType = bytes[start]!;
    const name = NAMES[messageType];
    if (name === undefined) {
      const text = `msg type (${messageType}) not supported ${this.from}`;
      this.fail('unsupported', `[ERR] memberlist: ${text}`);
    } else if (isMessageError(message)) {
      const text = `Failed to decode ${name}: ${message.text} ${this.from}`;
      this.fail('malformed', `[ERR] memberlist: ${text}`);
    }
  }

  #takeCompound(bytes: Uint8Array, start: number, end: number, depth: number): void {
    const parts = compoundPartsOf(bytes, start, end);
    if (typeof parts === 'string') {
      const text = `Failed to decode compound request: ${parts} ${this.from}`;
      this.fail('compound', `[ERR] memberlist: ${text}`);
      return;
    }
    const { offsets, truncatedCount } = parts;
    if (truncatedCount > 0) {
      const text = `Compound request had ${truncatedCount} truncated messages ${this.from}`;
      this.fail('truncated', `[WARN] memberlist: ${text}`);
    }
    if (!this.#mayDescend(depth)) return;
    for (let i = 1; i < offsets.length; i++) {
      if (this.messages.length + this.errorCount >= PARTS_MAX) {
        this.fail('limit', `[ERR] memberlist: too many messages in a packet ${this.from}`);
        return;
      }
      this.take(bytes, offsets[i - 1]!, offsets[i]!, depth + 1);
    }
  }

  #takeCompressed(bytes: Uint8Array, start: number, end: number, depth: number): void {
    if (!this.#mayDescend(depth)) return;
    const inflated = decompressPayload(bytes, start, end, this.#inflatableBytes, this.#codec);
    if (typeof inflated === 'string') {
      // a packet of many bombs costs the limit once
      this.#inflatableBytes -= Math.min(this.#inflatableBytes, inflatedBytesMax(end - start));
      const text = `Failed to decompress payload: ${inflated} ${this.from}`;
      this.fail('decompress', `[ERR] memberlist: ${text}`);
      return;
    }
    this.#inflatableBytes -= inflated.length;
    this.take(inflated, 0, inflated.length, depth + 1);
  }

  #mayDescend(depth: number): boolean {
    if (depth < NESTING_MAX) return true;
    this.fail('limit', `[ERR] memberlist: messages are nested too deeply ${this.from}`);
    return false;
  }
}
