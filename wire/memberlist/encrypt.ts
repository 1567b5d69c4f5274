/**
 * Encryption and the keyring (memberlist `security.go`, `keyring.go`): a version byte, a nonce of
 * twelve bytes, AES-GCM ciphertext and a tag of sixteen.
 *
 * Version 0 pads the plaintext to whole blocks (PKCS #7), version 1 does not. The nonce is an
 * argument because chance is drawn elsewhere. Whoever receives tries all keys.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

/** Length of a nonce. */
export const NONCE_BYTES = 12;

const BLOCK_BYTES = 16;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES;

/** How the plaintext is padded: 0 to whole blocks, 1 not. */
export type EncryptionVersion = 0 | 1;

/** What a sender of this protocol version writes (`encryptionVersion`). */
export function encryptionVersionOf(protocolVersion: number): EncryptionVersion {
  return protocolVersion === 1 ? 0 : 1;
}

/** What is set aside for encryption when a packet is filled (`encryptOverhead`). */
export function encryptOverheadOf(version: EncryptionVersion): number {
  return version === 0 ? 45 : 29;
}

/** Bytes of an encrypted plaintext of so many bytes (`encryptedLength`). */
export function encryptedBytesOf(version: EncryptionVersion, plainBytes: number): number {
  const padding = version === 0 ? BLOCK_BYTES - (plainBytes % BLOCK_BYTES) : 0;
  return HEADER_BYTES + plainBytes + padding + TAG_BYTES;
}

/** The keys of a member; the first encrypts, all decrypt. */
export class Keyring {
  #keys: Uint8Array[] = [];

  /** Upstream's error text, or the keyring: the primary key first, then the others in order. */
  static of(keys: readonly Uint8Array[], primary: Uint8Array): Keyring | string {
    const keyring = new Keyring();
    if (keys.length === 0 && primary.length === 0) return keyring;
    if (primary.length === 0) return 'Empty primary key not allowed';
    for (const key of [primary, ...keys]) {
      const error = keyring.add(key);
      if (error !== undefined) return error;
    }
    return keyring;
  }

  /** The keys, primary first; none means that nothing is encrypted. */
  get keys(): readonly Uint8Array[] {
    return this.#keys;
  }

  /** The key that encrypts. */
  get primary(): Uint8Array | undefined {
    return this.#keys[0];
  }

  /** Appends a key, unless it is there; returns an error text for a key of the wrong size. */
  add(key: Uint8Array): string | undefined {
    if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
      return 'key size must be 16, 24 or 32 bytes';
    }
    if (!this.#keys.some((other) => isSameKey(other, key))) this.#keys.push(key.slice());
    return undefined;
  }

  /** Makes a key primary; returns an error text for a key that is not there. */
  use(key: Uint8Array): string | undefined {
    const found = this.#keys.find((other) => isSameKey(other, key));
    if (found === undefined) return 'Requested key is not in the keyring';
    this.#keys = [found, ...this.#keys.filter((other) => other !== found)];
    return undefined;
  }

  /** Removes a key, if it is there; returns an error text for the primary one. */
  remove(key: Uint8Array): string | undefined {
    if (this.primary !== undefined && isSameKey(this.primary, key)) {
      return 'Removing the primary key is not allowed';
    }
    this.#keys = this.#keys.filter((other) => !isSameKey(other, key));
    return undefined;
  }
}

/** Encrypts with a valid key; `nonce` has {@link NONCE_BYTES}. */
export function encryptPayload(
  version: EncryptionVersion,
  key: Uint8Array,
  plain: Uint8Array,
  additionalData: Uint8Array,
  nonce: Uint8Array,
): Uint8Array {
  const bytes = new Uint8Array(encryptedBytesOf(version, plain.length));
  bytes[0] = version;
  bytes.set(nonce, 1);
  const cipher = createCipheriv(gcmOf(key), key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData);
  const ciphertext = cipher.update(version === 0 ? padded(plain) : plain);
  cipher.final();
  bytes.set(ciphertext, HEADER_BYTES);
  bytes.set(cipher.getAuthTag(), HEADER_BYTES + ciphertext.length);
  return bytes;
}

/** Decrypts a range of bytes with whichever key fits; a text is upstream's error. */
export function decryptPayload(
  keys: readonly Uint8Array[],
  bytes: Uint8Array,
  start: number,
  end: number,
  additionalData: Uint8Array,
): Uint8Array | string {
  if (end <= start) return 'Cannot decrypt empty payload';
  const version = bytes[start]!;
  if (version !== 0 && version !== 1) return `Unsupported encryption version ${version}`;
  if (end - start < encryptedBytesOf(version, 0)) {
    return `Payload is too small to decrypt: ${end - start}`;
  }
  for (const key of keys) {
    const plain = decryptWith(key, bytes.subarray(start, end), additionalData);
    if (plain !== undefined) return version === 0 ? unpadded(plain) : plain;
  }
  return 'No installed keys could decrypt the message';
}

function decryptWith(
  key: Uint8Array,
  bytes: Uint8Array,
  additionalData: Uint8Array,
): Uint8Array | undefined {
  const tagAt = bytes.length - TAG_BYTES;
  const nonce = bytes.subarray(1, HEADER_BYTES);
  const decipher = createDecipheriv(gcmOf(key), key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData);
  decipher.setAuthTag(bytes.subarray(tagAt));
  const plain = decipher.update(bytes.subarray(HEADER_BYTES, tagAt));
  try {
    decipher.final();
  } catch {
    return undefined; // the tag does not fit: Node has no other way to say so
  }
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
}

function gcmOf(key: Uint8Array): 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' {
  if (key.length === 16) return 'aes-128-gcm';
  return key.length === 24 ? 'aes-192-gcm' : 'aes-256-gcm';
}

function padded(plain: Uint8Array): Uint8Array {
  const paddingBytes = BLOCK_BYTES - (plain.length % BLOCK_BYTES);
  const bytes = new Uint8Array(plain.length + paddingBytes).fill(paddingBytes);
  bytes.set(plain);
  return bytes;
}

/** As upstream, the padding is not checked; a count beyond the plaintext leaves nothing of it. */
function unpadded(plain: Uint8Array): Uint8Array {
  const paddingBytes = plain[plain.length - 1]!;
  return plain.subarray(0, Math.max(0, plain.length - paddingBytes));
}

function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
