/**
 * The sockets of live members: one UDP socket and one TCP listener for each, at its own address.
 * Bytes become messages here and the other way round; what cannot be read is counted and dropped,
 * and what peers can make us keep has a bound (stream-limits.ts).
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { SOCKET_BUFFER_BYTES, type SwimConfig } from '../../gossip/constants.ts';
import type { LiveAddress, LiveMember, LiveTransport } from '../../gossip/live/live-member.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import { formatHostAddress, formatHostPort, parseHostAddress } from '../../wire/host-address.ts';
import { type Keyring, NONCE_BYTES } from '../../wire/memberlist/encrypt.ts';
import {
  MessageType,
  type PacketMessage,
  type StreamMessage,
} from '../../wire/memberlist/message.ts';
import { decodePacket, encodePacket, type PacketReceiver } from '../../wire/memberlist/packet.ts';
import { encodeStream } from '../../wire/memberlist/stream.ts';
import { StreamReader, type StreamResult } from '../../wire/memberlist/stream-reader.ts';
import { INFLATED_PACKET_BYTES_MAX, LIVE_STREAM_LIMITS, StreamBudget } from './stream-limits.ts';

/** `udpRecvBufSize`: what a socket asks for; halved until the host grants it. */
const RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024;
/** What a held packet takes beside its bytes, and what a connection that is not read takes. */
const HELD_PACKET_BYTES = 256;
const HELD_CONNECTION_BYTES = 4096;

/** What the sockets hand on. */
export interface MemberSocketsOwner {
  /** The instant of the machine behind the sockets, ns. */
  nowNs(): number;
  onPacket(index: number, messages: readonly PacketMessage[], from: LiveAddress): void;
  onStream(index: number, request: StreamMessage, reply: (message: StreamMessage) => void): void;
  /** Runs what an answer changes, and whatever is due by then. */
  onAnswer(handle: () => void): void;
}

/** Whose sockets, and where: a member may tell others another address than it listens at. */
export interface SocketsInit {
  readonly index: number;
  readonly at: LiveAddress;
  readonly config: SwimConfig;
  readonly keyring: Keyring | undefined;
}

/** What was received that could not be read, and what was sent. */
export interface SocketCounters {
  packetsSent: number;
  packetBytesSent: number;
  packetsReceived: number;
  packetBytesReceived: number;
  badPackets: number;
  streamsSent: number;
  streamsReceived: number;
  badStreams: number;
  /** Connections that were closed unread, because there were too many or they held too much. */
  streamsRefused: number;
}

interface Sockets extends SocketsInit {
  readonly udp: UdpSocket;
  readonly tcp: Server;
  readonly connections: Set<Socket>;
  readonly receiver: PacketReceiver;
  /** What waits for a paused member, and the bytes of it; `undefined` for one that runs. */
  held: (() => void)[] | undefined;
  heldBytes: number;
}

/** See the module comment. */
export class MemberSockets implements LiveTransport {
  readonly counters: SocketCounters = {
    packetsSent: 0,
    packetBytesSent: 0,
    packetsReceived: 0,
    packetBytesReceived: 0,
    badPackets: 0,
    streamsSent: 0,
    streamsReceived: 0,
    badStreams: 0,
    streamsRefused: 0,
  };
  readonly #owner: MemberSocketsOwner;
  readonly #sockets: (Sockets | undefined)[] = [];
  readonly #budget = new StreamBudget();

  constructor(owner: MemberSocketsOwner) {
    this.#owner = owner;
  }

