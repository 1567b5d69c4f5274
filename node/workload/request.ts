/**
 * One request of a simulated client: resolve, connect, ask, read the answer, close; and how it ends.
 * Containers' programs call each other with it, and so does the traffic of scenarios.
 */
import type { Namespace } from '../../net/namespace.ts';
import type { CloseReason } from '../../net/socket/tcp/handlers.ts';
import { NO_EVENT } from '../../sim/event-queue.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { encodeRequest, MessageReader } from './http.ts';

/** How a request ended. */
export type RequestEnd = 'ok' | 'refused' | 'reset' | 'timeout' | 'unreachable' | 'unresolved';

/** What is asked of whom. */
export interface RequestOptions {
  readonly protocol: 'http' | 'tcp';
  readonly address: Ipv4Address;
  readonly port: number;
  /** The HTTP host header. */
  readonly host: string;
  readonly path: string;
  /** Bytes of a plain TCP request. */
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

/** Sends one request on a connection of its own. */
export function sendRequest(namespace: Namespace, options: RequestOptions): void {
  const { queue } = namespace.world;
  const isHttp = options.protocol === 'http';
  const reader = new MessageReader();
  let isOver = false;
  const finish = (end: RequestEnd) => {
    if (isOver) return;
    isOver = true;
    queue.cancel(timer);
    options.onEnd(end, reader.server);
  };
  const connection = namespace.sockets.connect({
    address: options.address,
    port: options.port,
    ...(options.source === 0 ? {} : { sourceAddress: options.source }),
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
  const timer =
    options.timeoutNs === 0
      ? NO_EVENT
      : queue.scheduleCallback(queue.nowNs + options.timeoutNs, () => {
          finish('timeout');
          connection.abort();
        });
}
