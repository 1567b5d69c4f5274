/**
 * DNS over TCP: every message stands behind its length in two bytes (RFC 1035, 4.2.2).
 */
import { readU16, writeU16 } from '../../wire/bytes.ts';

const LENGTH_BYTES = 2;

/** The longest message that a stream takes: miekg/dns' `MaxMsgSize` less one, as moby reckons. */
export const DNS_STREAM_BYTES_MAX = 65_534;

/** A message with its length, as it goes into a stream. */
export function framedDns(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES + message.length);
  writeU16(bytes, 0, message.length);
  bytes.set(message, LENGTH_BYTES);
  return bytes;
}

/** Takes the bytes of a stream as they come, and gives the messages that are whole. */
export class DnsStreamReader {
  #pending = new Uint8Array(0);

  take(bytes: Uint8Array): Uint8Array[] {
    const all = new Uint8Array(this.#pending.length + bytes.length);
    all.set(this.#pending);
    all.set(bytes, this.#pending.length);
    const messages: Uint8Array[] = [];
    let at = 0;
    while (at + LENGTH_BYTES <= all.length) {
      const end = at + LENGTH_BYTES + readU16(all, at);
      if (end > all.length) break;
      messages.push(all.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    this.#pending = all.slice(at);
    return messages;
  }
}
