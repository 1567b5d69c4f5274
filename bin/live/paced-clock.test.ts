import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { EventQueue } from '../../sim/event-queue.ts';
import { MILLISECOND_NS } from '../../sim/time.ts';
import { LoopbackEcho } from './loopback-echo.ts';
import { PacedClock } from './paced-clock.ts';

const HOST = '127.0.0.1';
const ANSWERS = 20;
/** So long a thread that others use may need for an answer: it waits for nothing in between. */
const HANDLING_MS = 15;

test('no deadline passes while answers wait to be read, however long reading takes', async () => {
  const queue = new EventQueue();
  const echo = new LoopbackEcho();
  await echo.open();
  const clock = new PacedClock(queue, echo);
  const happened: string[] = [];
  const socket = createSocket('udp4').bind(0, HOST);
  await once(socket, 'listening');
  const over = new Promise<void>((resolve) => {
    queue.scheduleCallback(100 * MILLISECOND_NS, () => {
      happened.push('deadline');
      resolve();
    });
  });
  socket.once('message', () => clock.start());
  socket.on('message', () => {
    clock.run(() => happened.push('answer'));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HANDLING_MS);
  });
  for (let i = 0; i < ANSWERS; i++) socket.send('an answer', socket.address().port, HOST);
  await over;
  expect(happened).toEqual([...Array<string>(ANSWERS).fill('answer'), 'deadline']);
  clock.stop();
  echo.close();
  socket.close();
});
