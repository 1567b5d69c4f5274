/**
 * One DNS query to one server over UDP or TCP, and the answer to it.
 */
import type { Namespace } from '../../net/namespace.ts';
import { Errno } from '../../net/socket/errno.ts';
import { NO_EVENT } from '../../sim/event-queue.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { DNS_PORT, type DnsMessage, encodeDns, parseDns } from '../../wire/dns.ts';
import { DnsStreamReader, framedDns } from './stream.ts';

/** Whom to ask what, and for how long. */
export interface DnsExchange {
  readonly server: Ipv4Address;
  /** Default 53. */
  readonly port?: number;
  readonly query: DnsMessage;
  readonly timeoutNs: number;
  /** Default UDP. */
  readonly protocol?: DnsProtocol;
}

/** What a query travels over. */
export type DnsProtocol = 'udp' | 'tcp';

/** What came back. */
export interface DnsReply {
  readonly message: DnsMessage;
  readonly sizeBytes: number;
}

type OnEnd = (reply: DnsReply | undefined, errno: Errno) => void;

/**
 * Asks; the answer, or why there is none: an errno of the socket, or `ETIMEDOUT` when nobody
 * answered in time. Returns what cancels the question.
 */
export function exchangeDns(namespace: Namespace, exchange: DnsExchange, onEnd: OnEnd): () => void {
  const ask = exchange.protocol === 'tcp' ? exchangeOverTcp : exchangeOverUdp;
  return ask(namespace, exchange, onEnd);
}

function exchangeOverTcp(
  namespace: Namespace,
  { server, port = DNS_PORT, query, timeoutNs }: DnsExchange,
  onEnd: OnEnd,
): () => void {
  const { queue } = namespace.world;
  const reader = new DnsStreamReader();
  let isOver = false;
  const end = (reply: DnsReply | undefined, errno: Errno) => {
    if (isOver) return;
    isOver = true;
    queue.cancel(timer);
    onEnd(reply, errno);
  };
  const timer = queue.scheduleCallback(queue.nowNs + timeoutNs, () => {
    connection.abort();
    end(undefined, Errno.ETIMEDOUT);
  });
  const connection = namespace.sockets.connect({
    address: server,
    port,
    handlers: {
      onConnected: (own) => void own.send(framedDns(encodeDns(query))),
      onData: (bytes, own) => {
        for (const part of reader.take(bytes)) {
          const message = parseDns(part, 0, part.length);
          if (message?.isResponse !== true || message.id !== query.id) continue;
          own.close();
          end({ message, sizeBytes: part.length }, Errno.none);
        }
      },
      onClosed: (_reason, own) => end(undefined, own.errno),
    },
  });
  return () => {
    if (isOver) return;
    isOver = true;
    queue.cancel(timer);
    connection.abort();
  };
}

function exchangeOverUdp(
  namespace: Namespace,
  { server, port = DNS_PORT, query, timeoutNs }: DnsExchange,
  onEnd: OnEnd,
): () => void {
  const { queue } = namespace.world;
  let timer = NO_EVENT;
  let isOver = false;
  const close = (): boolean => {
    if (isOver) return false;
    isOver = true;
    queue.cancel(timer);
    socket.close();
    return true;
  };
  const fail = (errno: Errno) => {
    if (close()) onEnd(undefined, errno);
  };
  const socket = namespace.sockets.openUdp({
    onDatagram: (bytes) => {
      const message = parseDns(bytes, 0, bytes.length);
      if (message?.isResponse !== true || message.id !== query.id) return;
      if (close()) onEnd({ message, sizeBytes: bytes.length }, Errno.none);
    },
    onError: (errno) => fail(errno),
  });
  timer = queue.scheduleCallback(queue.nowNs + timeoutNs, () => fail(Errno.ETIMEDOUT));
  const connected = socket.connect(server, port);
  const errno = connected === Errno.none ? socket.send(encodeDns(query)) : connected;
  if (errno !== Errno.none) fail(errno);
  return close;
}
