/**
 * The state cookie: all that a listener needs to know of an association that is not there yet, in the
 * hands of its peer (RFC 9260, 5.1.3). It is signed, so that only what this host wrote is believed.
 */
import { type DrawKey, draw32 } from '../../../sim/chance.ts';
import { readU32, writeU32 } from '../../../wire/bytes.ts';
import { type IpAddress, isIpv6Address, readIpv6, writeIpv6 } from '../../../wire/ip-address.ts';
import type { InitFields } from '../../../wire/sctp.ts';

/** Length of a cookie; Linux rounds its own, which holds the peer's INIT, up to about as much. */
const COOKIE_BYTES = 256;
const SIGNATURE_AT = COOKIE_BYTES - 4;
/** An IPv4 address, or 0 and the IPv6 one elsewhere. */
const IPV4_AT = 48;
const IPV6_AT = 56;

/** What a cookie says. */
export interface Cookie {
  readonly createdAtNs: number;
  /** What INIT ACK said. */
  readonly local: InitFields;
  /** What INIT said. */
  readonly remote: InitFields;
  readonly remoteAddress: IpAddress;
  /** Source port of the INIT, and destination port, in one number. */
  readonly ports: number;
}

/** The bytes of a cookie. */
export function encodeCookie(cookie: Cookie, key: DrawKey): Uint8Array {
  const bytes = new Uint8Array(COOKIE_BYTES);
  writeU32(bytes, 0, Math.floor(cookie.createdAtNs / 0x1_0000_0000));
  writeU32(bytes, 4, cookie.createdAtNs % 0x1_0000_0000);
  writeFields(bytes, 8, cookie.local);
  writeFields(bytes, 28, cookie.remote);
  if (isIpv6Address(cookie.remoteAddress)) writeIpv6(bytes, IPV6_AT, cookie.remoteAddress);
  else writeU32(bytes, IPV4_AT, cookie.remoteAddress);
  writeU32(bytes, 52, cookie.ports);
  writeU32(bytes, SIGNATURE_AT, signatureOf(bytes, key));
  return bytes;
}

/** What the cookie at `at` says; undefined when nobody here signed it. */
export function decodeCookie(bytes: Uint8Array, at: number, key: DrawKey): Cookie | undefined {
  const own = bytes.subarray(at, at + COOKIE_BYTES);
  if (own.length < COOKIE_BYTES) return undefined;
  if (readU32(own, SIGNATURE_AT) !== signatureOf(own, key)) return undefined;
  return {
    createdAtNs: readU32(own, 0) * 0x1_0000_0000 + readU32(own, 4),
    local: readFields(own, 8),
    remote: readFields(own, 28),
    remoteAddress: readU32(own, IPV4_AT) || readIpv6(own, IPV6_AT),
    ports: readU32(own, 52),
  };
}

function writeFields(bytes: Uint8Array, at: number, fields: InitFields): void {
  writeU32(bytes, at, fields.tag);
  writeU32(bytes, at + 4, fields.windowBytes);
  writeU32(bytes, at + 8, fields.outStreams);
  writeU32(bytes, at + 12, fields.inStreams);
  writeU32(bytes, at + 16, fields.initialTsn);
}

function readFields(bytes: Uint8Array, at: number): InitFields {
  return {
    tag: readU32(bytes, at),
    windowBytes: readU32(bytes, at + 4),
    outStreams: readU32(bytes, at + 8),
    inStreams: readU32(bytes, at + 12),
    initialTsn: readU32(bytes, at + 16),
  };
}

function signatureOf(bytes: Uint8Array, key: DrawKey): number {
  let sum = 0;
  for (let at = 0; at < SIGNATURE_AT; at += 4) sum = draw32(key, sum, readU32(bytes, at));
  return sum;
}
