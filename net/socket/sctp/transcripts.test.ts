/**
 * One transcript per rule of SCTP: every packet on the wire with its instant and chunks, and what the
 * programs were told. `testdata/*.txt` is rewritten by `vitest -u` and reviewed as a diff.
 */
import { expect, test } from 'vitest';
import { formatInstant, HOUR_NS, MINUTE_NS, SECOND_NS } from '../../../sim/time.ts';
import { headerBytesOf, IPV4_HEADER_BYTES } from '../../../wire/ipv4.ts';
import {
  ChunkType,
  finishSctpChecksum,
  firstChunkTypeOf,
  SCTP_HEADER_BYTES,
} from '../../../wire/sctp.ts';
import type { Packet } from '../../packet.ts';
import { formatErrno } from '../errno.ts';
import { Pipe, type PipeEnd, type PipeOptions } from '../testing/pipe.ts';
import type { SctpAssociation } from './association.ts';
import type { SctpHandlers } from './handlers.ts';
import { chunkOf, packetOf } from './packet.ts';

const PORT = 3868;
const bytesOf = (count: number) => new Uint8Array(count).fill(120);

const chunkTypeIn = ({ bytes, start, end }: Packet) =>
  firstChunkTypeOf(bytes, start + headerBytesOf(bytes, start), end);

/** A pipe whose log also says what programs hear. */
class Stage extends Pipe {
  constructor(options: PipeOptions = {}) {
    super(options);
    this.isLogging = true;
  }

  program(name: string, then: SctpHandlers = {}): SctpHandlers {
    const say = (text: string) =>
      this.log.push(`${formatInstant(this.world.nowNs)}   ${name}: ${text}`);
    return {
      onConnected: (association) => {
        say('connected');
        then.onConnected?.(association);
      },
      onMessage: (bytes, association, stream) => {
        say(`${bytes.length} bytes on stream ${stream}`);
        then.onMessage?.(bytes, association, stream);
      },
      onClosed: (reason, association) => {
        say(reason + (association.errno === 0 ? '' : ` (${formatErrno(association.errno)})`));
        then.onClosed?.(reason, association);
      },
    };
  }

  serve(then: SctpHandlers = {}): void {
    this.b.sockets.sctp.listen({ port: PORT, onAssociation: () => this.program('server', then) });
  }

  call(then: SctpHandlers = {}): SctpAssociation {
    const handlers = this.program('client', then);
    return this.a.sockets.sctp.connect({ address: this.b.address, port: PORT, handlers });
  }

  at(atNs: number, action: () => void): void {
    this.world.queue.scheduleCallback(atNs, action);
  }

  run(untilNs: number): this {
    this.world.queue.runUntil(untilNs);
    return this;
  }

  /** Loses packets of one end for which `decide` says so, counted from 1. */
  lose(from: PipeEnd, decide: (count: number, packet: Packet) => boolean): void {
    let count = 0;
    this.filter = (packet, sender) => sender !== from || !decide(++count, packet);
  }
}

const echoes: SctpHandlers = { onMessage: (bytes, own) => void own.send(bytes) };
const asksOnce: SctpHandlers = {
  onConnected: (own) => void own.send(bytesOf(80)),
  onMessage: (_, own) => own.close(),
};

const sendsAndCloses = (count: number): SctpHandlers => ({
  onConnected: (own) => {
    own.send(bytesOf(count));
    own.close();
  },
});

