/**
 * One attempt of `nc` at a port: it connects, carries standard input there and prints what comes
 * back, until both are through or nothing has happened for `-w` seconds. Mirrors netcat.c's
 * `readwrite` and `udptest`.
 */

import { serviceOfPort } from '../../../net/services.ts';
import { Errno, formatErrno } from '../../../net/socket/errno.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import { formatIp, type IpAddress, parseIp } from '../../../wire/ip-address.ts';
import type { Options } from '../options.ts';
import type { Process } from '../process.ts';

/** One port of a command line. */
export interface Attempt {
  readonly process: Process;
  readonly options: Options;
  /** As it was typed. */
  readonly host: string;
  readonly address: IpAddress;
  readonly port: number;
  /** True when somebody was there. */
  readonly onEnd: (isOpen: boolean) => void;
}

/** How a UDP port is tried: datagrams, a second apart, which it may refuse. */
const UDP_PROBE_NS = SECOND_NS;
const UDP_PROBES = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

/** What has come, as text. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Carries standard input to `send`; `-N` and `-q 0` shut the connection down behind it. */
export function feed(
  { process, options }: Pick<Attempt, 'process' | 'options'>,
  send: (bytes: Uint8Array) => void,
  shutDown: () => void,
): void {
  process.stdin.read({
    onText: (text) => send(encoder.encode(text)),
    onEnd: () => {
      if (options.has('N')) shutDown();
      const quitAfter = Number(options.value('q') ?? -1);
      if (quitAfter >= 0) process.after(quitAfter * SECOND_NS, shutDown);
    },
  });
}

/** Ends what has been idle for `-w` seconds; the result is called at every sign of life. */
function idleTimer({ process, options }: Attempt, onIdle: () => void): () => void {
  const idleNs = Number(options.value('w') ?? 0) * SECOND_NS;
  if (idleNs === 0) return () => {};
  let lifeAtNs = process.world.nowNs;
  const look = () => {
    const leftNs = lifeAtNs + idleNs - process.world.nowNs;
    if (leftNs <= 0) onIdle();
    else process.after(leftNs, look);
  };
  look();
  return () => {
    lifeAtNs = process.world.nowNs;
  };
}

/** Tries a TCP port. */
export function tryTcp(attempt: Attempt): void {
  const { process, options, address, port, onEnd } = attempt;
  const source = sourceOf(attempt);
  const sourcePort = Number(options.value('p') ?? 0);
  let isConnected = false;
  let isOver = false;
  const finish = () => {
    if (isOver) return;
    isOver = true;
    onEnd(isConnected);
  };
  const fail = (errno: Errno) => {
    if (!isConnected && !isOver) complain(attempt, formatErrno(errno));
    finish();
  };
  const connection = process.place.namespace.sockets.connect({
    address,
    port,
    ...(source === 0 ? {} : { sourceAddress: source }),
    ...(sourcePort > 0 ? { sourcePort } : {}),
    handlers: {
      onConnected: (own) => {
        isConnected = true;
        keepAlive();
        if (options.has('v')) process.complain(succeededText(attempt, 'tcp'));
        if (options.has('z')) {
          own.close();
          finish();
          return;
        }
        const send = (bytes: Uint8Array) => {
          keepAlive();
          own.send(bytes);
        };
        feed(attempt, send, () => own.close());
      },
      onData: (bytes) => {
        keepAlive();
        process.print(textOf(bytes));
      },
      onEnd: (own) => {
        own.close();
        finish();
      },
      onClosed: (reason, own) => {
        if (reason === 'closed') finish();
        else fail(own.errno === Errno.none ? Errno.ECONNRESET : own.errno);
      },
    },
  });
  // what is still open when the process ends is reset; what nc has closed ends by itself
  process.whenOver(() => {
    if (!isOver) connection.abort();
  });
  const keepAlive = idleTimer(attempt, () => {
    if (isOver) return;
    if (!isConnected) complain(attempt, 'timed out: Operation now in progress');
    finish();
    connection.abort();
  });
}

/** Tries a UDP port; nobody answers for one that is open. */
export function tryUdp(attempt: Attempt): void {
  const { process, options, address, port, onEnd } = attempt;
  let isOver = false;
  let leftCount = Number(options.value('W') ?? Number.POSITIVE_INFINITY);
  const finish = (isOpen: boolean) => {
    if (isOver) return;
    isOver = true;
    socket.close();
    onEnd(isOpen);
  };
  const socket = process.place.namespace.sockets.openUdp({
    onDatagram: (bytes) => {
      keepAlive();
      process.print(textOf(bytes));
      if (--leftCount <= 0) finish(true);
    },
    onError: () => finish(false),
  });
  process.whenOver(() => socket.close());
  let keepAlive = () => {};
  const wanted = Number(options.value('p') ?? 0);
  const bound = wanted > 0 ? socket.bind(wanted, sourceOf(attempt)) : Errno.none;
  const errno = bound === Errno.none ? socket.connect(address, port) : bound;
  if (errno !== Errno.none) {
    complain(attempt, formatErrno(errno));
    finish(false);
    return;
  }
  const carry = () => {
    if (options.has('v')) process.complain(succeededText(attempt, 'udp'));
    if (options.has('z')) {
      finish(true);
      return;
    }
    keepAlive = idleTimer(attempt, () => finish(true));
    const send = (bytes: Uint8Array) => {
      keepAlive();
      socket.send(bytes);
    };
    feed(attempt, send, () => finish(true));
  };
  const probe = (count: number) => {
    if (isOver) return;
    if (count === UDP_PROBES) {
      carry();
      return;
    }
    socket.send(new Uint8Array([0x58]));
    process.after(UDP_PROBE_NS, () => probe(count + 1));
  };
  if (options.has('z') || options.has('v')) probe(0);
  else carry();
}

function sourceOf({ process, options }: Attempt): IpAddress {
  return parseIp(options.value('s') ?? '') ?? process.place.source;
}

/** With `-v`, why nothing came of an attempt. */
function complain(attempt: Attempt, reason: string): void {
  const { process, options, port } = attempt;
  if (!options.has('v')) return;
  const protocol = options.has('u') ? 'udp' : 'tcp';
  const text = reason.startsWith('timed out') ? reason : `failed: ${reason}`;
  process.complain(`nc: connect to ${hostText(attempt)} port ${port} (${protocol}) ${text}\n`);
}

/** nc names the address beside a name that was looked up. */
function hostText({ options, host, address }: Attempt): string {
  const text = formatIp(address);
  return options.has('n') || text === host ? host : `${host} (${text})`;
}

function succeededText(attempt: Attempt, protocol: 'tcp' | 'udp'): string {
  const { port } = attempt;
  const service = serviceOfPort(port, protocol) ?? '*';
  return `Connection to ${hostText(attempt)} ${port} port [${protocol}/${service}] succeeded!\n`;
}
