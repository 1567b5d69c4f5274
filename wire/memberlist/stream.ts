/**
 * What one side writes on a TCP connection: one message within compression, encryption and label
 * (memberlist `net.go` `rawSendMsgStream`, `encryptLocalState`), and the limits of what is read.
 *
 * Unlike packets, streams are compressed even if that makes them larger, carry no checksum, mark
 * encryption with a type byte and a length, and only the side that dialled sends the label, though
 * both authenticate it. stream-reader.ts reads them.
 */
import { writeU32 } from '../bytes.ts';
import { compressedSizeOf, compressPayload, MAX_DECOMPRESSED_BYTES } from './compress.ts';
import { encodeStreamMessage } from './encode.ts';
import { encryptedBytesOf, encryptionVersionOf, encryptPayload, type Keyring } from './encrypt.ts';
import { addLabel, labelBytesOf, labelOverheadOf } from './label.ts';
import { MessageType, type StreamMessage, sizeOfStreamMessage } from './message.ts';

/** What precedes the ciphertext: type byte and length. */
export const ENCRYPTED_HEADER_BYTES = 5;

/** The most that is read from a stream; beyond, it is an error. */
export interface StreamLimits {
  /** The user state of a push/pull, and the ciphertext of any stream. */
  readonly maxPushStateBytes: number;
  /** Nodes in a push/pull; upstream checks since 0.6.0. */
  readonly maxPushStateNodes: number;
  /** A user message; upstream checks since 0.6.0. */
  readonly maxUserMsgBytes: number;
  /** What a compressed stream inflates to, and what is buffered of one that is not complete. */
  readonly maxDecompressedBytes: number;
}

/** Upstream's limits. */
export const STREAM_LIMITS: StreamLimits = {
  maxPushStateBytes: 20 * 1024 * 1024,
  maxPushStateNodes: 1024 * 1024,
  maxUserMsgBytes: 20 * 1024 * 1024,
  maxDecompressedBytes: MAX_DECOMPRESSED_BYTES,
};

/** How a stream's message is framed. */
export interface StreamFraming {
  /** `EnableCompression`. */
  readonly compress: boolean;
  /** Encrypt with the primary key; `undefined` or an empty keyring does not. */
  readonly keyring: Keyring | undefined;
  readonly label: string;
  /** True for the side that accepted the connection, which authenticates the label unsent. */
  readonly isReply: boolean;
  /** 1 pads what it encrypts, later versions do not. */
  readonly protocolVersion: number;
}

/** A stream to encode. */
export interface Stream extends StreamFraming {
  readonly message: StreamMessage;
  /** Twelve bytes, drawn anew for each stream; unused without encryption. */
  readonly nonce: Uint8Array;
}

/** All bytes that one side writes. */
export function encodeStream(stream: Stream): Uint8Array {
  let bytes = encodeStreamMessage(stream.message);
  if (stream.compress) bytes = compressPayload(bytes, 0, bytes.length);
  const key = stream.keyring?.primary;
  if (key !== undefined) bytes = encryptStream(stream, key, bytes);
  return stream.isReply ? bytes : addLabel(bytes, stream.label);
}

/** Bytes of a stream, `encodeStream(stream).length`; encodes only where compression needs it. */
export function sizeOfStream(stream: Omit<Stream, 'nonce'>): number {
  let bytes = sizeOfStreamMessage(stream.message);
  if (stream.compress) {
    const encoded = encodeStreamMessage(stream.message);
    bytes = compressedSizeOf(encoded, 0, encoded.length);
  }
  return framedStreamBytesOf(bytes, stream);
}

/** Bytes of a stream whose message, compressed or not, takes so many. */
function framedStreamBytesOf(innerBytes: number, framing: Omit<StreamFraming, 'compress'>): number {
  let bytes = innerBytes;
  if (framing.keyring?.primary !== undefined) {
    const version = encryptionVersionOf(framing.protocolVersion);
    bytes = ENCRYPTED_HEADER_BYTES + encryptedBytesOf(version, bytes);
  }
  return framing.isReply ? bytes : bytes + labelOverheadOf(framing.label);
}

/** What is authenticated beside the ciphertext: its header and the label. */
export function streamAdditionalDataOf(header: Uint8Array, label: string): Uint8Array {
  const labelBytes = labelBytesOf(label);
  const data = new Uint8Array(ENCRYPTED_HEADER_BYTES + labelBytes.length);
  data.set(header);
  data.set(labelBytes, ENCRYPTED_HEADER_BYTES);
  return data;
}

function encryptStream(stream: Stream, key: Uint8Array, plain: Uint8Array): Uint8Array {
  const version = encryptionVersionOf(stream.protocolVersion);
  const ciphertextBytes = encryptedBytesOf(version, plain.length);
  const bytes = new Uint8Array(ENCRYPTED_HEADER_BYTES + ciphertextBytes);
  bytes[0] = MessageType.encrypt;
  writeU32(bytes, 1, ciphertextBytes);
  const header = bytes.subarray(0, ENCRYPTED_HEADER_BYTES);
  const data = streamAdditionalDataOf(header, stream.label);
  bytes.set(encryptPayload(version, key, plain, data, stream.nonce), ENCRYPTED_HEADER_BYTES);
  return bytes;
}
