/**
 * `curl` 7.88 over HTTP/1.1: one GET, HEAD or POST on a connection of its own, its answer, its
 * verbose lines, its `--write-out` variables and its errors. As on a terminal with `-s`, there is no
 * progress meter. Mirrors curl's lib/connect.c, lib/transfer.c and src/tool_writeout.c.
 */
import { Errno, formatErrno } from '../../../net/socket/errno.ts';
import type { TcpConnection } from '../../../net/socket/tcp/connection.ts';
import type { CloseReason } from '../../../net/socket/tcp/handlers.ts';
import { MILLISECOND_NS, SECOND_NS } from '../../../sim/time.ts';
import { formatIp, formatIpPort, type IpAddress, isIpv6Address } from '../../../wire/ip-address.ts';
import { addressOfName } from '../names.ts';
import type { Process } from '../process.ts';
import { type CurlRequest, parseCurl } from './curl-options.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');

/** curl's exit statuses. */
const CurlStatus = {
  couldNotResolve: 6,
  couldNotConnect: 7,
  partialFile: 18,
  httpError: 22,
  timeout: 28,
  gotNothing: 52,
  receiveError: 56,
} as const;

/** `curl [options] <url>`. */
export function curl(process: Process, argv: readonly string[]): void {
  const request = parseCurl(argv);
  if ('status' in request) process.fail(request.status, request.text);
  else new Transfer(process, request).start();
}

/** Spans since the start, in ns; 0 for what has not happened. */
interface Times {
  nameLookup: number;
  connect: number;
  startTransfer: number;
}

class Transfer {
  readonly #process: Process;
  readonly #request: CurlRequest;
  readonly #startedAtNs: number;
  readonly #times: Times = { nameLookup: 0, connect: 0, startTransfer: 0 };
  #connection: TcpConnection | undefined;
  #address: IpAddress | undefined;
  #isConnected = false;
  /** The answer is whole, and the connection ends by itself. */
  #isClosed = false;
  /** What has come of the head, until it is complete. */
  #head = '';
  #statusCode = 0;
  #hasHead = false;
  /** Bytes of the body that are to come; undefined when the end of the connection ends it. */
  #expectedBytes: number | undefined;
  #bodyBytes = 0;
  #closesConnection = false;
  #file: Uint8Array[] = [];

  constructor(process: Process, request: CurlRequest) {
    this.#process = process;
    this.#request = request;
    this.#startedAtNs = process.world.nowNs;
  }

