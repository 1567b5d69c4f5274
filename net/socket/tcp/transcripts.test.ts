/**
 * One transcript per rule of TCP: every segment on the wire with its instant, and what the programs
 * were told. `testdata/*.txt` is rewritten by `vitest -u` and reviewed as a diff.
 */
import { expect, test } from 'vitest';
import { formatInstant, MILLISECOND_NS, MINUTE_NS, SECOND_NS } from '../../../sim/time.ts';
import { IcmpType, UnreachableCode } from '../../../wire/icmp.ts';
import { totalLengthOf } from '../../../wire/ipv4.ts';
import { formatErrno } from '../errno.ts';
import { Pipe, type PipeEnd, type PipeOptions } from '../testing/pipe.ts';
import type { TcpConnection } from './connection.ts';
import type { TcpHandlers } from './handlers.ts';
import { type ListenOptions, TcpListener } from './listener.ts';
import { TcpState } from './state.ts';

const bytesOf = (count: number) => new Uint8Array(count).fill(120);

/** A pipe whose log also says what programs hear. */
class Stage extends Pipe {
  constructor(options: PipeOptions = {}) {
    super(options);
    this.isLogging = true;
  }

  say(text: string): void {
    this.log.push(`${formatInstant(this.world.nowNs)}   ${text}`);
  }

  /** Handlers that note what they hear and then do what `then` says. */
  program(name: string, then: TcpHandlers = {}): TcpHandlers {
    return {
      onConnected: (connection) => {
        this.say(`${name}: connected`);
        then.onConnected?.(connection);
      },
      onData: (bytes, connection) => {
        this.say(`${name}: ${bytes.length} bytes`);
        then.onData?.(bytes, connection);
      },
      onEnd: (connection) => {
        this.say(`${name}: end`);
        then.onEnd?.(connection);
      },
      onClosed: (reason, connection) => {
        const detail = connection.errno === 0 ? '' : ` (${formatErrno(connection.errno)})`;
        this.say(`${name}: ${reason}${detail}`);
        then.onClosed?.(reason, connection);
      },
      onDrain: (connection) => {
        this.say(`${name}: drain`);
        then.onDrain?.(connection);
      },
    };
  }

  serve(then: TcpHandlers = {}, options: Partial<ListenOptions> = {}): TcpListener {
    const onConnection = () => this.program('server', then);
    const listener = this.b.sockets.listen({ port: 80, onConnection, ...options });
    if (!(listener instanceof TcpListener)) throw new Error(`listen: ${listener}`);
    return listener;
  }

  call(then: TcpHandlers = {}, noDelay = true): TcpConnection {
    const handlers = this.program('client', then);
    return this.a.sockets.connect({ address: this.b.address, port: 80, handlers, noDelay });
  }

  at(atNs: number, action: () => void): void {
    this.world.queue.scheduleCallback(atNs, action);
  }

  run(untilNs: number): this {
    this.world.queue.runUntil(untilNs);
    return this;
  }

  /** Loses the packets of one end for which `decide` says so, counted from 1. */
  lose(from: PipeEnd, decide: (count: number) => boolean): void {
    let count = 0;
    this.filter = (_packet, sender) => sender !== from || !decide(++count);
  }
}

const closes: TcpHandlers = { onEnd: (connection) => connection.close() };

