/**
 * ipvs' SCTP state machine, transition by transition, as the table of the kernel's
 * `ip_vs_proto_sctp.c` has it; and a whole association through a virtual service.
 */
import { expect, test } from 'vitest';
import { ip } from '../../net/testing/lab.ts';
import { SECOND_NS } from '../../sim/time.ts';
import { ChunkType } from '../../wire/sctp.ts';
import { formatConnections, formatServices } from '../show.ts';
import { BalancedNetwork } from '../testing/balanced-network.ts';
import { TransitionTable } from './constants.ts';
import { IPVS_SCTP_STATE_NAMES, IPVS_SCTP_TIMEOUTS_NS, nextSctpState } from './sctp-states.ts';

const STATES = 'NO I1 IN CS CR CW CO CE ES SS SR SA RJ CL'.split(' ');

/** Direction, chunk, and the state that follows on each of {@link STATES}. */
const ROWS = `
request    data             ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL
request    init             I1 IN IN CS CR CW CO CE ES SS SR SA IN IN
request    initAck          CW CW CW CS CR CO CO CE ES SS SR SA RJ CL
request    cookieEcho       CR IN IN CR CR CW CO CE ES SS SR SA RJ CL
request    cookieAck        ES I1 IN CS CR CW CO ES ES SS SR SA RJ CL
request    shutdown         SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL
request    shutdownAck      CL IN IN CS CR CW CO CE ES CL SR CL RJ CL
request    shutdownComplete CL CL CL CS CR CW CO CE ES SS SR CL RJ CL
request    error            CL I1 IN CS CR CW CO CL ES SS SR SA RJ CL
request    abort            CL CL CL CL CL RJ CL CL CL CL CL CL CL CL
reply      data             ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL
reply      init             CW CW CW CW CW CW CW CW ES CW CW CW CW CW
reply      initAck          CS CS CS CS CR CW CO CE ES SS SR SA RJ CL
reply      cookieEcho       CE CE CE CE CE CE CE CE ES SS SR SA RJ CL
reply      cookieAck        ES ES ES ES ES ES ES ES ES SS SR SA RJ CL
reply      shutdown         SS SS SS SS SS SS SS SS SS SS SR SA RJ CL
reply      shutdownAck      SA SA SA SA SA CW CO CE ES SA SA SA RJ CL
reply      shutdownComplete CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL
reply      error            CL CL CL CL CL CW CO CE ES SS SR SA RJ CL
reply      abort            CL RJ CL CL CL CL CL CL CL CL CL CL CL CL
unanswered data             ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL
unanswered init             I1 IN IN IN IN IN CO CE ES SS SR SA IN IN
unanswered initAck          CE CE CE CE CE CE CO CE ES SS SR SA RJ CL
unanswered cookieEcho       ES ES ES ES ES ES CO CE ES SS SR SA RJ CL
unanswered cookieAck        ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL
unanswered shutdown         SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL
unanswered shutdownAck      CL IN IN CS CR CW CO CE CL CL SR CL RJ CL
unanswered shutdownComplete CL CL CL CL CL CW CO CE ES SS CL CL RJ CL
unanswered error            CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL
unanswered abort            CL CL CL CL CL RJ CL CL CL CL CL CL CL CL
`;

const TABLES = {
  request: TransitionTable.input,
  reply: TransitionTable.output,
  unanswered: TransitionTable.inputOnly,
} as const;

test.each(
  ROWS.trim()
    .split('\n')
    .map((row) => row.split(/ +/)),
)('%s %s', (direction, chunk, ...next) => {
  const table = TABLES[direction as keyof typeof TABLES];
  const type = ChunkType[chunk as keyof typeof ChunkType];
  expect(next).toEqual(STATES.map((_, state) => STATES[nextSctpState(table, type, state)]));
});

test('SACK and HEARTBEAT count as DATA', () => {
  const { input } = TransitionTable;
  for (const type of [ChunkType.sack, ChunkType.heartbeat, ChunkType.heartbeatAck, 192]) {
    expect(nextSctpState(input, type, 8)).toBe(nextSctpState(input, ChunkType.data, 8));
  }
});

test('times to live: 15 minutes established, 4 s where an answer decides, a longest timeout else', () => {
  const seconds = IPVS_SCTP_STATE_NAMES.map(
    (name, state) => `${name} ${IPVS_SCTP_TIMEOUTS_NS[state]! / SECOND_NS}`,
  );
  expect(seconds.join(', ')).toBe(
    'NONE 2, INIT1 4, INIT 61, C-SENT 61, C-REPLIED 61, C-WAIT 61, COOKIE 61, C-ECHOED 61, ' +
      'ESTABLISHED 900, S-SENT 61, S-RECEIVED 61, S-ACK-SENT 61, REJECTED 4, CLOSED 61',
  );
});

/** A virtual service with two servers that speak SCTP on port 3868. */
function diameter(): BalancedNetwork {
  const network = new BalancedNetwork();
  for (const station of [network.addServer(), network.addServer(), network.client]) {
    station.namespace.hooks.unregister('keep');
  }
  for (const { namespace } of network.servers) {
    namespace.sockets.sctp.listen({
      port: 3868,
      onAssociation: () => ({ onMessage: (bytes, own) => void own.send(bytes) }),
    });
  }
  return network;
}

test('associations go to the servers in turn, and ipvsadm shows how they stand', () => {
  const network = diameter();
  const ends: string[] = [];
  const call = () =>
    network.client.namespace.sockets.sctp.connect({
      address: ip('10.0.1.2'),
      port: 3868,
      handlers: {
        onConnected: (own) => void own.send(new Uint8Array(100)),
        onMessage: (bytes) => void ends.push(`${bytes.length} bytes`),
        onClosed: (reason) => void ends.push(reason),
      },
    });
  const associations = [call(), call(), call()];
  network.lab.world.queue.runUntil(SECOND_NS);
  expect(ends).toEqual(['100 bytes', '100 bytes', '100 bytes']);
  expect(formatServices(network.ipvs)).toContain(
    '  -> 10.0.1.11:0                  Masq    1      1          0         \n' +
      '  -> 10.0.1.12:0                  Masq    1      2          0         \n',
  );
  const port = associations[0]!.localPort;
  expect(formatConnections(network.ipvs)).toContain(
    `SCTP 14:59  ESTABLISHED 10.0.1.9:${port}     10.0.1.2:3868      10.0.1.12:3868\n`,
  );
  associations[0]!.close();
  network.lab.world.queue.runUntil(2 * SECOND_NS);
  expect(ends.at(-1)).toBe('closed');
  expect(formatConnections(network.ipvs)).toContain('SCTP 01:00  CLOSED      10.0.1.9');
});

test('an idle association lives on its heartbeats, and ends with its server', () => {
  const network = diameter();
  const ends: string[] = [];
  const own = network.client.namespace.sockets.sctp.connect({
    address: ip('10.0.1.2'),
    port: 3868,
    handlers: {
      onMessage: (bytes) => void ends.push(`${bytes.length} bytes`),
      onClosed: (reason) => void ends.push(reason),
    },
  });
  network.lab.world.queue.runUntil(2000 * SECOND_NS);
  own.send(new Uint8Array(10));
  network.lab.world.queue.runUntil(2001 * SECOND_NS);
  expect(ends).toEqual(['10 bytes']);
  network.service.remove(ip('10.0.1.12'), 0);
  own.send(new Uint8Array(10));
  network.lab.world.queue.runUntil(2010 * SECOND_NS);
  expect(ends).toEqual(['10 bytes', 'reset']);
});
