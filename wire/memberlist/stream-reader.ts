/**
 * Reads one message from a TCP connection as its bytes arrive (memberlist `net.go` `handleConn`,
 * `readStream`, `readRemoteState`, `readUserMsg`; `label.go` `RemoveLabelHeaderFromStream`).
 *
 * A reader is given each piece and answers whether more is needed, the message is complete, or the
 * stream is refused, in upstream's words. Compressed and encrypted streams are looked at once, when
 * they are complete; the nodes of a plain push/pull are taken as they come. Lengths that a peer
 * claims are checked and never allocated: the buffer grows with what has arrived, up to the limits.
 */
import { readU32 } from '../bytes.ts';
import { inflate, readCompressed } from './compress.ts';
import { readMessage, readNodeState } from './decode.ts';
import { decryptPayload, type Keyring } from './encrypt.ts';
import { parseLabel } from './label.ts';
import { MessageType, type PushNodeState, type StreamMessage } from './message.ts';
import { type GoMsgpack, MsgpackReader } from './msgpack-reader.ts';
import {
  ENCRYPTED_HEADER_BYTES,
  STREAM_LIMITS,
  type StreamLimits,
  streamAdditionalDataOf,
} from './stream.ts';

// upstream's `net.go`, in the order of its structures
const PUSH_PULL_HEADER_FIELDS = ['Nodes', 'UserStateLen', 'Join'];
const USER_HEADER_FIELDS = ['UserMsgLen'];

/** The first buffer; a stream of two nodes fits. */
const BUFFER_BYTES_MIN = 512;

/**
 * What reading one stream allocates at most, in bytes, with upstream's limits: the buffer while it
 * doubles, the same for what it inflates to, text in UTF-16, and up to 250 bytes for each node, of
 * which a million take no more than a byte each of the stream.
 */
export const STREAM_BYTES_MAX =
  8 * STREAM_LIMITS.maxDecompressedBytes + 250 * STREAM_LIMITS.maxPushStateNodes;

/** How a member reads a stream. */
export interface StreamReceiver {
  readonly keyring: Keyring | undefined;
  readonly label: string;
  /** What arrives has no label any more, and counts as having this one (`SkipInboundLabelCheck`). */
  readonly skipInboundLabelCheck?: boolean;
  /** Refuse what is not encrypted (`GossipVerifyIncoming`). */
  readonly verifyIncoming: boolean;
  /** True for the side that dialled: what it reads begins without a label. */
  readonly isReply: boolean;
  readonly limits: StreamLimits;
  /** Which go-msgpack reads; 0.5 unless told. */
  readonly codec?: GoMsgpack;
}

/**
 * What has become of a stream. `label` and `receive` errors come before the message; upstream
 * answers the latter with an {@link Err} of this text. `closed` is an end before the first byte,
 * which upstream passes over in silence.
 */
export type StreamResult =
  | { readonly status: 'more' }
  | { readonly status: 'done'; readonly message: StreamMessage }
  | {
      readonly status: 'error';
      readonly kind: 'closed' | 'label' | 'receive' | 'message';
      /** Upstream's error text. */
      readonly text: string;
      /** Upstream's log line at the side that accepted, without `from=…`; empty for `closed`. */
      readonly log: string;
    };

const MORE: StreamResult = { status: 'more' };

/** Reads one stream. After the message or an error, further bytes change nothing. */
export class StreamReader {
  readonly #receiver: StreamReceiver;
  #bytes: Uint8Array = new Uint8Array(BUFFER_BYTES_MIN);
  #at = 0;
  #end = 0;
  #isLabelRead: boolean;
  #isEnded = false;
  /** True when all bytes that there will ever be are in the buffer. */
  #isComplete = false;
  /** The type byte of the message, once every layer is off. */
  #messageType = -1;
  #pushPull: PushPullHeader | undefined = undefined;
  readonly #nodes: PushNodeState[] = [];
  #result: StreamResult = MORE;

  constructor(receiver: StreamReceiver) {
    this.#receiver = receiver;
    this.#isLabelRead = receiver.isReply;
  }

