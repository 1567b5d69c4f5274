/**
 * What a TCP exchange does when the far host is not there, or comes back while it waits.
 */
import { expect, test } from 'vitest';
import { SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { Exchanges, type PortState } from './exchange.ts';
import { Underlay } from './underlay.ts';

/**
 * Starts an exchange with a host that is silent until `fromNs` and then in `state`; a minute before,
 * when it had been silent for long, somebody has tried already if `isOld`.
 */
function exchangeWith(state: PortState, fromNs: number, isOld = false): string[] {
  const world = new World('exchange');
  const beginNs = isOld ? 60 * SECOND_NS : 0;
  const portState = (): PortState => (world.nowNs >= beginNs + fromNs ? state : 'silent');
  const exchanges = new Exchanges(world, new Underlay(world, 2), { portState });
  const heard: string[] = [];
  const hear = (what: string) =>
    heard.push(`${Math.round((world.nowNs - beginNs) / 1e8) / 10} s: ${what}`);
  const request = { from: 0, to: 1, port: 7946, requestBytes: 500, draw: 1 };
  const start = () =>
    exchanges.start(
      { ...request, deadlineNs: world.nowNs + 10 * SECOND_NS },
      {
        onRequest: (_nowNs, reply) => {
          hear('request');
          reply(500);
        },
        onReply: () => hear('reply'),
        onFailure: (_nowNs, reason) => hear(reason),
      },
    );
  start();
  if (isOld) {
    world.queue.runUntil(beginNs);
    heard.length = 0;
    start();
  }
  world.queue.runUntil(beginNs + 20 * SECOND_NS);
  return heard;
}

/** When who calls a host gives up that accepts after a while and never answers. */
function silenceOf(fromNs: number, answerTimeoutNs?: number): string {
  const world = new World('exchange');
  const portState = (): PortState => (world.nowNs >= fromNs ? 'open' : 'silent');
  const exchanges = new Exchanges(world, new Underlay(world, 2), { portState });
  let heard = 'nothing';
  const request = { from: 0, to: 1, port: 7946, requestBytes: 500, draw: 1 };
  const spans = answerTimeoutNs === undefined ? {} : { answerTimeoutNs };
  exchanges.start(
    { ...request, deadlineNs: 10 * SECOND_NS, ...spans },
    {
      onRequest: () => {},
      onReply: () => (heard = 'reply'),
      onFailure: (nowNs, reason) => (heard = `${Math.round(nowNs / SECOND_NS)} s: ${reason}`),
    },
  );
  world.queue.runUntil(60 * SECOND_NS);
  return heard;
}

test('the time is for the connection, and where it is said once more for the answer', () => {
  expect(silenceOf(2 * SECOND_NS)).toBe('10 s: timeout');
  expect(silenceOf(2 * SECOND_NS, 10 * SECOND_NS)).toBe('13 s: timeout');
  expect(silenceOf(8 * SECOND_NS, 10 * SECOND_NS)).toBe('10 s: timeout');
});

test('an open port answers', () => {
  expect(exchangeWith('open', 0)).toEqual(['0 s: request', '0 s: reply']);
});

test('a host without the process refuses', () => {
  expect(exchangeWith('closed', 0)).toEqual(['0 s: refused']);
});

test('a host that boots meanwhile hears the next SYN, at 1, 3 and 7 s', () => {
  expect(exchangeWith('open', 0.5 * SECOND_NS)).toEqual(['1 s: request', '1 s: reply']);
  expect(exchangeWith('open', 2 * SECOND_NS)).toEqual(['3 s: request', '3 s: reply']);
  expect(exchangeWith('closed', 4 * SECOND_NS)).toEqual(['7 s: refused']);
});

test('a host that is off lets the deadline pass', () => {
  expect(exchangeWith('open', 8 * SECOND_NS)).toEqual(['10 s: timeout']);
});

test('a host that has been off for a minute has to be asked for its MAC address, thrice', () => {
  expect(exchangeWith('open', 8 * SECOND_NS, true)).toEqual(['3 s: unreachable']);
  expect(exchangeWith('open', 1.5 * SECOND_NS, true)).toEqual(['2 s: request', '2 s: reply']);
});