  /** Opens the sockets of a member; rejects when the address cannot be had. */
  async open(init: SocketsInit): Promise<void> {
    const { index, at, config, keyring } = init;
    const host = formatHostAddress(at.address);
    const family = typeof at.address === 'string' ? 6 : 4;
    // addresses are no names: looking them up was a tenth of what a packet costs
    const udp = createSocket({
      type: `udp${family}`,
      lookup: (address, _options, found) => found(null, address, family),
    });
    const tcp = createServer((connection) => this.#accept(sockets, connection));
    const sockets: Sockets = {
      ...init,
      udp,
      tcp,
      connections: new Set(),
      receiver: {
        keyring,
        label: config.label,
        skipInboundLabelCheck: config.skipInboundLabelCheck,
        verifyIncoming: config.gossipVerifyIncoming,
        inflatedBytesMax: INFLATED_PACKET_BYTES_MAX,
        codec: config.memberlist.codec,
      },
      held: undefined,
      heldBytes: 0,
    };
    this.#sockets[index] = sockets;
    udp.on('message', (bytes, { address, port }) => {
      const heldBytes = HELD_PACKET_BYTES + bytes.length;
      this.#whenRunning(sockets, heldBytes, () => this.#receive(sockets, bytes, address, port));
    });
    const listening = once(udp, 'listening');
    udp.bind(at.port, host);
    await listening;
    udp.on('error', () => {}); // an ICMP error about somebody who is gone, as lost as the packet
    askForReceiveBuffer(udp);
    tcp.listen(at.port, host);
    await once(tcp, 'listening');
  }

  /** Closes the sockets of a member at once, as the end of its process would. */
  close(index: number): void {
    const sockets = this.#sockets[index];
    if (sockets === undefined) return;
    this.#sockets[index] = undefined;
    sockets.held = undefined;
    sockets.udp.close();
    sockets.tcp.close();
    for (const connection of sockets.connections) connection.resetAndDestroy();
  }

  /** What arrives from now on waits in the host's buffers. */
  pause(index: number): void {
    const sockets = this.#sockets[index];
    if (sockets !== undefined) sockets.held ??= [];
  }

  /** Reads what has waited, and goes on reading. */
  resume(index: number): void {
    const sockets = this.#sockets[index];
    const held = sockets?.held;
    if (sockets === undefined || held === undefined) return;
    sockets.held = undefined;
    sockets.heldBytes = 0;
    for (const read of held) read();
  }

  sendPacket(
    from: LiveMember,
    to: LiveAddress,
    messages: readonly PacketMessage[],
    crc: boolean,
  ): void {
    const sockets = this.#sockets[from.index];
    if (sockets === undefined || to.port === 0) return;
    const bytes = encodePacket({ ...framingOf(from), crc, messages });
    this.counters.packetsSent++;
    this.counters.packetBytesSent += bytes.length;
    sockets.udp.send(bytes, to.port, formatHostAddress(to.address));
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
    this.counters.streamsSent++;
    const reader = this.#readerFor(sockets, true);
    const connection = connect({ host: formatHostAddress(to.address), port: to.port });
    sockets.connections.add(connection);
    let isOver = false;
    const finish = (reply: StreamMessage | string): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timeout);
      sockets.connections.delete(connection);
      connection.destroy();
      this.#whenRunning(sockets, 0, () => this.#owner.onAnswer(() => onReply(reply)));
    };
    // the members' time may be slower than the clock's
    const leftMs = (): number =>
      Math.max(0, Math.ceil((deadlineNs - this.#owner.nowNs()) / MILLISECOND_NS));
    const expire = (): void => {
      if (leftMs() > 0) timeout = setTimeout(expire, leftMs());
      else finish('i/o timeout');
    };
    let timeout = setTimeout(expire, leftMs());
    connection.on('connect', () => {
      connection.write(encodedStream(sockets, request, false));
    });
    this.#readAll(connection, reader, (result) => {
      if (result.status === 'done') finish(result.message);
      else finish(result.status === 'error' ? result.text : 'too much to read');
    });
    connection.on('error', (error) => finish(error.message));
    connection.on('close', () => finish('connection closed'));
  }

