/**
 * The sockets of live members: one UDP socket and one TCP listener for each, at its own address.
 * Bytes become messages here and the other way round; what cannot be read is counted and dropped.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { LiveAddress, LiveMember, LiveTransport } from '../../gossip/live/live-member.ts';
import { formatIpv4Address, parseIpv4Address } from '../../wire/addresses.ts';
import { MAX_DECOMPRESSED_BYTES } from '../../wire/memberlist/compress.ts';
import { type Keyring, NONCE_BYTES } from '../../wire/memberlist/encrypt.ts';
import {
  MessageType,
  type PacketMessage,
  type StreamMessage,
} from '../../wire/memberlist/message.ts';
import { decodePacket, encodePacket, type PacketReceiver } from '../../wire/memberlist/packet.ts';
import { encodeStream, STREAM_LIMITS } from '../../wire/memberlist/stream.ts';
import { StreamReader } from '../../wire/memberlist/stream-reader.ts';

const NS_PER_MS = 1e6;

/** What the sockets hand on. */
export interface MemberSocketsOwner {
  /** The instant of the machine behind the sockets, ns. */
  nowNs(): number;
  onPacket(index: number, messages: readonly PacketMessage[], from: LiveAddress): void;
  onStream(index: number, request: StreamMessage, reply: (message: StreamMessage) => void): void;
  /** Runs what an answer changes, and whatever is due by then. */
  onAnswer(handle: () => void): void;
}

/** How packets and streams are framed. */
export interface MemberFraming {
  readonly keyring: Keyring | undefined;
  readonly label: string;
}

/** What was received that could not be read, and what was sent. */
export interface SocketCounters {
  packetsSent: number;
  packetBytesSent: number;
  packetsReceived: number;
  badPackets: number;
  badStreams: number;
}

interface Sockets {
  readonly udp: UdpSocket;
  readonly tcp: Server;
  readonly connections: Set<Socket>;
}

/** See the module comment. */
export class MemberSockets implements LiveTransport {
  readonly counters: SocketCounters = {
    packetsSent: 0,
    packetBytesSent: 0,
    packetsReceived: 0,
    badPackets: 0,
    badStreams: 0,
  };
  readonly #owner: MemberSocketsOwner;
  readonly #framing: MemberFraming;
  readonly #receiver: PacketReceiver;
  readonly #sockets: (Sockets | undefined)[] = [];

  constructor(owner: MemberSocketsOwner, framing: MemberFraming) {
    this.#owner = owner;
    this.#framing = framing;
    this.#receiver = { ...framing, verifyIncoming: true, inflatedBytesMax: MAX_DECOMPRESSED_BYTES };
  }

