/**
 * `nc` (OpenBSD netcat 1.219): tries ports (`-z`), connects, or listens. Nobody types: standard
 * input is empty, and without `-N` a connection stays open until its peer or `-w` ends it.
 */
import { Errno, formatErrno } from '../../../net/socket/errno.ts';
import type { TcpConnection } from '../../../net/socket/tcp/connection.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import { formatIpv4Address, type Ipv4Address, parseIpv4Address } from '../../../wire/addresses.ts';
import { addressOfName } from '../names.ts';
import { type Options, parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

const USAGE = `usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
	  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
	  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
	  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
	  [destination] [port]
`;

/** Service names that nc prints, from /etc/services. */
const SERVICES: Readonly<Record<string, string>> = {
  '22/tcp': 'ssh',
  '25/tcp': 'smtp',
  '53/tcp': 'domain',
  '53/udp': 'domain',
  '80/tcp': 'http',
  '443/tcp': 'https',
  '3306/tcp': 'mysql',
  '5432/tcp': 'postgresql',
  '6379/tcp': 'redis',
  '8080/tcp': 'http-alt',
};

/** How long a UDP port may take to refuse, in ns: four datagrams, a second apart. */
const UDP_PROBE_NS = SECOND_NS;
const UDP_PROBES = 4;

const decoder = new TextDecoder('latin1');

/** `nc [-zvunlkN] [-w seconds] [-p port] [host] port[-port]`. */
export function nc(process: Process, argv: readonly string[]): void {
  const options = parseOptions('nc', argv, '4dklNnuvzw:p:q:s:');
  if (typeof options === 'string') {
    process.fail(1, `${options}\n${USAGE}`);
    return;
  }
  if (options.has('l')) {
    listen(process, options);
    return;
  }
  const [host, portText] = options.operands;
  if (host === undefined) {
    process.fail(1, USAGE);
    return;
  }
  const ports = portsOf(portText ?? '');
  if (typeof ports === 'string') {
    process.fail(1, portText === undefined ? 'nc: missing port number\n' : `nc: ${ports}\n`);
    return;
  }
  addressOfName(process, host, (address, error) => {
    if (address === undefined) {
      const text = `nc: getaddrinfo for host "${host}" port ${ports[0]}: ${error}\n`;
      process.fail(1, text);
      return;
    }
    let status = 1;
    const next = (at: number) => {
      const port = ports[at];
      if (port === undefined) {
        process.exit(status);
        return;
      }
      const onEnd = (isOpen: boolean) => {
        if (isOpen) status = 0;
        if (!process.isOver) next(at + 1);
      };
      if (options.has('u')) tryUdp(process, options, host, address, port, onEnd);
      else tryTcp(process, options, host, address, port, onEnd);
    };
    next(0);
  });
}

/** `80`, `6000-6010`; the text of nc's complaint otherwise. */
function portsOf(text: string): number[] | string {
  const found = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (found === null) return `port number invalid: ${text}`;
  const first = Number(found[1]);
  const last = Number(found[2] ?? found[1]);
  if (Math.max(first, last) > 65_535) return `port number too large: ${text}`;
  if (Math.min(first, last) < 1) return `port number too small: ${text}`;
  const least = Math.min(first, last);
  return Array.from({ length: Math.abs(last - first) + 1 }, (_, i) => least + i);
}

function tryTcp(
  process: Process,
  options: Options,
  host: string,
  address: Ipv4Address,
  port: number,
  onEnd: (isOpen: boolean) => void,
): void {
  const { namespace } = process.place;
  const chosen = parseIpv4Address(options.value('s') ?? '');
  const source = chosen ?? process.place.source;
  const sourcePort = Number(options.value('p') ?? 0);
  const where = hostText(options, host, address);
  let isConnected = false;
  let isOver = false;
  const finish = () => {
    if (isOver) return;
    isOver = true;
    onEnd(isConnected);
  };
  const fail = (errno: Errno) => {
    if (isOver) return;
    if (!isConnected && options.has('v')) {
      const reason = formatErrno(errno);
      process.complain(`nc: connect to ${where} port ${port} (tcp) failed: ${reason}\n`);
    }
    finish();
  };
  const connection = namespace.sockets.connect({
    address,
    port,
    ...(source === 0 ? {} : { sourceAddress: source }),
    ...(sourcePort > 0 ? { sourcePort } : {}),
    handlers: {
      onConnected: (own) => {
        isConnected = true;
        if (options.has('v')) process.complain(succeededText(where, port, 'tcp'));
        if (options.has('z')) {
          own.close();
          finish();
        } else if (options.has('N')) own.close();
      },
      onData: (bytes) => process.print(decoder.decode(bytes)),
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
  process.whenOver(() => abortUnlessOver(connection, () => isOver));
  const waitNs = Number(options.value('w') ?? 0) * SECOND_NS;
  if (waitNs > 0) {
    process.after(waitNs, () => {
      if (isOver) return;
      if (!isConnected && options.has('v')) {
        const reason = 'timed out: Operation now in progress';
        process.complain(`nc: connect to ${where} port ${port} (tcp) ${reason}\n`);
      }
      finish();
      connection.abort();
    });
  }
}

/** What is still open when the process ends is reset; what nc has closed ends by itself. */
function abortUnlessOver(connection: TcpConnection, isOver: () => boolean): void {
  if (!isOver()) connection.abort();
}

function tryUdp(
  process: Process,
  options: Options,
  host: string,
  address: Ipv4Address,
  port: number,
  onEnd: (isOpen: boolean) => void,
): void {
  let isOver = false;
  const finish = (isOpen: boolean) => {
    if (isOver) return;
    isOver = true;
    socket.close();
    if (isOpen && options.has('v')) {
      process.complain(succeededText(hostText(options, host, address), port, 'udp'));
    }
    onEnd(isOpen);
  };
  const socket = process.place.namespace.sockets.openUdp({
    onDatagram: (bytes) => process.print(decoder.decode(bytes)),
    onError: () => finish(false),
  });
  process.whenOver(() => socket.close());
  if (socket.connect(address, port) !== Errno.none) {
    finish(false);
    return;
  }
  const probe = (count: number) => {
    if (isOver) return;
    if (count === UDP_PROBES) {
      finish(true);
      return;
    }
    socket.send(new Uint8Array([0x58]));
    process.after(UDP_PROBE_NS, () => probe(count + 1));
  };
  if (options.has('z') || options.has('v')) probe(0);
}

/** `nc -l [-p] port`: prints what the first connection (with `-k`, every one) sends. */
function listen(process: Process, options: Options): void {
  const portText = options.value('p') ?? options.operands.at(-1) ?? '';
  const ports = portsOf(portText);
  if (typeof ports === 'string') {
    process.fail(1, portText === '' ? USAGE : `nc: ${ports}\n`);
    return;
  }
  const port = ports[0]!;
  const { sockets } = process.place.namespace;
  const listener = sockets.listen({
    port,
    program: '"nc"',
    onConnection: (connection) => {
      if (options.has('v')) {
        const from = `${formatIpv4Address(connection.remoteAddress)} ${connection.remotePort}`;
        process.complain(`Connection received on ${from}\n`);
      }
      const isOnly = !options.has('k');
      if (isOnly && typeof listener === 'object') listener.close();
      return {
        onData: (bytes) => process.print(decoder.decode(bytes)),
        onEnd: (own) => own.close(),
        onClosed: () => {
          if (isOnly) process.exit(0);
        },
      };
    },
  });
  if (typeof listener !== 'object') {
    process.fail(1, `nc: ${formatErrno(listener)}\n`);
    return;
  }
  if (options.has('v')) process.complain(`Listening on 0.0.0.0 ${port}\n`);
  process.whenOver(() => listener.close());
}

/** nc names the address beside a name that was looked up. */
function hostText(options: Options, host: string, address: Ipv4Address): string {
  const text = formatIpv4Address(address);
  return options.has('n') || text === host ? host : `${host} (${text})`;
}

function succeededText(where: string, port: number, protocol: 'tcp' | 'udp'): string {
  const service = SERVICES[`${port}/${protocol}`] ?? '*';
  return `Connection to ${where} ${port} port [${protocol}/${service}] succeeded!\n`;
}