const scenes: Record<string, () => Stage> = {
  'request-and-answer': () => {
    const stage = new Stage();
    stage.serve(echoes);
    stage.call(asksOnce);
    return stage.run(MINUTE_NS);
  },
  'message-of-many-fragments': () => {
    const stage = new Stage();
    stage.serve();
    stage.call(sendsAndCloses(12_000));
    return stage.run(MINUTE_NS);
  },
  'one-fragment-is-lost': () => {
    const stage = new Stage();
    stage.serve();
    stage.lose(stage.a, (count) => count === 4);
    stage.call(sendsAndCloses(9000));
    return stage.run(MINUTE_NS);
  },
  'streams-do-not-wait-for-each-other': () => {
    const stage = new Stage();
    stage.serve();
    stage.lose(stage.a, (count) => count === 3);
    stage.call({
      onConnected: (own) => {
        own.send(bytesOf(1400), 1);
        own.send(bytesOf(1300), 2);
        own.send(bytesOf(1200), 1);
        own.send(bytesOf(1100), 2);
      },
    });
    return stage.run(10 * SECOND_NS);
  },
  'closed-port': () => {
    const stage = new Stage();
    stage.call();
    return stage.run(MINUTE_NS);
  },
  'nobody-answers': () => {
    const stage = new Stage();
    stage.lose(stage.a, () => true);
    stage.call();
    return stage.run(HOUR_NS);
  },
  'init-and-cookie-are-lost-once': () => {
    const stage = new Stage();
    stage.serve();
    const lost = new Set<number | undefined>([ChunkType.init, ChunkType.cookieEcho]);
    stage.lose(stage.a, (_, packet) => lost.delete(chunkTypeIn(packet)));
    stage.call({ onConnected: (own) => own.close() });
    return stage.run(MINUTE_NS);
  },
  'idle-association-beats': () => {
    const stage = new Stage();
    stage.serve();
    stage.call();
    return stage.run(90 * SECOND_NS);
  },
  'peer-vanishes': () => {
    const stage = new Stage();
    stage.serve();
    const own = stage.call();
    stage.at(5 * SECOND_NS, () => stage.lose(stage.a, () => true));
    stage.at(6 * SECOND_NS, () => own.send(bytesOf(100)));
    return stage.run(HOUR_NS);
  },
  'peer-begins-anew': () => {
    const stage = new Stage();
    stage.serve(echoes);
    const own = stage.call();
    stage.at(SECOND_NS, () => {
      own.handlers = {};
      stage.a.sockets.sctp.destroy();
    });
    stage.at(2 * SECOND_NS, () => {
      const server = stage.b.sockets.sctp.associations()[0]!;
      server.send(bytesOf(10));
    });
    return stage.run(MINUTE_NS);
  },
  'both-close-at-once': () => {
    const stage = new Stage();
    stage.serve();
    const own = stage.call();
    stage.at(SECOND_NS, () => {
      own.close();
      stage.b.sockets.sctp.associations()[0]!.close();
    });
    return stage.run(MINUTE_NS);
  },
  'strange-packets': () => {
    const stage = new Stage();
    stage.serve();
    const own = stage.call();
    const { address } = stage.b;
    const ends = { localAddress: stage.a.address, localPort: 9, remoteAddress: address };
    const shutdownAck = chunkOf(ChunkType.shutdownAck);
    const send = (remotePort: number, tag: number) =>
      stage.carry(stage.a, packetOf({ ...ends, remotePort }, tag, [shutdownAck], 0, 1500));
    stage.at(SECOND_NS, () => send(PORT, 7));
    stage.at(2 * SECOND_NS, () => {
      const wrongTag = packetOf(own, 7, [shutdownAck], 0, 1500);
      stage.carry(stage.a, wrongTag);
    });
    return stage.run(3 * SECOND_NS);
  },
};

test.each(Object.entries(scenes))('%s', async (name, play) => {
  const stage = play();
  const dropped = [
    ...stage.a.dropped.map((r) => `a: ${r}`),
    ...stage.b.dropped.map((r) => `b: ${r}`),
  ];
  const text = [...stage.log, ...dropped].join('\n');
  await expect(`${text}\n`).toMatchFileSnapshot(`testdata/${name}.txt`);
});

test('a cookie of another host, or one with a changed byte, opens nothing', () => {
  const stage = new Stage();
  stage.serve();
  stage.filter = (packet, from) => {
    if (from !== stage.a || chunkTypeIn(packet) !== ChunkType.cookieEcho) return true;
    packet.bytes[packet.start + IPV4_HEADER_BYTES + 60]! ^= 1;
    finishSctpChecksum(packet.bytes, packet.start + IPV4_HEADER_BYTES, packet.end);
    return true;
  };
  stage.call();
  stage.run(SECOND_NS);
  expect(stage.b.sockets.sctp.associations()).toEqual([]);
  expect(stage.b.dropped).toContain('SCTP cookie is not ours');
});

test('a flipped bit is found by the checksum', () => {
  const stage = new Stage();
  stage.serve();
  let isFlipped = false;
  stage.filter = (packet, from) => {
    if (from === stage.a && !isFlipped) {
      isFlipped = true;
      packet.bytes[packet.end - 1]! ^= 0x10;
    }
    return true;
  };
  stage.call();
  stage.run(10 * SECOND_NS);
  expect(stage.b.dropped).toEqual(['SCTP checksum is wrong']);
  expect(stage.b.sockets.sctp.counters.checksumErrors).toBe(1);
  expect(stage.b.sockets.sctp.associations()).toHaveLength(1);
});

test.each([
  ['20 %', 0.2],
  ['40 %', 0.4],
])(
  'with %s loss, reordering and repetition, every message arrives once and in order',
  (_, lossRatio) => {
    const stage = new Stage({ lossRatio, duplicateRatio: 0.1, jitterNs: 3_000_000 });
    const sizes = Array.from({ length: 40 }, (_, i) => 10 + ((i * 797) % 4000));
    const heard: number[] = [];
    const received: SctpHandlers = { onMessage: (bytes) => void heard.push(bytes.length) };
    stage.b.sockets.sctp.listen({ port: PORT, onAssociation: () => received });
    stage.call({
      onConnected: (own) => {
        for (const size of sizes) own.send(bytesOf(size));
        own.close();
      },
    });
    stage.run(HOUR_NS);
    expect(heard).toEqual(sizes);
    expect(stage.a.sockets.sctp.associations()).toEqual([]);
    expect(stage.b.sockets.sctp.associations()).toEqual([]);
  },
);

test('a chunk that is longer than its packet ends it', () => {
  const stage = new Stage();
  stage.serve();
  stage.filter = (packet) => {
    packet.bytes[packet.start + IPV4_HEADER_BYTES + SCTP_HEADER_BYTES + 3]! += 4;
    finishSctpChecksum(packet.bytes, packet.start + IPV4_HEADER_BYTES, packet.end);
    return true;
  };
  stage.call();
  stage.run(SECOND_NS);
  expect(stage.b.dropped).toEqual(['SCTP packet is malformed']);
});
