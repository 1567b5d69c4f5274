/** The keyring's rules and upstream's texts; both versions; every tampering is noticed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  decryptPayload,
  encryptedBytesOf,
  encryptOverheadOf,
  encryptPayload,
  Keyring,
  NONCE_BYTES,
} from './encrypt.ts';

const a = new Uint8Array(16).fill(1);
const b = new Uint8Array(24).fill(2);
const c = new Uint8Array(32).fill(3);
const nonce = new Uint8Array(NONCE_BYTES).fill(9);
const data = Uint8Array.of(1, 2, 3);

test('a keyring is primary first, then in order, each key once', () => {
  const keyring = Keyring.of([a, b, c, b], b) as Keyring;
  expect(keyring.keys).toEqual([b, a, c]);
  expect(keyring.use(c)).toBeUndefined();
  expect(keyring.keys).toEqual([c, b, a]);
  expect(keyring.add(a)).toBeUndefined();
  expect(keyring.remove(b)).toBeUndefined();
  expect(keyring.remove(b)).toBeUndefined();
  expect(keyring.keys).toEqual([c, a]);
  expect(keyring.primary).toEqual(c);
});

test('what a keyring refuses', () => {
  const keyring = Keyring.of([], a) as Keyring;
  expect(keyring.use(b)).toBe('Requested key is not in the keyring');
  expect(keyring.remove(a)).toBe('Removing the primary key is not allowed');
  expect(keyring.add(new Uint8Array(20))).toBe('key size must be 16, 24 or 32 bytes');
  expect(Keyring.of([a], new Uint8Array(0))).toBe('Empty primary key not allowed');
  expect(Keyring.of([a], new Uint8Array(1))).toBe('key size must be 16, 24 or 32 bytes');
  expect((Keyring.of([], new Uint8Array(0)) as Keyring).keys).toEqual([]);
});

test('any plaintext survives with any key and version, in the foreseen size', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 50 }),
      fc.constantFrom(a, b, c),
      fc.constantFrom(0 as const, 1 as const),
      (plain, key, version) => {
        const bytes = encryptPayload(version, key, plain, data, nonce);
        expect(bytes.length).toBe(encryptedBytesOf(version, plain.length));
        const overhead = encryptOverheadOf(version);
        expect(bytes.length - plain.length).toBeLessThanOrEqual(overhead);
        expect(decryptPayload([c, b, a], bytes, 0, bytes.length, data)).toEqual(plain);
      },
    ),
    { seed: 1, numRuns: 100 },
  );
});

test('every changed bit is noticed, and so is other additional data', () => {
  const failure = 'No installed keys could decrypt the message';
  const bytes = encryptPayload(1, a, Uint8Array.of(1, 2, 3, 4), data, nonce);
  for (let at = 1; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at]! ^= 1 << (at % 8);
    expect(decryptPayload([a], changed, 0, changed.length, data)).toBe(failure);
  }
  expect(decryptPayload([a], bytes, 0, bytes.length, Uint8Array.of(1))).toBe(failure);
  expect(decryptPayload([b, c], bytes, 0, bytes.length, data)).toBe(failure);
});

test.each([
  [Uint8Array.of(), 'Cannot decrypt empty payload'],
  [Uint8Array.of(2), 'Unsupported encryption version 2'],
  [new Uint8Array(28).fill(1, 0, 1), 'Payload is too small to decrypt: 28'],
  [new Uint8Array(44), 'Payload is too small to decrypt: 44'],
  [new Uint8Array(45), 'No installed keys could decrypt the message'],
])('%j is not decrypted', (bytes, text) => {
  expect(decryptPayload([a], bytes, 0, bytes.length, data)).toBe(text);
});

test('padding that claims more than there is leaves nothing', () => {
  // version 1 writes a block without padding, which version 0 takes for padding
  const bytes = encryptPayload(1, a, new Uint8Array(16).fill(200), data, nonce);
  bytes[0] = 0;
  expect(decryptPayload([a], bytes, 0, bytes.length, data)).toEqual(new Uint8Array(0));
});
