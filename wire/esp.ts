/**
 * Encapsulating Security Payload (RFC 4303) with AES-GCM (RFC 4106), as Linux' esp4 writes it: SPI,
 * sequence number, 8 bytes of IV, ciphertext, integrity value.
 *
 * The plaintext is padded to a multiple of 4 with 1, 2, 3, … and ends in the padding's length and the
 * protocol of what was encrypted. SPI and sequence number are authenticated and not encrypted. The
 * nonce is the association's salt of 4 bytes and the IV.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { readU32, writeU32 } from './bytes.ts';

/** SPI and sequence number. */
const ESP_HEADER_BYTES = 8;
const IV_BYTES = 8;
/** Length of the integrity value that Docker asks for (`ICV length: 64`). */
const ICV_BYTES = 8;
const ALIGNMENT_BYTES = 4;
const TRAILER_BYTES = 2;
const ALGORITHM = 'aes-128-gcm';

/** A key for one direction. */
export interface EspKey {
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** The first 4 bytes of each nonce. */
  readonly salt: number;
}

/** What came out of an ESP payload. */
export interface EspContent {
  readonly payload: Uint8Array;
  /** The IP protocol of the payload. */
  readonly protocol: number;
}

/** Length of an ESP payload around `payloadBytes`. */
export function espBytesOf(payloadBytes: number): number {
  const padded = Math.ceil((payloadBytes + TRAILER_BYTES) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  return ESP_HEADER_BYTES + IV_BYTES + padded + ICV_BYTES;
}

/** The SPI of an ESP payload; undefined when it is cut short. */
export function espSpiOf(bytes: Uint8Array, at: number, end: number): number | undefined {
  return end - at < espBytesOf(0) ? undefined : readU32(bytes, at);
}

/**
 * Encrypts `plain` as an ESP payload. `ivHigh` and `ivLow` are the IV's halves, which must differ
 * from packet to packet.
 */
export function sealEsp(
  { key, salt }: EspKey,
  spi: number,
  sequence: number,
  ivHigh: number,
  ivLow: number,
  plain: Uint8Array,
  protocol: number,
): Uint8Array {
  const sealed = new Uint8Array(espBytesOf(plain.length));
  writeU32(sealed, 0, spi);
  writeU32(sealed, 4, sequence);
  writeU32(sealed, 8, ivHigh);
  writeU32(sealed, 12, ivLow);
  const textAt = ESP_HEADER_BYTES + IV_BYTES;
  const textBytes = sealed.length - textAt - ICV_BYTES;
  const text = new Uint8Array(textBytes);
  text.set(plain);
  const paddingBytes = textBytes - plain.length - TRAILER_BYTES;
  for (let i = 0; i < paddingBytes; i++) text[plain.length + i] = i + 1;
  text[textBytes - 2] = paddingBytes;
  text[textBytes - 1] = protocol;
  const options = { authTagLength: ICV_BYTES };
  const cipher = createCipheriv(ALGORITHM, key, nonceOf(salt, sealed), options);
  cipher.setAAD(sealed.subarray(0, ESP_HEADER_BYTES));
  sealed.set(cipher.update(text), textAt);
  cipher.final();
  sealed.set(cipher.getAuthTag(), textAt + textBytes);
  return sealed;
}

/** Decrypts the ESP payload that fills `sealed`; undefined when key or bytes are wrong. */
export function openEsp({ key, salt }: EspKey, sealed: Uint8Array): EspContent | undefined {
  const textAt = ESP_HEADER_BYTES + IV_BYTES;
  const textBytes = sealed.length - textAt - ICV_BYTES;
  if (textBytes < ALIGNMENT_BYTES || textBytes % ALIGNMENT_BYTES !== 0) return undefined;
  const options = { authTagLength: ICV_BYTES };
  const decipher = createDecipheriv(ALGORITHM, key, nonceOf(salt, sealed), options);
  decipher.setAAD(sealed.subarray(0, ESP_HEADER_BYTES));
  decipher.setAuthTag(sealed.subarray(textAt + textBytes));
  const text = decipher.update(sealed.subarray(textAt, textAt + textBytes));
  try {
    decipher.final();
  } catch {
    return undefined; // the value does not fit: Node has no other way to say so
  }
  const payloadBytes = textBytes - TRAILER_BYTES - text[textBytes - 2]!;
  if (payloadBytes < 0) return undefined;
  return { payload: text.subarray(0, payloadBytes), protocol: text[textBytes - 1]! };
}

function nonceOf(salt: number, sealed: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(4 + IV_BYTES);
  writeU32(nonce, 0, salt);
  nonce.set(sealed.subarray(ESP_HEADER_BYTES, ESP_HEADER_BYTES + IV_BYTES), 4);
  return nonce;
}
