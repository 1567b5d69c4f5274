/**
 * A DNS server's two sockets on port 53 of an address: datagrams, in which long answers are cut, and
 * messages in streams.
 */
import type { Namespace } from '../../net/namespace.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import {
  DNS_PORT,
  type DnsMessage,
  encodeDns,
  parseDns,
  truncateDns,
  udpAnswerBytesMaxOf,
} from '../../wire/dns.ts';
import type { DnsProtocol } from './exchange.ts';
import { DNS_STREAM_BYTES_MAX, DnsStreamReader, framedDns } from './stream.ts';

/** Hears a query; `send` answers it, cut where it does not fit. */
export type OnDnsQuery = (
  query: DnsMessage,
  protocol: DnsProtocol,
  send: (answer: DnsMessage) => void,
) => void;

/** Listens for queries at an address of the namespace. */
export function listenForDns(
  namespace: Namespace,
  address: Ipv4Address,
  onQuery: OnDnsQuery,
): void {
  const hear = (bytes: Uint8Array, protocol: DnsProtocol, send: (bytes: Uint8Array) => void) => {
    const query = parseDns(bytes, 0, bytes.length);
    if (query === undefined || query.isResponse) return;
    const isTcp = protocol === 'tcp';
    const bytesMax = isTcp ? DNS_STREAM_BYTES_MAX : udpAnswerBytesMaxOf(query);
    onQuery(query, protocol, (answer) => send(encodeDns(truncateDns(answer, bytesMax, isTcp))));
  };
  const socket = namespace.sockets.openUdp({
    onDatagram: (bytes, from, port) =>
      hear(bytes, 'udp', (answer) => socket.sendTo(answer, from, port)),
  });
  socket.bind(DNS_PORT, address);
  namespace.sockets.listen({
    port: DNS_PORT,
    address,
    onConnection: (connection) => {
      const reader = new DnsStreamReader();
      const send = (answer: Uint8Array) => void connection.send(framedDns(answer));
      return {
        onData: (bytes) => {
          for (const query of reader.take(bytes)) hear(query, 'tcp', send);
        },
      };
    },
  });
}
