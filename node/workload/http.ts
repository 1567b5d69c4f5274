/**
 * Just enough HTTP/1.1 for simulated servers and clients: requests and responses with
 * `Content-Length`, finding the end of either in a stream of segments, and whether the connection stays.
 * A request that does not say `keep-alive` is answered as the last one.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');
const FILLER = 0x78;

/** What a message says about the connection that it came on. */
type ConnectionHeader = 'close' | 'keep-alive';

/**
 * A GET request, or a POST with a body of `bodyBytes`; `connection` tells the server whether another one
 * follows.
 */
export function encodeRequest(
  host: string,
  path: string,
  connection: ConnectionHeader,
  bodyBytes = 0,
): Uint8Array {
  const method = bodyBytes === 0 ? 'GET' : 'POST';
  const length = bodyBytes === 0 ? '' : `Content-Length: ${bodyBytes}\r\n`;
  const head = encoder.encode(
    `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: swarmlab\r\nAccept: */*\r\n` +
      `${length}Connection: ${connection}\r\n\r\n`,
  );
  if (bodyBytes === 0) return head;
  const request = new Uint8Array(head.length + bodyBytes).fill(FILLER);
  request.set(head);
  return request;
}

/** A 200 response whose body names the server and is filled up to `bodyBytes`. */
export function encodeResponse(
  server: string,
  bodyBytes: number,
  connection: ConnectionHeader = 'close',
): Uint8Array {
  const body = encoder.encode(`${server}\n`);
  const length = Math.max(bodyBytes, body.length);
  const head = encoder.encode(
    `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\nConnection: ${connection}\r\n\r\n`,
  );
  const response = new Uint8Array(head.length + length).fill(FILLER);
  response.set(head);
  response.set(body, head.length);
  return response;
}

/** Collects the head of a message and tells when its body is complete. */
export class MessageReader {
  #head = '';
  #bodyBytesLeft = -1;
  /** The first line of the body, by which a simulated server tells its name. */
  server = '';

  /** The status of a response, or 0 before its head is complete. */
  status = 0;

  /** True when the sender will go on using the connection. */
  get keepsAlive(): boolean {
    return /\r\nConnection: keep-alive\r\n/i.test(this.#head);
  }

  /** Takes bytes in; true once the message is complete. */
  take(bytes: Uint8Array): boolean {
    if (this.#bodyBytesLeft >= 0) {
      this.#bodyBytesLeft -= bytes.length;
      return this.#bodyBytesLeft <= 0;
    }
    this.#head += decoder.decode(bytes);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const length = /\r\nContent-Length: (\d+)/i.exec(this.#head);
    this.status = Number(/^HTTP\/1\.1 (\d+)/.exec(this.#head)?.[1] ?? 0);
    const body = this.#head.slice(end + 4);
    this.server = body.split('\n')[0]!;
    this.#bodyBytesLeft = (length === null ? 0 : Number(length[1])) - body.length;
    return this.#bodyBytesLeft <= 0;
  }
}
