/**
 * The embedded DNS server of a sandbox: two sockets on 127.0.0.11 with ports of their own, the nat
 * rules that lead port 53 to them, and the answers (`libnetwork/resolver.go`, `resolver_unix.go`).
 *
 * The server is dockerd's: while that stands still, nobody in a container resolves anything.
 * What nobody on the sandbox' networks is called is forwarded to the host's servers. When none of
 * them answers, the answer is SERVFAIL; before 24 there was none at all.
 */
import type { Namespace } from '../../net/namespace.ts';
import { Errno } from '../../net/socket/errno.ts';
import type { TcpListener } from '../../net/socket/tcp/listener.ts';
import type { UdpSocket } from '../../net/socket/udp-socket.ts';
import { assert } from '../../sim/assert.ts';
import type { Stream } from '../../sim/chance.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import {
  type DnsMessage,
  DnsRcode,
  encodeDns,
  parseDns,
  replyTo,
  truncateDns,
  udpAnswerBytesMaxOf,
} from '../../wire/dns.ts';
import { RuleWriter } from '../firewall/writer.ts';
import type { Host } from '../host/host.ts';
import { answerQuery, type NameView } from './answer.ts';
import type { DnsProtocol } from './exchange.ts';
import { Forwarder } from './forwarder.ts';
import { DNS_STREAM_BYTES_MAX, DnsStreamReader, framedDns } from './stream.ts';
import { type Upstream, upstreamsOf } from './upstreams.ts';

/** Where containers ask. */
export const EMBEDDED_DNS_ADDRESS: Ipv4Address = 0x7f00_000b;

/** What the server sees of its sandbox: names, and whether there is a way out. */
interface SandboxView extends NameView {
  readonly gateway?: object | undefined;
}

/** The DNS server of one sandbox. */
export class EmbeddedDns {
  readonly #view: NameView;
  readonly #namespace: Namespace;
  readonly #socket: UdpSocket;
  readonly #listener: TcpListener;
  readonly #chance: Stream;
  readonly #forwarder: Forwarder;
  /** Answers SERVFAIL when no outside server did; older engines keep silent. */
  readonly #admitsFailure: boolean;
  queryCount = 0;

  /** `servers` are asked what nobody here is called; default: those of the daemon or host. */
  constructor(
    host: Host,
    namespace: Namespace,
    view: SandboxView,
    servers: readonly Upstream[] = upstreamsOf(host.config.dns, host.resolver, host.engine),
  ) {
    this.#view = view;
    this.#namespace = namespace;
    const { dnsForwarding, asksForInternal } = host.engine;
    const mayAsk = () => asksForInternal || view.gateway !== undefined;
    const asking = { namespace: host.namespace, mayAsk };
    this.#forwarder = new Forwarder(namespace, asking, servers, dnsForwarding);
    this.#admitsFailure = dnsForwarding !== 'lastAnswer';
    this.#chance = host.world.chance.stream(`dns.${namespace.name}`);
    this.#socket = namespace.sockets.openUdp({
      // queries to a stopped dockerd wait in the socket
      onDatagram: (bytes, address, port) =>
        host.inEngine(() => {
          const send = (answer: Uint8Array) => {
            if (!this.#socket.isClosed) this.#socket.sendTo(answer, address, port);
          };
          this.#answer(bytes, 'udp', send);
        }),
    });
    const errno = this.#socket.bind(0, EMBEDDED_DNS_ADDRESS);
    assert(errno === Errno.none, 'the embedded DNS server cannot bind');
    this.#socket.program = host.daemonProgram();
    const listener = namespace.sockets.listen({
      port: 0,
      address: EMBEDDED_DNS_ADDRESS,
      onConnection: (connection) => {
        const reader = new DnsStreamReader();
        const send = (answer: Uint8Array) => void connection.send(framedDns(answer));
        return {
          onData: (bytes) =>
            host.inEngine(() => {
              for (const query of reader.take(bytes)) this.#answer(query, 'tcp', send);
            }),
        };
      },
      program: host.daemonProgram(),
    });
    assert(typeof listener === 'object', 'the embedded DNS server cannot listen');
    this.#listener = listener;
    writeResolverRules(namespace, this.#socket.localPort, listener.port);
  }

  /** dockerd ends: who asks is told that nobody listens. The rules stay. */
  close(): void {
    this.#socket.close();
    this.#listener.close();
  }

  #answer(bytes: Uint8Array, protocol: DnsProtocol, sendBytes: (bytes: Uint8Array) => void): void {
    const query = parseDns(bytes, 0, bytes.length);
    if (query === undefined || query.isResponse) return;
    this.queryCount++;
    const send = (message: DnsMessage, compresses: boolean) =>
      sendBytes(encodeDns(message, compresses));
    const own = answerQuery(query, this.#view, this.#chance);
    if (own !== undefined) {
      this.#namespace.host.beliefs?.onNameAnswer(addressesOf(own));
      const isTcp = protocol === 'tcp';
      const bytesMax = isTcp ? DNS_STREAM_BYTES_MAX : udpAnswerBytesMaxOf(query);
      send(truncateDns(own, bytesMax, isTcp, false), false);
      return;
    }
    const pass = (answer: DnsMessage | undefined) => {
      if (answer !== undefined) send(answer, true);
      else if (this.#admitsFailure) {
        const failure = { ...replyTo(query), rcode: DnsRcode.serverFailure };
        send(failure, false);
      }
    };
    this.#forwarder.forward(query, pass, protocol);
  }
}

function addressesOf(answer: DnsMessage): Ipv4Address[] {
  return answer.answers.flatMap(({ data }) => (data.kind === 'ipv4' ? [data.address] : []));
}

/** The chains and rules that lead 127.0.0.11:53 to the server's own ports. */
function writeResolverRules(namespace: Namespace, udpPort: number, tcpPort: number): void {
  const writer = new RuleWriter(namespace.tables);
  const to = '-d 127.0.0.11/32';
  const from = '-s 127.0.0.11/32';
  writer.chain('nat', 'DOCKER_OUTPUT');
  writer.chain('nat', 'DOCKER_POSTROUTING');
  writer.flush('nat', 'DOCKER_OUTPUT');
  writer.flush('nat', 'DOCKER_POSTROUTING');
  writer.append('nat', 'OUTPUT', `${to} -j DOCKER_OUTPUT`);
  writer.append('nat', 'POSTROUTING', `${to} -j DOCKER_POSTROUTING`);
  for (const [protocol, port] of [
    ['udp', udpPort],
    ['tcp', tcpPort],
  ] as const) {
    writer.insert(
      'nat',
      'DOCKER_OUTPUT',
      `${to} -p ${protocol} -m ${protocol} --dport 53 -j DNAT --to-destination 127.0.0.11:${port}`,
    );
    writer.insert(
      'nat',
      'DOCKER_POSTROUTING',
      `${from} -p ${protocol} -m ${protocol} --sport ${port} -j SNAT --to-source :53`,
    );
  }
}