  #receive(sockets: Sockets, bytes: Uint8Array, address: string, port: number): void {
    this.counters.packetsReceived++;
    this.counters.packetBytesReceived += bytes.length;
    const from = { address: parseHostAddress(address) ?? 0, port };
    const source = formatHostPort(from.address, port);
    const { messages, errorCount } = decodePacket(bytes, sockets.receiver, source);
    if (errorCount > 0) this.counters.badPackets++;
    if (messages.length > 0) this.#owner.onPacket(sockets.index, messages, from);
  }

  #accept(sockets: Sockets, connection: Socket): void {
    const { index, connections, config } = sockets;
    if (this.#sockets[index] !== sockets || !this.#budget.hasRoom(connections.size)) {
      this.counters.streamsRefused++;
      connection.destroy();
      return;
    }
    this.counters.streamsReceived++;
    connections.add(connection);
    const timeoutMs = config.tcpTimeoutNs / MILLISECOND_NS;
    const timeout = setTimeout(() => connection.destroy(), timeoutMs);
    connection.on('error', () => connection.destroy());
    connection.on('close', () => {
      clearTimeout(timeout);
      connections.delete(connection);
    });
    const answer = (message: StreamMessage): void => {
      connection.end(encodedStream(sockets, message, true));
    };
    this.#whenRunning(sockets, HELD_CONNECTION_BYTES, () => {
      this.#readAll(connection, this.#readerFor(sockets, false), (result) => {
        this.#whenRunning(sockets, 0, () => this.#answer(index, connection, result, answer));
      });
    });
  }

  #answer(
    index: number,
    connection: Socket,
    result: StreamResult,
    answer: (message: StreamMessage) => void,
  ): void {
    if (result.status === 'done') {
      this.#owner.onStream(index, result.message, answer);
      // whoever was not answered waits for the end of the stream
      if (!connection.writableEnded) connection.end();
      return;
    }
    if (result.status === 'more') {
      this.counters.streamsRefused++;
      connection.destroy();
      return;
    }
    if (result.kind !== 'closed') this.counters.badStreams++;
    if (result.kind === 'receive') answer({ type: MessageType.err, error: result.text });
    else connection.end();
  }

  /**
   * Reads until the stream is complete or refused and tells it once; `more` when what all streams
   * hold is too much.
   */
  #readAll(
    connection: Socket,
    reader: StreamReader,
    onResult: (result: StreamResult) => void,
  ): void {
    let heldBytes = 0;
    let isOver = false;
    const release = (): void => {
      this.#budget.release(heldBytes);
      heldBytes = 0;
    };
    const read = (bytes: Uint8Array | undefined): void => {
      if (isOver) return;
      const result = bytes === undefined ? reader.end() : reader.push(bytes);
      heldBytes += bytes?.length ?? 0;
      const hasRoom = this.#budget.take(bytes?.length ?? 0);
      if (result.status === 'more' && hasRoom) return;
      isOver = true;
      release();
      onResult(result);
    };
    connection.on('data', read);
    connection.on('end', () => read(undefined));
    connection.on('close', release);
  }

  #readerFor({ receiver }: Sockets, isReply: boolean): StreamReader {
    return new StreamReader({ ...receiver, isReply, limits: LIVE_STREAM_LIMITS });
  }

  /** At once, or when a paused member goes on; what is beyond the host's buffer is lost. */
  #whenRunning(sockets: Sockets, heldBytes: number, read: () => void): void {
    if (sockets.held === undefined) {
      read();
    } else if (sockets.heldBytes + heldBytes <= SOCKET_BUFFER_BYTES) {
      sockets.heldBytes += heldBytes;
      sockets.held.push(read);
    }
  }
}

function encodedStream(sockets: SocketsInit, message: StreamMessage, isReply: boolean): Uint8Array {
  return encodeStream({ ...framingOf(sockets), isReply, message });
}

/** How what is sent is framed, with a nonce that was not used before. */
function framingOf({ config, keyring: ring }: Pick<SocketsInit, 'config' | 'keyring'>) {
  const { enableCompression: compress, label, protocolVersion, gossipVerifyOutgoing } = config;
  const keyring = gossipVerifyOutgoing ? ring : undefined;
  return { compress, keyring, label, protocolVersion, nonce: nonceFor(keyring) };
}

const NO_NONCE = new Uint8Array(NONCE_BYTES);

function nonceFor(keyring: Keyring | undefined): Uint8Array {
  return keyring?.primary === undefined ? NO_NONCE : randomBytes(NONCE_BYTES);
}

function askForReceiveBuffer(udp: UdpSocket): void {
  for (let bytes = RECEIVE_BUFFER_BYTES; bytes > 0; bytes >>>= 1) {
    try {
      udp.setRecvBufferSize(bytes);
      return;
    } catch {} // as upstream: half of it, then
  }
}