  start(): void {
    const { url, timeoutNs, connectTimeoutNs, resolved } = this.#request;
    const process = this.#process;
    process.whenOver(() => {
      if (!this.#isClosed) this.#connection?.abort();
    });
    if (timeoutNs !== undefined) process.after(timeoutNs, () => this.#becomeTimedOut());
    if (connectTimeoutNs !== undefined) {
      process.after(connectTimeoutNs, () => {
        if (this.#isConnected) return;
        const text =
          this.#address === undefined
            ? `Resolving timed out after ${this.#spentMs} milliseconds`
            : `Connection timeout after ${this.#spentMs} ms`;
        this.#fail(CurlStatus.timeout, text);
      });
    }
    const known = resolved.get(`${url.host}:${url.port}`);
    if (known !== undefined) this.#connect(known);
    else {
      addressOfName(process, url.host, (address) => {
        if (address !== undefined) this.#connect(address);
        else {
          this.#fail(CurlStatus.couldNotResolve, `Could not resolve host: ${url.host}`);
        }
      });
    }
  }

  get #spentNs(): number {
    return this.#process.world.nowNs - this.#startedAtNs;
  }

  get #spentMs(): number {
    return Math.floor(this.#spentNs / MILLISECOND_NS);
  }

  #connect(address: IpAddress): void {
    const { url } = this.#request;
    const { namespace, source } = this.#process.place;
    this.#address = address;
    this.#times.nameLookup = this.#spentNs;
    this.#note(`  Trying ${formatIpPort(address, url.port)}...`);
    this.#connection = namespace.sockets.connect({
      address,
      port: url.port,
      ...(source === 0 || isIpv6Address(address) ? {} : { sourceAddress: source }),
      noDelay: true,
      handlers: {
        onConnected: (connection) => this.#send(connection),
        onData: (bytes) => this.#take(bytes),
        onEnd: () => this.#becomeEnded(),
        onClosed: (reason, connection) => this.#becomeClosed(reason, connection.errno),
      },
    });
  }

  #send(connection: TcpConnection): void {
    const { url, method, headers, userAgent, body } = this.#request;
    this.#isConnected = true;
    this.#times.connect = this.#spentNs;
    const where = formatIp(this.#address!);
    this.#note(`Connected to ${url.host} (${where}) port ${url.port} (#0)`);
    const named = new Set(headers.map((header) => header.split(':')[0]!.toLowerCase()));
    const lines = [`${method} ${url.path} HTTP/1.1`];
    if (!named.has('host')) lines.push(`Host: ${url.authority}`);
    if (!named.has('user-agent')) lines.push(`User-Agent: ${userAgent}`);
    if (!named.has('accept')) lines.push('Accept: */*');
    lines.push(...headers);
    if (body !== '') {
      lines.push(`Content-Length: ${encoder.encode(body).length}`);
      if (!named.has('content-type')) lines.push('Content-Type: application/x-www-form-urlencoded');
    }
    if (this.#request.isVerbose) {
      this.#process.complain([...lines, ''].map((line) => `> ${line}\n`).join(''));
    }
    connection.send(encoder.encode(`${lines.join('\r\n')}\r\n\r\n${body}`));
  }

  #take(bytes: Uint8Array): void {
    if (this.#hasHead) {
      this.#takeBody(bytes);
      return;
    }
    if (this.#times.startTransfer === 0) this.#times.startTransfer = this.#spentNs;
    const taken = this.#head.length;
    this.#head += decoder.decode(bytes);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    this.#head = this.#head.slice(0, end + 4);
    this.#takeHead();
    if (!this.#process.isOver) this.#takeBody(bytes.subarray(end + 4 - taken));
  }

  #takeHead(): void {
    const { method, failsOnError, hasHead } = this.#request;
    this.#hasHead = true;
    this.#statusCode = Number(/^HTTP\/1\.[01] (\d+)/.exec(this.#head)?.[1] ?? 0);
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1];
    this.#expectedBytes = length === undefined ? undefined : Number(length);
    this.#closesConnection = /\r\nconnection: *close/i.test(this.#head);
    if (this.#request.isVerbose) {
      const lines = this.#head.split('\r\n').slice(0, -1);
      this.#process.complain(lines.map((line) => `< ${line}\n`).join(''));
    }
    if (hasHead) this.#process.print(this.#head.replaceAll('\r\n', '\n'));
    if (failsOnError && this.#statusCode >= 400) {
      const text = `The requested URL returned error: ${this.#statusCode}`;
      this.#fail(CurlStatus.httpError, text);
    } else if (method === 'HEAD') this.#finish();
  }

  #takeBody(bytes: Uint8Array): void {
    const room = (this.#expectedBytes ?? Number.POSITIVE_INFINITY) - this.#bodyBytes;
    const mine = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.#bodyBytes += mine.length;
    if (this.#request.output === undefined) this.#process.print(decoder.decode(mine));
    else this.#file.push(mine);
    if (this.#bodyBytes === this.#expectedBytes) this.#finish();
  }

  /** The peer sends no more. */
  #becomeEnded(): void {
    if (this.#process.isOver) return;
    if (!this.#hasHead) this.#fail(CurlStatus.gotNothing, 'Empty reply from server');
    else if (this.#expectedBytes === undefined) this.#finish();
    else {
      const left = this.#expectedBytes - this.#bodyBytes;
      const text = `transfer closed with ${left} bytes remaining to read`;
      this.#fail(CurlStatus.partialFile, text);
    }
  }

  #becomeClosed(reason: CloseReason, errno: Errno): void {
    if (this.#process.isOver) return;
    if (reason === 'closed') {
      this.#becomeEnded();
      return;
    }
    const why = errno === Errno.none ? Errno.ECONNRESET : errno;
    if (this.#isConnected) {
      this.#fail(CurlStatus.receiveError, `Recv failure: ${formatErrno(why)}`);
      return;
    }
    const { host, port } = this.#request.url;
    const where = formatIp(this.#address!);
    this.#note(`connect to ${where} port ${port} failed: ${formatErrno(why)}`);
    const text = `Failed to connect to ${host} port ${port} after ${this.#spentMs} ms`;
    const isTimeout = why === Errno.ETIMEDOUT;
    const status = isTimeout ? CurlStatus.timeout : CurlStatus.couldNotConnect;
    this.#fail(status, `${text}: Couldn't connect to server`);
  }

  #becomeTimedOut(): void {
    const spent = this.#spentMs;
    let text = `Operation timed out after ${spent} milliseconds with`;
    if (this.#address === undefined) text = `Resolving timed out after ${spent} milliseconds`;
    else if (!this.#isConnected) text = `Connection timed out after ${spent} milliseconds`;
    else if (this.#expectedBytes === undefined) text += ` ${this.#bodyBytes} bytes received`;
    else text += ` ${this.#bodyBytes} out of ${this.#expectedBytes} bytes received`;
    this.#fail(CurlStatus.timeout, text);
  }

  #fail(status: number, text: string): void {
    this.#note(text);
    this.#note('Closing connection 0');
    this.#conclude(status, text);
  }

  #finish(): void {
    this.#note(
      this.#closesConnection
        ? 'Closing connection 0'
        : `Connection #0 to host ${this.#request.url.host} left intact`,
    );
    this.#connection?.close();
    this.#isClosed = true;
    this.#conclude(0, '');
  }

  #conclude(status: number, error: string): void {
    const process = this.#process;
    const { output } = this.#request;
    if (output !== undefined && output !== '/dev/null' && this.#bodyBytes > 0) {
      process.files.export(output, joined(this.#file));
    }
    this.#writeOut(status, error);
    if (status !== 0 && this.#request.showsErrors) process.complain(`curl: (${status}) ${error}\n`);
    process.exit(status);
  }

  #note(text: string): void {
    if (this.#request.isVerbose) this.#process.complain(`* ${text}\n`);
  }

  /** `%{variable}`, `\n`, `\t`, `\r` and `%%` of `--write-out`. */
  #writeOut(status: number, error: string): void {
    const format = this.#request.writeOut;
    if (format === '') return;
    const variables = this.#variables(status, error);
    const text = format.replaceAll(
      /%\{([^}]*)\}|%%|\\[ntr]/g,
      (found, name: string | undefined) => {
        if (name !== undefined) {
          const value = variables.get(name);
          if (value !== undefined) return value;
          this.#process.complain(`curl: unknown --write-out variable: '${name}'\n`);
          return '';
        }
        return ESCAPES[found] ?? found;
      },
    );
    this.#process.print(text);
  }

  #variables(status: number, error: string): Map<string, string> {
    const seconds = (spanNs: number): string => (spanNs / SECOND_NS).toFixed(6);
    const connection = this.#isConnected ? this.#connection : undefined;
    const code = String(this.#statusCode).padStart(3, '0');
    const { url, method } = this.#request;
    const remote = this.#isConnected ? formatIp(this.#address!) : '';
    return new Map([
      ['http_code', code],
      ['response_code', code],
      ['http_version', this.#hasHead ? '1.1' : '0'],
      ['time_namelookup', seconds(this.#times.nameLookup)],
      ['time_connect', seconds(this.#times.connect)],
      ['time_appconnect', seconds(0)],
      ['time_pretransfer', seconds(this.#times.connect)],
      ['time_redirect', seconds(0)],
      ['time_starttransfer', seconds(this.#times.startTransfer)],
      ['time_total', seconds(this.#spentNs)],
      ['size_download', String(this.#bodyBytes)],
      ['size_header', String(this.#hasHead ? this.#head.length : 0)],
      ['num_connects', this.#isConnected ? '1' : '0'],
      ['num_redirects', '0'],
      ['remote_ip', remote],
      ['remote_port', this.#isConnected ? String(url.port) : '0'],
      ['local_ip', connection === undefined ? '' : formatIp(connection.localAddress)],
      ['local_port', String(connection?.localPort ?? 0)],
      ['method', method],
      ['scheme', this.#isConnected ? 'HTTP' : ''],
      ['url', url.text],
      ['url_effective', `http://${url.authority}${url.path}`],
      ['exitcode', String(status)],
      ['errormsg', error],
    ]);
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '%%': '%',
  '\\n': '\n',
  '\\t': '\t',
  '\\r': '\r',
};

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
