/**
 * What a manager's connections do while nothing gets through, and afterwards.
 */
import { expect, test } from 'vitest';
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import { World } from '../../sim/world.ts';
import { Underlay } from '../underlay/underlay.ts';
import { ControlConnections, type ProcessState } from './connection.ts';

const AGENT = 0;
const MANAGER = 1;

function twoHosts() {
  const world = new World('connections');
  const delivered: string[] = [];
  const states: ProcessState[] = ['up', 'up'];
  const connections = new ControlConnections<string>(world, new Underlay(world, 2), 2, {
    processState: (host) => states[host]!,
    deliver: (from, to, message) => {
      delivered.push(`${Math.round(world.nowNs / MILLISECOND_NS)} ms: ${from}>${to} ${message}`);
    },
    reset: (host, peer) => delivered.push(`${host} is reset by ${peer}`),
  });
  const runUntil = (atSeconds: number) => world.queue.runUntil(atSeconds * SECOND_NS);
  return { connections, delivered, states, runUntil };
}

test('messages wait for one that is lost, for as long as TCP has backed off', () => {
  const { connections, delivered, states, runUntil } = twoHosts();
  states[MANAGER] = 'off';
  connections.send(AGENT, MANAGER, 'heartbeat', 100);
  runUntil(6.5);
  states[MANAGER] = 'up';
  connections.send(AGENT, MANAGER, 'status', 100);
  runUntil(12);
  expect(delivered).toEqual([]);
  runUntil(13);
  expect(delivered.map((line) => line.split(' ms: ')[1])).toEqual(['0>1 heartbeat', '0>1 status']);
});

test('a new connection waits only for its own SYN', () => {
  const { connections, delivered, states, runUntil } = twoHosts();
  states[MANAGER] = 'off';
  connections.send(AGENT, MANAGER, 'heartbeat', 100);
  runUntil(5);
  connections.open(AGENT, MANAGER);
  connections.send(AGENT, MANAGER, 'session', 100);
  runUntil(5.5);
  states[MANAGER] = 'up';
  runUntil(30);
  expect(delivered).toEqual(['6000 ms: 0>1 session']);
});

test('a host without the process answers with a reset', () => {
  const { connections, delivered, states, runUntil } = twoHosts();
  states[MANAGER] = 'gone';
  connections.send(AGENT, MANAGER, 'session', 100);
  runUntil(1);
  expect(delivered).toEqual(['0 is reset by 1']);
});
