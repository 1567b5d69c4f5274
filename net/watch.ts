/**
 * Watching one conversation: the packets of one flow, wherever they go, with a way each.
 *
 * A watch begins at the socket that opens the flow. A watched packet that reaches a socket makes that
 * socket's side of the flow watched too, so that answers are followed without knowing what NAT
 * and ipvs made of the addresses in between. Packets that others make in answer (a RST, an ICMP
 * error, a flooded copy) inherit the watch by `Way.fork`. Nobody who is not watched pays for it.
 */
import { destinationOf, headerBytesOf, protocolOf, sourceOf } from '../wire/ip.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import {
  CHUNK_HEADER_BYTES,
  ChunkType,
  chunkTypeOf,
  nextChunkAt,
  SCTP_HEADER_BYTES,
} from '../wire/sctp.ts';
import {
  dataOffsetBytesOf,
  destinationPortOf,
  flagsOf,
  sequenceOf,
  sourcePortOf,
  TcpFlag,
} from '../wire/tcp.ts';
import { UDP_HEADER_BYTES } from '../wire/udp.ts';
import type { Packet } from './packet.ts';
import type { SocketTable } from './socket/table.ts';
import { Way } from './way.ts';

/** One watch and what it has seen. */
export class Watch {
  /** The ways of all packets that belong to it, in the order in which they were sent. */
  readonly ways: Way[] = [];
  readonly #flows = new Map<SocketTable, Set<string>>();
  readonly #sent = new Map<string, number>();
  #isOpening = false;

  /** Runs `action` and watches the flows that it opens at `sockets`. */
  open(sockets: SocketTable, action: () => void): void {
    this.#flowsOf(sockets);
    this.#isOpening = true;
    action();
    this.#isOpening = false;
  }

  /** A watched segment has come to a socket of `sockets`: what is sent back is watched too. */
  onDelivery(sockets: SocketTable, packet: Packet, at: number): void {
    const { bytes, start } = packet;
    const local = endpointKey(destinationOf(bytes, start), destinationPortOf(bytes, at));
    const remote = endpointKey(sourceOf(bytes, start), sourcePortOf(bytes, at));
    this.#flowsOf(sockets).add(`${protocolOf(bytes, start)} ${local}>${remote}`);
  }

  #flowsOf(sockets: SocketTable): Set<string> {
    const known = this.#flows.get(sockets);
    if (known !== undefined) return known;
    const flows = new Set<string>();
    this.#flows.set(sockets, flows);
    sockets.onSend = (packet) => this.#onSend(flows, packet);
    return flows;
  }

  #onSend(flows: Set<string>, packet: Packet): void {
    const { bytes, start } = packet;
    const protocol = protocolOf(bytes, start);
    if (!WITH_PORTS.includes(protocol)) {
      if (this.#isOpening) packet.way ??= new Way(this.ways);
      return;
    }
    const at = start + headerBytesOf(bytes, start);
    const local = endpointKey(sourceOf(bytes, start), sourcePortOf(bytes, at));
    const remote = endpointKey(destinationOf(bytes, start), destinationPortOf(bytes, at));
    const flow = `${protocol} ${local}>${remote}`;
    if (this.#isOpening) flows.add(flow);
    if (!flows.has(flow)) return;
    packet.way ??= new Way(this.ways);
    packet.way.watch = this;
    packet.way.title = this.#titleOf(packet, protocol, at, flow);
  }

  /** `SYN`, `ACK`, `82 bytes`, `FIN`, `COOKIE ECHO`; and whether a segment was sent before. */
  #titleOf(packet: Packet, protocol: number, at: number, flow: string): string {
    const { bytes, end } = packet;
    if (protocol === IpProtocol.udp) return `${end - at - UDP_HEADER_BYTES} bytes`;
    if (protocol === IpProtocol.sctp) return chunksTitle(bytes, at, end);
    const payloadBytes = packet.end - at - dataOffsetBytesOf(bytes, at);
    const title = segmentTitle(flagsOf(bytes, at), payloadBytes);
    if (title === 'ACK') return title;
    const key = `${flow} ${sequenceOf(bytes, at)} ${title}`;
    const count = (this.#sent.get(key) ?? 0) + 1;
    this.#sent.set(key, count);
    return count === 1 ? title : `${title}, sent ${count === 2 ? 'again' : `${count} times`}`;
  }
}

/** The protocols whose flows are followed. */
const WITH_PORTS: readonly number[] = [IpProtocol.tcp, IpProtocol.udp, IpProtocol.sctp];

/** `INIT`, `COOKIE ECHO`, `SACK + DATA`: a packet's chunks, each kind once in a row. */
function chunksTitle(bytes: Uint8Array, at: number, end: number): string {
  const names: string[] = [];
  let chunkAt = at + SCTP_HEADER_BYTES;
  while (end - chunkAt >= CHUNK_HEADER_BYTES) {
    const name = CHUNK_NAMES.get(chunkTypeOf(bytes, chunkAt)) ?? 'chunk';
    if (names.at(-1) !== name) names.push(name);
    chunkAt = nextChunkAt(bytes, chunkAt);
  }
  return names.join(' + ');
}

/** `initAck` is INIT ACK. */
const CHUNK_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(ChunkType).map(([name, type]) => [
    type,
    name.replace(/([A-Z])/g, ' $1').toUpperCase(),
  ]),
);

function endpointKey(address: number, port: number): string {
  return `${address}:${port}`;
}

function segmentTitle(flags: number, payloadBytes: number): string {
  const words: string[] = [];
  if ((flags & TcpFlag.syn) !== 0) words.push((flags & TcpFlag.ack) === 0 ? 'SYN' : 'SYN-ACK');
  if ((flags & TcpFlag.rst) !== 0) words.push('RST');
  if (payloadBytes > 0) words.push(`${payloadBytes} bytes`);
  if ((flags & TcpFlag.fin) !== 0) words.push('FIN');
  return words.length === 0 ? 'ACK' : words.join(' + ');
}
