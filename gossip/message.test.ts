import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DOCKER_VSN,
  MessageType,
  type PacketMessage,
  sizeOf,
  sizeOfNodeState,
} from '../wire/memberlist/message.ts';
import { Members } from './members/members.ts';
import { Unrest } from './members/unrest.ts';
import {
  type Control,
  makeAck,
  makeIndirectPing,
  makeNack,
  makePing,
  makeRumor,
  nodeStateBytes,
  wireFormOf,
} from './message.ts';

const name = fc.string({ minLength: 1, maxLength: 40 });
const port = fc.integer({ min: 1, max: 65_535 });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });

test('messages have the size of their bytes', () => {
  const property = fc.property(
    fc.uniqueArray(name, { minLength: 2, maxLength: 2 }),
    port,
    port,
    uint32,
    uint32,
    fc.option(fc.uint8Array({ maxLength: 300 }), { nil: undefined }),
    (names, portA, portB, seqNo, incarnation, meta) => {
      const members = new Members(new Unrest());
      const vsn = DOCKER_VSN;
      members.add(names[0]!, { address: 0x0a00_0001, port: portA, meta, vsn });
      members.add(names[1]!, { address: 0x0a00_0002, port: portB, meta: undefined, vsn });
      const type = MessageType.dead;
      const parts: (Control | ReturnType<typeof makeRumor>)[] = [
        makePing(members, 0, 1, seqNo),
        makeIndirectPing(members, 0, 1, 1, seqNo, true),
        makeAck(seqNo),
        makeAck(seqNo, meta),
        makeNack(seqNo),
        makeRumor(members, { type, subject: 1, incarnation, from: 0, fact: -1 }),
        makeRumor(members, {
          type: MessageType.alive,
          subject: 0,
          incarnation,
          from: 0,
          fact: 0,
        }),
      ];
      for (const part of parts) {
        expect(part.sizeBytes).toBe(sizeOf(wireFormOf(members, 0, part) as PacketMessage));
      }
      const node = {
        name: names[0]!,
        addr: 0x0a00_0001,
        port: portA,
        meta,
        incarnation,
        state: 2,
        vsn,
      };
      expect(nodeStateBytes(members, 0, 0, incarnation)).toBe(sizeOfNodeState(node));
    },
  );
  fc.assert(property);
});
