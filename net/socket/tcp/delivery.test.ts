import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MILLISECOND_NS, MINUTE_NS } from '../../../sim/time.ts';
import { Pipe, type PipeOptions } from '../testing/pipe.ts';
import type { TcpConnection } from './connection.ts';

interface Transfer {
  readonly received: Uint8Array;
  readonly closeReasons: string[];
  readonly log: string[];
  readonly leftover: number;
}

/** Bytes that tell their place. */
function patternOf(lengthBytes: number): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, i) => (i * 31 + (i >> 8)) & 255);
}

/** Sends `up` bytes in pieces, gets them echoed, closes; both ends may be slow readers. */
function echo(
  options: PipeOptions,
  lengthBytes: number,
  pieceBytes: number,
  isSlow: boolean,
): Transfer {
  const pipe = new Pipe(options);
  pipe.isLogging = true;
  const sent = patternOf(lengthBytes);
  const received: number[] = [];
  const closeReasons: string[] = [];
  const readSlowly = (connection: TcpConnection) => {
    if (!isSlow) return;
    connection.pauseReading();
    const { queue } = pipe.world;
    queue.scheduleCallback(queue.nowNs + 50 * MILLISECOND_NS, () => connection.resumeReading());
  };
  pipe.b.sockets.listen({
    port: 7,
    onConnection: () => ({
      onData: (bytes, connection) => {
        connection.send(bytes);
        readSlowly(connection);
      },
      onEnd: (connection) => connection.close(),
      onClosed: (reason) => closeReasons.push(reason),
    }),
  });
  pipe.a.sockets.connect({
    address: pipe.b.address,
    port: 7,
    handlers: {
      onConnected: (connection) => {
        for (let at = 0; at < lengthBytes; at += pieceBytes) {
          connection.send(sent.subarray(at, at + pieceBytes));
        }
        connection.end();
      },
      onData: (bytes, connection) => {
        received.push(...bytes);
        readSlowly(connection);
      },
      onEnd: (connection) => connection.close(),
      onClosed: (reason) => closeReasons.push(reason),
    },
  });
  pipe.world.queue.runUntil(30 * MINUTE_NS);
  const leftover = pipe.a.sockets.endpoints.size + pipe.b.sockets.endpoints.size;
  return { received: Uint8Array.from(received), closeReasons, log: pipe.log, leftover };
}

test('whatever the wire does, all bytes arrive once and in order, and both ends close', () => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.string({ minLength: 1, maxLength: 8 }),
        lossRatio: fc.double({ min: 0, max: 0.25, noNaN: true }),
        duplicateRatio: fc.double({ min: 0, max: 0.2, noNaN: true }),
        jitterNs: fc.constantFrom(0, MILLISECOND_NS, 20 * MILLISECOND_NS),
        mtuBytes: fc.constantFrom(576, 1400, 1500, 9000),
      }),
      fc.integer({ min: 1, max: 30_000 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.boolean(),
      (options, lengthBytes, pieceBytes, isSlow) => {
        const pieces = Math.max(pieceBytes, Math.ceil(lengthBytes / 200));
        const first = echo(options, lengthBytes, pieces, isSlow);
        expect(Buffer.compare(first.received, patternOf(lengthBytes))).toBe(0);
        expect(first.closeReasons).toEqual(['closed', 'closed']);
        expect(first.leftover).toBe(0);
        const second = echo(options, lengthBytes, pieces, isSlow);
        expect(second.log.join() === first.log.join()).toBe(true);
      },
    ),
    { numRuns: 25, seed: 1 },
  );
});

test('a megabyte without loss needs no retransmission and few timer events', () => {
  const pipe = new Pipe();
  let receivedBytes = 0;
  pipe.b.sockets.listen({
    port: 7,
    onConnection: () => ({ onData: (bytes) => void (receivedBytes += bytes.length) }),
  });
  pipe.a.sockets.connect({
    address: pipe.b.address,
    port: 7,
    handlers: { onConnected: (connection) => void connection.send(new Uint8Array(1_000_000)) },
  });
  pipe.world.queue.runUntil(MINUTE_NS);
  expect(receivedBytes).toBe(1_000_000);
  expect(pipe.a.sockets.counters.segmentsRetransmitted).toBe(0);
});
