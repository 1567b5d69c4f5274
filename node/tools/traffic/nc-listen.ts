/**
 * `nc -l`: waits for a connection (with `-k`, for one after the other) or, with `-u`, for datagrams
 * of one peer; prints what it sends and carries standard input there.
 */
import { Errno, formatErrno } from '../../../net/socket/errno.ts';
import { formatIp, type IpAddress } from '../../../wire/ip-address.ts';
import type { Options } from '../options.ts';
import type { Process } from '../process.ts';
import { feed, textOf } from './nc-connect.ts';

/** Listens on a port. */
export function listen(process: Process, options: Options, port: number): void {
  const error = options.has('u')
    ? listenUdp(process, options, port)
    : listenTcp(process, options, port);
  if (error !== Errno.none) process.fail(1, `nc: ${formatErrno(error)}\n`);
  else if (options.has('v')) {
    process.complain(`${options.has('u') ? 'Bound' : 'Listening'} on 0.0.0.0 ${port}\n`);
  }
}

function welcome(process: Process, options: Options, address: IpAddress, port: number): void {
  if (!options.has('v')) return;
  process.complain(`Connection received on ${formatIp(address)} ${port}\n`);
}

function listenTcp(process: Process, options: Options, port: number): Errno {
  const isOnly = !options.has('k');
  const listener = process.place.namespace.sockets.listen({
    port,
    program: '"nc"',
    onConnection: (connection) => {
      welcome(process, options, connection.remoteAddress, connection.remotePort);
      if (isOnly && typeof listener === 'object') listener.close();
      // once the connection stands
      process.after(0, () => {
        const send = (bytes: Uint8Array) => void connection.send(bytes);
        feed({ process, options }, send, () => connection.close());
      });
      return {
        onData: (bytes) => process.print(textOf(bytes)),
        onEnd: (own) => own.close(),
        onClosed: () => {
          if (isOnly) process.exit(0);
        },
      };
    },
  });
  if (typeof listener !== 'object') return listener;
  process.whenOver(() => listener.close());
  return Errno.none;
}

function listenUdp(process: Process, options: Options, port: number): Errno {
  const socket = process.place.namespace.sockets.openUdp({
    onDatagram: (bytes, fromAddress, fromPort) => {
      if (socket.remotePort === 0 && !options.has('k')) {
        welcome(process, options, fromAddress, fromPort);
        socket.connect(fromAddress, fromPort);
        feed(
          { process, options },
          (text) => void socket.send(text),
          () => process.exit(0),
        );
      }
      process.print(textOf(bytes));
    },
    onError: () => process.exit(0),
  });
  socket.program = '"nc"';
  process.whenOver(() => socket.close());
  return socket.bind(port);
}