const scenes: Record<string, () => Stage> = {
  'request-and-answer': () => {
    const stage = new Stage();
    stage.serve({ onData: (_, connection) => void connection.send(bytesOf(200)), ...closes });
    stage.call({
      onConnected: (connection) => void connection.send(bytesOf(80)),
      onData: (_, connection) => connection.close(),
    });
    return stage.run(2 * MINUTE_NS);
  },
  'three-requests-on-one-connection': () => {
    const stage = new Stage();
    let count = 0;
    stage.serve({
      onData: (_, connection) =>
        stage.at(stage.world.nowNs + 5 * MILLISECOND_NS, () => {
          connection.send(bytesOf(200));
        }),
      ...closes,
    });
    stage.call({
      onConnected: (connection) => void connection.send(bytesOf(80)),
      onData: (_, connection) => {
        if (++count === 3) connection.close();
        else connection.send(bytesOf(80));
      },
    });
    return stage.run(2 * SECOND_NS);
  },
  'delayed-acknowledgement-and-nagle': () => {
    const stage = new Stage();
    let received = 0;
    stage.serve({
      onData: (bytes, connection) => {
        received += bytes.length;
        if (received % 30 === 0) connection.send(bytesOf(5));
      },
    });
    let count = 0;
    const sendTwice = (connection: TcpConnection) => {
      connection.send(bytesOf(10));
      connection.send(bytesOf(10));
      connection.send(bytesOf(10));
    };
    stage.call(
      {
        onConnected: sendTwice,
        onData: (_, connection) => {
          if (++count < 3) sendTwice(connection);
        },
      },
      false,
    );
    return stage.run(SECOND_NS);
  },
  'nobody-answers': () => {
    const stage = new Stage();
    stage.lose(stage.a, () => true);
    stage.call();
    return stage.run(5 * MINUTE_NS);
  },
  'syn-ack-is-lost': () => {
    const stage = new Stage();
    stage.lose(stage.b, () => true);
    stage.serve();
    const client = stage.call();
    stage.at(500 * MILLISECOND_NS, () => client.abort());
    return stage.run(5 * MINUTE_NS);
  },
  'closed-port': () => {
    const stage = new Stage();
    stage.call();
    return stage.run(SECOND_NS);
  },
  'port-unreachable': () => {
    const stage = new Stage();
    stage.filter = (packet, from) => {
      if (from !== stage.a) return true;
      const { destinationUnreachable } = IcmpType;
      stage.b.sendIcmpError(packet, destinationUnreachable, UnreachableCode.port);
      return false;
    };
    stage.call();
    return stage.run(SECOND_NS);
  },
  'host-unreachable-and-no-route': () => {
    const stage = new Stage();
    stage.filter = (packet, from) => {
      if (from !== stage.a) return true;
      const { destinationUnreachable } = IcmpType;
      stage.b.sendIcmpError(packet, destinationUnreachable, UnreachableCode.host);
      return false;
    };
    stage.call();
    stage.at(SECOND_NS, () => {
      stage.a.hasRoute = false;
      stage.call();
    });
    return stage.run(2 * SECOND_NS);
  },
  'half-close': () => {
    const stage = new Stage();
    stage.serve({
      onEnd: (connection) => {
        connection.send(bytesOf(300));
        stage.at(stage.world.nowNs + 100 * MILLISECOND_NS, () => {
          connection.send(bytesOf(50));
          connection.close();
        });
      },
    });
    stage.call({
      onConnected: (connection) => {
        connection.send(bytesOf(100));
        connection.end();
      },
      onEnd: () => undefined,
    });
    return stage.run(2 * MINUTE_NS);
  },
  'both-close-at-once': () => {
    const stage = new Stage();
    const ends: TcpConnection[] = [];
    stage.serve({ onConnected: (connection) => void ends.push(connection) });
    ends.push(stage.call());
    stage.at(SECOND_NS, () => ends.forEach((connection) => connection.close()));
    return stage.run(2 * MINUTE_NS);
  },
  'both-call-at-once': () => {
    const stage = new Stage();
    const { a, b } = stage;
    const port = 5000;
    const common = { port, sourcePort: port };
    a.sockets.connect({ address: b.address, handlers: stage.program('a'), ...common });
    const handlers = stage.program('b', { onConnected: (c) => void c.send(bytesOf(9)) });
    b.sockets.connect({ address: a.address, handlers, ...common });
    return stage.run(SECOND_NS);
  },
  'data-is-lost-for-ten-seconds': () => {
    const stage = new Stage();
    stage.serve();
    const client = stage.call();
    stage.at(SECOND_NS, () => {
      const { nowNs } = stage.world;
      stage.filter = (_, from) => from !== stage.a || stage.world.nowNs - nowNs > 10 * SECOND_NS;
      client.send(bytesOf(4000));
    });
    return stage.run(MINUTE_NS);
  },
  'peer-vanishes': () => {
    const stage = new Stage();
    stage.serve();
    const client = stage.call();
    stage.at(SECOND_NS, () => {
      stage.filter = () => false;
      client.send(bytesOf(10));
    });
    return stage.run(30 * MINUTE_NS);
  },
  'one-of-ten-segments-is-lost': () => {
    const stage = new Stage();
    stage.serve();
    stage.call({ onConnected: (connection) => void connection.send(bytesOf(14_600)) });
    stage.lose(stage.a, (count) => count === 5);
    return stage.run(SECOND_NS);
  },
  'two-of-ten-segments-are-lost': () => {
    const stage = new Stage();
    stage.serve();
    stage.call({ onConnected: (connection) => void connection.send(bytesOf(14_600)) });
    stage.lose(stage.a, (count) => count === 4 || count === 7);
    return stage.run(SECOND_NS);
  },
  'program-does-not-read': () => {
    const stage = new Stage({ mtuBytes: 9000 });
    let server: TcpConnection | undefined;
    stage.serve({
      onConnected: (connection) => {
        server = connection;
        connection.pauseReading();
      },
    });
    stage.call({ onConnected: (connection) => void connection.send(bytesOf(100_000)) });
    stage.at(3 * SECOND_NS, () => server!.resumeReading());
    return stage.run(5 * SECOND_NS);
  },
  'closed-with-unread-bytes': () => {
    const stage = new Stage();
    stage.serve({
      onConnected: (connection) => {
        connection.pauseReading();
        stage.at(SECOND_NS, () => connection.close());
      },
    });
    stage.call({ onConnected: (connection) => void connection.send(bytesOf(10)) });
    return stage.run(2 * SECOND_NS);
  },
  'data-for-a-closed-program': () => {
    const stage = new Stage();
    stage.serve({ onData: (_, connection) => connection.close() });
    stage.call({
      onConnected: (connection) => {
        connection.send(bytesOf(10));
        stage.at(SECOND_NS, () => void connection.send(bytesOf(10)));
      },
      onEnd: () => undefined,
    });
    return stage.run(3 * SECOND_NS);
  },
  'orphan-in-fin-wait-2': () => {
    const stage = new Stage();
    stage.serve({ onEnd: () => undefined });
    stage.call({ onConnected: (connection) => connection.close() });
    stage.run(30 * SECOND_NS);
    stage.say(
      stage.a.sockets.endpoints
        .list()
        .map((end) => end.state)
        .join(),
    );
    stage.run(2 * MINUTE_NS);
    stage.say(`endpoints left: ${stage.a.sockets.endpoints.size}`);
    return stage;
  },
  'accept-queue-is-full': () => {
    const stage = new Stage();
    const listener = stage.serve({}, { backlog: 0 });
    listener.isAccepting = false;
    stage.call();
    stage.at(10 * MILLISECOND_NS, () => void stage.call());
    stage.at(1500 * MILLISECOND_NS, () => {
      listener.isAccepting = true;
    });
    return stage.run(5 * SECOND_NS);
  },
  'listener-closes': () => {
    const stage = new Stage();
    const listener = stage.serve();
    listener.isAccepting = false;
    stage.call();
    stage.at(SECOND_NS, () => listener.close());
    stage.at(2 * SECOND_NS, () => void stage.call());
    return stage.run(3 * SECOND_NS);
  },
  'last-fin-is-repeated-in-time-wait': () => {
    const stage = new Stage();
    stage.serve(closes);
    stage.call({ onConnected: (connection) => connection.close() });
    stage.lose(stage.a, (count) => count === 3);
    stage.run(30 * SECOND_NS);
    stage.say(`time-waits: ${stage.a.sockets.timeWaits.count}`);
    stage.run(60.1 * SECOND_NS);
    stage.say(`time-waits: ${stage.a.sockets.timeWaits.count}`);
    stage.run(2 * MINUTE_NS);
    stage.say(`time-waits: ${stage.a.sockets.timeWaits.count}`);
    return stage;
  },
  'tuple-is-used-again-in-time-wait': () => {
    const stage = new Stage();
    stage.serve({ onConnected: (connection) => connection.close() });
    const options = { address: stage.b.address, port: 80, sourcePort: 50_000 };
    stage.a.sockets.connect({ ...options, handlers: stage.program('first', closes) });
    stage.at(SECOND_NS, () => {
      stage.a.sockets.connect({ ...options, handlers: stage.program('second', closes) });
    });
    return stage.run(2 * SECOND_NS);
  },
  'path-takes-less-than-its-ends': () => {
    const stage = new Stage();
    stage.serve();
    stage.call({ onConnected: (connection) => void connection.send(bytesOf(3000)) });
    stage.filter = (packet, from) => {
      if (from !== stage.a || totalLengthOf(packet.bytes, packet.start) <= 1400) return true;
      stage.a.mtuBytes = 1400;
      const { destinationUnreachable } = IcmpType;
      const { fragmentationNeeded } = UnreachableCode;
      stage.b.sendIcmpError(packet, destinationUnreachable, fragmentationNeeded, 1400);
      return false;
    };
    return stage.run(SECOND_NS);
  },
  'keepalive-finds-a-dead-peer': () => {
    const stage = new Stage();
    stage.serve();
    const keepAlive = { keepAlive: true, keepAliveTimeNs: 10 * SECOND_NS };
    const handlers = stage.program('client');
    stage.a.sockets.connect({ address: stage.b.address, port: 80, handlers, ...keepAlive });
    stage.at(15 * SECOND_NS, () => {
      stage.filter = () => false;
    });
    return stage.run(30 * MINUTE_NS);
  },
  'stray-segments': () => {
    const stage = new Stage();
    stage.serve();
    const client = stage.call();
    stage.at(SECOND_NS, () => {
      // the server loses all memory of the connection
      stage.b.sockets.destroy();
      client.send(bytesOf(10));
    });
    return stage.run(2 * SECOND_NS);
  },
};

test.each(Object.entries(scenes))('%s', async (name, play) => {
  const stage = play();
  const text = `${stage.log.join('\n')}\n`;
  expect(play().log.join('\n')).toBe(stage.log.join('\n'));
  await expect(text).toMatchFileSnapshot(`testdata/${name}.txt`);
});

test('nothing is left behind', () => {
  const stage = scenes['request-and-answer']!();
  for (const { sockets } of [stage.a, stage.b]) expect(sockets.endpoints.size).toBe(0);
  expect(stage.world.queue.pendingCount).toBe(0);
  expect(TcpState.timeWait).toBe(6);
});