  /** Opens the sockets of a member; rejects when the address cannot be had. */
  async open(index: number, at: LiveAddress): Promise<void> {
    const host = formatIpv4Address(at.address);
    const udp = createSocket('udp4');
    const tcp = createServer((connection) => this.#accept(index, connection));
    const sockets: Sockets = { udp, tcp, connections: new Set() };
    this.#sockets[index] = sockets;
    udp.on('message', (bytes, { address, port }) => this.#receive(index, bytes, address, port));
    udp.bind(at.port, host);
    await once(udp, 'listening');
    udp.on('error', () => {}); // an ICMP error about somebody who is gone, as lost as the packet
    tcp.listen(at.port, host);
    await once(tcp, 'listening');
  }

  /** Closes the sockets of a member at once, as the end of its process would. */
  close(index: number): void {
    const sockets = this.#sockets[index];
    if (sockets === undefined) return;
    this.#sockets[index] = undefined;
    sockets.udp.close();
    sockets.tcp.close();
    for (const connection of sockets.connections) connection.resetAndDestroy();
  }

  sendPacket(
    from: LiveMember,
    to: LiveAddress,
    messages: readonly PacketMessage[],
    crc: boolean,
  ): void {
    const sockets = this.#sockets[from.index];
    if (sockets === undefined || to.port === 0) return;
    const nonce = randomBytes(NONCE_BYTES);
    const { protocolVersion } = from.config;
    const layers = { ...this.#framing, compress: true, crc, protocolVersion };
    const bytes = encodePacket({ ...layers, messages, nonce });
    this.counters.packetsSent++;
    this.counters.packetBytesSent += bytes.length;
    sockets.udp.send(bytes, to.port, formatIpv4Address(to.address), () => {});
  }

  exchange(
    from: LiveMember,
    to: LiveAddress,
    request: StreamMessage,
    deadlineNs: number,
    onReply: (reply: StreamMessage | string) => void,
  ): void {
    const sockets = this.#sockets[from.index];
    if (sockets === undefined) return;
    const limits = STREAM_LIMITS;
    const reader = new StreamReader({ ...this.#receiver, isReply: true, limits });
    const host = formatIpv4Address(to.address);
    const connection = connect({ host, port: to.port });
    sockets.connections.add(connection);
    let isOver = false;
    const finish = (reply: StreamMessage | string): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timeout);
      sockets.connections.delete(connection);
      connection.destroy();
      this.#owner.onAnswer(() => onReply(reply));
    };
    const leftMs = Math.max(0, (deadlineNs - this.#owner.nowNs()) / NS_PER_MS);
    const timeout = setTimeout(() => finish('i/o timeout'), leftMs);
    connection.on('connect', () => {
      connection.write(this.#encode(from.config.protocolVersion, request, false));
    });
    const read = (bytes: Uint8Array | undefined): void => {
      const result = bytes === undefined ? reader.end() : reader.push(bytes);
      if (result.status === 'done') finish(result.message);
      else if (result.status === 'error') finish(result.text);
    };
    connection.on('data', read);
    connection.on('end', () => read(undefined));
    connection.on('error', (error) => finish(error.message));
    connection.on('close', () => finish('connection closed'));
  }

  #receive(index: number, bytes: Uint8Array, address: string, port: number): void {
    this.counters.packetsReceived++;
    const { messages, errorCount } = decodePacket(bytes, this.#receiver, `${address}:${port}`);
    if (errorCount > 0) this.counters.badPackets++;
    const from = { address: parseIpv4Address(address) ?? 0, port };
    if (messages.length > 0) this.#owner.onPacket(index, messages, from);
  }

  #accept(index: number, connection: Socket): void {
    const sockets = this.#sockets[index];
    if (sockets === undefined) {
      connection.destroy();
      return;
    }
    sockets.connections.add(connection);
    connection.setTimeout(STREAM_TIMEOUT_MS, () => connection.destroy());
    connection.on('error', () => connection.destroy());
    connection.on('close', () => sockets.connections.delete(connection));
    const limits = STREAM_LIMITS;
    const reader = new StreamReader({ ...this.#receiver, isReply: false, limits });
    let isDone = false;
    const answer = (message: StreamMessage): void => {
      connection.end(this.#encode(PROTOCOL_VERSION, message, true));
    };
    const read = (bytes: Uint8Array | undefined): void => {
      if (isDone) return;
      const result = bytes === undefined ? reader.end() : reader.push(bytes);
      if (result.status === 'more') return;
      isDone = true;
      if (result.status === 'done') {
        this.#owner.onStream(index, result.message, answer);
        // whoever was not answered waits for the end of the stream
        if (!connection.writableEnded) connection.end();
        return;
      }
      if (result.kind !== 'closed') this.counters.badStreams++;
      if (result.kind === 'receive') answer({ type: MessageType.err, error: result.text });
      else connection.end();
    };
    connection.on('data', read);
    connection.on('end', () => read(undefined));
  }

  #encode(protocolVersion: number, message: StreamMessage, isReply: boolean): Uint8Array {
    const nonce = randomBytes(NONCE_BYTES);
    const framing = { ...this.#framing, compress: true, isReply, protocolVersion };
    return encodeStream({ ...framing, message, nonce });
  }
}

/** `TCPTimeout` of memberlist's LAN configuration. */
const STREAM_TIMEOUT_MS = 10_000;
/** What the members speak (`ProtocolVersion2Compatible`). */
const PROTOCOL_VERSION = 2;
