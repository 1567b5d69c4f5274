/**
 * memberlist's codec: what a size, an encoding and a decoding cost, for a ping and for a gossip
 * packet of twelve alive messages, with and without compression. The reference is JSON of the same
 * objects. The sizes are what simulated members use; bytes are for captures and live peers.
 */
import { sizeOfMessages } from '../wire/memberlist/compound.ts';
import {
  type Alive,
  DOCKER_VSN,
  MessageType,
  type PacketMessage,
  type Ping,
} from '../wire/memberlist/message.ts';
import {
  decodePacket,
  encodePacket,
  PLAIN_RECEIVER,
  sizeOfPacket,
} from '../wire/memberlist/packet.ts';
import { nsPerOperation } from './support/measure.ts';
import { formatTable } from './support/table.ts';

const OPERATION_COUNT = 20_000;

const ping: Ping = {
  type: MessageType.ping,
  seqNo: 42,
  node: 'b21e77f0a4c5',
  sourceAddr: 0x0a00_0001,
  sourcePort: 7946,
  sourceNode: '3f8a1c9be07d',
};

const alives: readonly Alive[] = Array.from({ length: 12 }, (_, i) => ({
  type: MessageType.alive,
  incarnation: 1,
  node: (0x3f8a_1c9b_e07d * (i + 1)).toString(16).slice(0, 12),
  addr: 0x0a00_0001 + i,
  port: 7946,
  meta: undefined,
  vsn: DOCKER_VSN,
}));

function measure(work: () => void): number {
  return nsPerOperation(OPERATION_COUNT, () => {
    for (let i = 0; i < OPERATION_COUNT; i++) work();
  });
}

const rows: string[][] = [];

function compare(packetName: string, messages: readonly PacketMessage[]): void {
  const framing = { messages, crc: false, keyring: undefined, label: '', protocolVersion: 2 };
  const plain = { ...framing, compress: false, nonce: new Uint8Array(0) };
  const packed = { ...plain, compress: true };
  const plainBytes = encodePacket(plain);
  const packedBytes = encodePacket(packed);
  const text = JSON.stringify(messages);
  const writing = measure(() => JSON.stringify(messages));
  const reading = measure(() => JSON.parse(text));
  const contenders: [name: string, referenceNs: number, work: () => void][] = [
    ['size', writing, () => sizeOfMessages(messages)],
    ['size, compressed', writing, () => sizeOfPacket(packed)],
    ['encode', writing, () => encodePacket(plain)],
    ['encode, compressed', writing, () => encodePacket(packed)],
    ['decode', reading, () => decodePacket(plainBytes, PLAIN_RECEIVER)],
    ['decode, compressed', reading, () => decodePacket(packedBytes, PLAIN_RECEIVER)],
  ];
  for (const [name, referenceNs, work] of contenders) {
    const ns = measure(work);
    rows.push([packetName, name, ns.toFixed(0), (referenceNs / ns).toFixed(2)]);
  }
}

compare('ping', [ping]);
compare('12 alive', alives);
console.log(formatTable(['packet', 'operation', 'ns', 'times faster than JSON'], rows));
