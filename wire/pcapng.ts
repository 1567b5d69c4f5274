/**
 * Captures in the pcapng format, as Wireshark and tshark read them.
 *
 * One section with the sections' own byte order (little endian here), an Interface Description
 * Block per simulated interface with its name and nanosecond resolution (`if_tsresol` 9), and an
 * Enhanced Packet Block per frame. The frames' own bytes stay big endian. Blocks are collected as
 * chunks, so that a capture can be written to a file while the run goes on ({@link
 * PcapngWriter.take}) or taken at once ({@link PcapngWriter.finish}).
 */

const SECTION_HEADER = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
const LINK_TYPE_ETHERNET = 1;

const OptionCode = {
  end: 0,
  comment: 1,
  userApplication: 4,
  interfaceName: 2,
  interfaceDescription: 3,
  timestampResolution: 9,
  packetFlags: 2,
} as const;

/** Which way a packet went through the interface; the numbers of `epb_flags`. */
export const PacketDirection = { unknown: 0, inbound: 1, outbound: 2 } as const;
/** See {@link PacketDirection}. */
export type PacketDirection = (typeof PacketDirection)[keyof typeof PacketDirection];

const encoder = new TextEncoder();

/** Collects the blocks of one capture; interfaces may be added at any time before their packets. */
export class PcapngWriter {
  #chunks: Uint8Array[] = [];
  #interfaceCount = 0;
  #packetCount = 0;

  constructor(application = 'swarmlab') {
    const options = [textOption(OptionCode.userApplication, application)];
    const body = new Uint8Array(16 + optionsBytesOf(options));
    const view = new DataView(body.buffer);
    view.setUint32(0, BYTE_ORDER_MAGIC, true);
    view.setUint16(4, 1, true);
    view.setUint16(6, 0, true);
    view.setInt32(8, -1, true); // section length: not specified
    view.setInt32(12, -1, true);
    writeOptions(body, 16, options);
    this.#block(SECTION_HEADER, body);
  }

  /** How many packets were written. */
  get packetCount(): number {
    return this.#packetCount;
  }

  /** Describes an Ethernet interface and returns its number, which packets name. */
  addInterface(name: string, description = ''): number {
    const options = [textOption(OptionCode.interfaceName, name)];
    if (description !== '') options.push(textOption(OptionCode.interfaceDescription, description));
    options.push(option(OptionCode.timestampResolution, Uint8Array.of(9)));
    const body = new Uint8Array(8 + optionsBytesOf(options));
    const view = new DataView(body.buffer);
    view.setUint16(0, LINK_TYPE_ETHERNET, true);
    view.setUint32(4, 0, true); // no snap length
    writeOptions(body, 8, options);
    this.#block(INTERFACE_DESCRIPTION, body);
    return this.#interfaceCount++;
  }

  /**
   * Writes the frame in [start, end) that interface `interfaceNumber` saw at the virtual instant
   * `atNs`, with a comment that Wireshark shows beside it.
   */
  addPacket(
    interfaceNumber: number,
    atNs: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    direction: PacketDirection = PacketDirection.unknown,
    comment = '',
  ): void {
    const options: Uint8Array[] = [];
    if (comment !== '') options.push(textOption(OptionCode.comment, comment));
    if (direction !== PacketDirection.unknown) {
      options.push(option(OptionCode.packetFlags, Uint8Array.of(direction, 0, 0, 0)));
    }
    const lengthBytes = end - start;
    const optionsAt = 20 + padded(lengthBytes);
    const body = new Uint8Array(optionsAt + optionsBytesOf(options));
    const view = new DataView(body.buffer);
    view.setUint32(0, interfaceNumber, true);
    view.setUint32(4, Math.floor(atNs / 0x1_0000_0000), true);
    view.setUint32(8, atNs >>> 0, true);
    view.setUint32(12, lengthBytes, true);
    view.setUint32(16, lengthBytes, true);
    body.set(bytes.subarray(start, end), 20);
    writeOptions(body, optionsAt, options);
    this.#block(ENHANCED_PACKET, body);
    this.#packetCount++;
  }

  /** The blocks since the last call, and forgets them: for writing a capture bit by bit. */
  take(): Uint8Array {
    const bytes = joined(this.#chunks);
    this.#chunks = [];
    return bytes;
  }

  /** Everything that was not taken yet; the whole capture when nothing was. Forgets nothing. */
  finish(): Uint8Array {
    return joined(this.#chunks);
  }

  #block(type: number, body: Uint8Array): void {
    const block = new Uint8Array(12 + body.length);
    const view = new DataView(block.buffer);
    view.setUint32(0, type, true);
    view.setUint32(4, block.length, true);
    block.set(body, 8);
    view.setUint32(block.length - 4, block.length, true);
    this.#chunks.push(block);
  }
}

/** Rounded up to whole 32-bit words. */
function padded(lengthBytes: number): number {
  return (lengthBytes + 3) & ~3;
}

function option(code: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + padded(value.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint16(2, value.length, true);
  bytes.set(value, 4);
  return bytes;
}

function textOption(code: number, text: string): Uint8Array {
  return option(code, encoder.encode(text));
}

/** Length of the options with their end mark; 0 when there are none. */
function optionsBytesOf(options: readonly Uint8Array[]): number {
  return options.length === 0 ? 0 : options.reduce((sum, bytes) => sum + bytes.length, 4);
}

function writeOptions(body: Uint8Array, at: number, options: readonly Uint8Array[]): void {
  let next = at;
  for (const bytes of options) {
    body.set(bytes, next);
    next += bytes.length;
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
