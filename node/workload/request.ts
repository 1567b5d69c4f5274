/**
 * One request of a simulated client: resolve, connect, ask, read the answer, close; and how it ends.
 * Containers' programs call each other with it, and so does the traffic of scenarios.
 */
import type { Namespace } from '../../net/namespace.ts';
import type { CloseReason } from '../../net/socket/tcp/handlers.ts';
import { NO_EVENT } from '../../sim/event-queue.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { encodeRequest, MessageReader } from './http.ts';
import type { CallTarget } from './program.ts';

/** How a request ended. */
export type RequestEnd = 'ok' | 'refused' | 'reset' | 'timeout' | 'unreachable' | 'unresolved';

/** What a request goes over; SCTP's is one message, answered by one. */
export type RequestProtocol = 'http' | 'tcp' | 'sctp';

/** What a call to such a target goes over; one that only resolves or sends datagrams asks for none. */
export function requestProtocolOf(protocol: CallTarget['protocol']): RequestProtocol {
  return protocol === 'http' || protocol === 'sctp' ? protocol : 'tcp';
}

/** What is asked of whom. */
export interface RequestOptions {
  readonly protocol: RequestProtocol;
  readonly address: Ipv4Address;
  readonly port: number;
  /** The HTTP host header. */
  readonly host: string;
  readonly path: string;
  /** Bytes of a request that is not HTTP. */
  readonly requestBytes: number;
  readonly timeoutNs: number;
  /** The client's own address when it has several; 0 lets the stack choose. */
  readonly source: Ipv4Address;
  /** Names the server that answered; empty for plain TCP. */
  readonly onEnd: (end: RequestEnd, server: string) => void;
}

const ENDS: Readonly<Record<CloseReason, RequestEnd>> = {
  closed: 'reset',
  reset: 'reset',
  timeout: 'timeout',
  refused: 'refused',
  unreachable: 'unreachable',
};

/** Sends one request on a connection or association of its own. */
export function sendRequest(namespace: Namespace, options: RequestOptions): void {
  const { queue } = namespace.world;
  const reader = new MessageReader();
  let isOver = false;
  const finish = (end: RequestEnd) => {
    if (isOver) return;
    isOver = true;
    queue.cancel(timer);
    options.onEnd(end, reader.server);
  };
  const open = options.protocol === 'sctp' ? openAssociation : openConnection;
  const connection = open(namespace, options, reader, finish);
  const timer =
    options.timeoutNs === 0
      ? NO_EVENT
      : queue.scheduleCallback(queue.nowNs + options.timeoutNs, () => {
          finish('timeout');
          connection.abort();
        });
}

type Finish = (end: RequestEnd) => void;

function destinationOf({ address, port, source }: RequestOptions) {
  return { address, port, ...(source === 0 ? {} : { sourceAddress: source }) };
}

function openConnection(
  namespace: Namespace,
  options: RequestOptions,
  reader: MessageReader,
  finish: Finish,
): { abort(): void } {
  const isHttp = options.protocol === 'http';
  return namespace.sockets.connect({
    ...destinationOf(options),
    handlers: {
      onConnected: (own) => {
        own.send(
          isHttp
            ? encodeRequest(options.host, options.path, 'close')
            : new Uint8Array(options.requestBytes),
        );
      },
      onData: (bytes, own) => {
        if (isHttp && !reader.take(bytes)) return;
        finish('ok');
        own.close();
      },
      onEnd: (own) => {
        finish('reset');
        own.close();
      },
      onClosed: (reason) => finish(ENDS[reason]),
    },
  });
}

function openAssociation(
  namespace: Namespace,
  options: RequestOptions,
  _reader: MessageReader,
  finish: Finish,
): { abort(): void } {
  return namespace.sockets.sctp.connect({
    ...destinationOf(options),
    handlers: {
      onConnected: (own) => void own.send(new Uint8Array(Math.max(1, options.requestBytes))),
      onMessage: (_bytes, own) => {
        finish('ok');
        own.close();
      },
      onClosed: (reason) => finish(ENDS[reason]),
    },
  });
}