  /** Takes the next piece. */
  push(piece: Uint8Array): StreamResult {
    if (this.#result.status !== 'more' || piece.length === 0) return this.#result;
    const { maxPushStateBytes, maxDecompressedBytes } = this.#receiver.limits;
    const bytesMax = Math.max(maxPushStateBytes, maxDecompressedBytes) + BUFFER_BYTES_MIN;
    if (piece.length > bytesMax - this.#end) {
      const text = `stream is larger than limit (${bytesMax})`;
      return this.#fail('receive', text, `[ERR] memberlist: failed to receive: ${text}`);
    }
    this.#append(piece, bytesMax);
    return this.#advance();
  }

  /** The peer has closed its side: what is missing now is an error. */
  end(): StreamResult {
    if (this.#result.status !== 'more') return this.#result;
    if (this.#end === 0) return this.#fail('closed', 'EOF', '');
    this.#isEnded = true;
    return this.#advance();
  }

  #append(piece: Uint8Array, bytesMax: number): void {
    const needed = this.#end + piece.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(bytesMax, Math.max(needed, 2 * this.#bytes.length)));
      larger.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#end);
    this.#end = needed;
  }

  #advance(): StreamResult {
    if (!this.#isLabelRead && !this.#readLabel()) return this.#result;
    if (this.#messageType < 0 && !this.#readLayers()) return this.#result;
    if (this.#result.status === 'more') this.#readBody();
    return this.#result;
  }

  /** True when the label is read and is the right one. */
  #readLabel(): boolean {
    const header = parseLabel(this.#bytes, this.#at, this.#end);
    if (typeof header === 'string') {
      if (!header.startsWith('cannot decode') || this.#isEnded) {
        const text = header.replace('packet', 'stream');
        const log = 'failed to receive and remove the stream label header';
        this.#fail('label', text, `[ERR] memberlist: ${log}: ${text}`);
      }
      return false;
    }
    const { label, skipInboundLabelCheck = false } = this.#receiver;
    if (header.label !== (skipInboundLabelCheck ? '' : label)) {
      const text = skipInboundLabelCheck
        ? 'unexpected double stream label header'
        : `discarding stream with unacceptable label ${JSON.stringify(header.label)}`;
      this.#fail('label', text, `[ERR] memberlist: ${text}:`);
      return false;
    }
    this.#at = header.nextAt;
    this.#isLabelRead = true;
    return true;
  }

  /** True when encryption and compression are off and the message's type byte is read. */
  #readLayers(): boolean {
    if (this.#end === this.#at) return this.#missing('EOF');
    const keys = this.#receiver.keyring?.keys ?? [];
    if (this.#isComplete) {
      // decrypted before
    } else if (this.#bytes[this.#at] === MessageType.encrypt) {
      if (keys.length === 0) {
        return this.#refuse('Remote state is encrypted and encryption is not configured');
      }
      if (!this.#decrypt(keys)) return false;
    } else if (keys.length > 0 && this.#receiver.verifyIncoming) {
      return this.#refuse('Encryption is configured but remote state is not encrypted');
    }
    if (this.#bytes[this.#at] === MessageType.compress && !this.#decompress()) return false;
    this.#messageType = this.#bytes[this.#at]!;
    this.#at++;
    return true;
  }

  #decrypt(keys: readonly Uint8Array[]): boolean {
    const dataAt = this.#at + ENCRYPTED_HEADER_BYTES;
    if (dataAt > this.#end) return this.#missing('EOF');
    const lengthBytes = readU32(this.#bytes, this.#at + 1);
    if (lengthBytes > this.#receiver.limits.maxPushStateBytes) {
      return this.#refuse(`Remote node state is larger than limit (${lengthBytes})`);
    }
    const dataEnd = dataAt + lengthBytes;
    if (dataEnd > this.#end) return this.#missing('EOF');
    const header = this.#bytes.subarray(this.#at, dataAt);
    const data = streamAdditionalDataOf(header, this.#receiver.label);
    const plain = decryptPayload(keys, this.#bytes, dataAt, dataEnd, data);
    return this.#replaceBy(plain);
  }

  #decompress(): boolean {
    const { codec } = this.#receiver;
    const reader = new MsgpackReader(this.#bytes, this.#at + 1, this.#end, codec);
    const compressed = readCompressed(reader);
    if (reader.failure !== undefined) {
      return reader.isTruncated ? this.#missing(reader.failure) : this.#refuse(reader.failure);
    }
    return this.#replaceBy(inflate(compressed, this.#receiver.limits.maxDecompressedBytes));
  }

  /** Goes on with what a layer held, of which there is no more to come. */
  #replaceBy(content: Uint8Array | string): boolean {
    if (typeof content === 'string') return this.#refuse(content);
    if (content.length === 0) return this.#refuse('missing message type byte');
    this.#bytes = content;
    this.#at = 0;
    this.#end = content.length;
    this.#isComplete = true;
    return true;
  }

  #readBody(): void {
    switch (this.#messageType) {
      case MessageType.pushPull:
        this.#readPushPull();
        break;
      case MessageType.user:
        this.#readUser();
        break;
      case MessageType.ping:
      case MessageType.ack:
      case MessageType.err:
        this.#readMap();
        break;
      default: {
        const text = `Received invalid msgType (${this.#messageType})`;
        this.#fail('message', text, `[ERR] memberlist: ${text}`);
      }
    }
  }

  #readMap(): void {
    const reader = this.#reader();
    const message = readMessage(reader, this.#messageType);
    if (!this.#hasRead(reader, 'Failed to decode ping')) return;
    this.#done(message as StreamMessage);
  }

  #readUser(): void {
    const failure = 'Failed to receive user message';
    const reader = this.#reader();
    let lengthBytes = 0;
    const count = reader.fieldCount(USER_HEADER_FIELDS);
    for (let left = count; left > 0 && reader.failure === undefined; left--) {
      if (reader.field() === 'UserMsgLen') lengthBytes = Math.max(0, reader.int());
      else reader.skip();
    }
    if (!this.#hasRead(reader, failure)) return;
    if (lengthBytes > this.#receiver.limits.maxUserMsgBytes) {
      this.#failBody(failure, `user message length (${lengthBytes}) exceeds limit`);
    } else if (reader.at + lengthBytes > this.#end) {
      this.#missingBody(failure, this.#end === reader.at ? 'EOF' : 'unexpected EOF');
    } else {
      const payload = this.#bytes.slice(reader.at, reader.at + lengthBytes);
      this.#done({ type: MessageType.user, payload });
    }
  }

  #readPushPull(): void {
    const failure = 'Failed to read remote state';
    const { maxPushStateBytes, maxPushStateNodes } = this.#receiver.limits;
    if (this.#pushPull === undefined) {
      const reader = this.#reader();
      const header = readPushPullHeader(reader);
      if (!this.#hasRead(reader, failure)) return;
      if (header.nodeCount > maxPushStateNodes) {
        this.#failBody(failure, `number of nodes in header (${header.nodeCount}) exceeds limit`);
        return;
      }
      if (header.userStateBytes > maxPushStateBytes) {
        this.#failBody(failure, `user state length (${header.userStateBytes}) exceeds limit`);
        return;
      }
      this.#pushPull = header;
      this.#at = reader.at;
    }
    const { join, nodeCount, userStateBytes } = this.#pushPull;
    while (this.#nodes.length < nodeCount) {
      const reader = this.#reader();
      const node = readNodeState(reader);
      if (!this.#hasRead(reader, failure)) return;
      this.#nodes.push(node);
      this.#at = reader.at;
    }
    if (this.#at + userStateBytes > this.#end) {
      this.#missingBody(failure, this.#end === this.#at ? 'EOF' : 'unexpected EOF');
      return;
    }
    const userState = this.#bytes.slice(this.#at, this.#at + userStateBytes);
    this.#done({ type: MessageType.pushPull, join, nodes: this.#nodes, userState });
  }

  #reader(): MsgpackReader {
    return new MsgpackReader(this.#bytes, this.#at, this.#end, this.#receiver.codec);
  }

  /** True when the reader has not failed; a failure may mean that more bytes are needed. */
  #hasRead(reader: MsgpackReader, failure: string): boolean {
    if (reader.failure === undefined) return true;
    if (reader.isTruncated) this.#missingBody(failure, reader.failure);
    else this.#failBody(failure, reader.failure);
    return false;
  }

  #done(message: StreamMessage): void {
    this.#result = { status: 'done', message };
    this.#bytes = new Uint8Array(0);
  }

  /** Bytes of the layers are missing: an error only if none can come. */
  #missing(text: string): false {
    return this.#isEnded || this.#isComplete ? this.#refuse(text) : false;
  }

  /** Bytes of the message are missing: an error only if none can come. */
  #missingBody(failure: string, text: string): void {
    if (this.#isEnded || this.#isComplete) this.#failBody(failure, text);
  }

  #refuse(text: string): false {
    this.#fail('receive', text, `[ERR] memberlist: failed to receive: ${text}`);
    return false;
  }

  #failBody(failure: string, text: string): void {
    this.#fail('message', text, `[ERR] memberlist: ${failure}: ${text}`);
  }

  #fail(kind: 'closed' | 'label' | 'receive' | 'message', text: string, log: string): StreamResult {
    this.#result = { status: 'error', kind, text, log };
    this.#bytes = new Uint8Array(0);
    return this.#result;
  }
}

interface PushPullHeader {
  readonly join: boolean;
  readonly nodeCount: number;
  readonly userStateBytes: number;
}

function readPushPullHeader(reader: MsgpackReader): PushPullHeader {
  let join = false;
  let nodeCount = 0;
  let userStateBytes = 0;
  const count = reader.fieldCount(PUSH_PULL_HEADER_FIELDS);
  for (let left = count; left > 0 && reader.failure === undefined; left--) {
    const key = reader.field();
    if (key === 'Join') join = reader.bool();
    else if (key === 'Nodes') nodeCount = Math.max(0, reader.int());
    else if (key === 'UserStateLen') userStateBytes = Math.max(0, reader.int());
    else reader.skip();
  }
  return { join, nodeCount, userStateBytes };
}
