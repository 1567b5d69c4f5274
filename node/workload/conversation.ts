/**
 * A client's side of one connection, association or flow of datagrams: questions and their answers, one
 * after the other, until one side has had enough.
 *
 * Over HTTP an answer ends where its head says; over plain TCP the first bytes after a question are its
 * answer; over SCTP and UDP it is one message. Servers here begin an answer with their name.
 */
import type { Namespace } from '../../net/namespace.ts';
import { Errno } from '../../net/socket/errno.ts';
import type { CloseReason } from '../../net/socket/tcp/handlers.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { encodeRequest, MessageReader } from './http.ts';
import { serverNameIn } from './plain-answer.ts';

/** What a conversation goes over. */
export type ConversationProtocol = 'http' | 'tcp' | 'sctp' | 'udp';

/** How a question, or a whole conversation, ended. */
export type RequestEnd = 'ok' | 'refused' | 'reset' | 'timeout' | 'unreachable' | 'unresolved';

/** With whom, and about what. */
export interface ConversationOptions {
  readonly protocol: ConversationProtocol;
  readonly address: Ipv4Address;
  readonly port: number;
  /** The HTTP host header. */
  readonly host: string;
  readonly path: string;
  /** Bytes of a question; of its body over HTTP, where 0 asks with GET. */
  readonly requestBytes: number;
  /** The client's own address when it has several; 0 lets the stack choose. */
  readonly source: Ipv4Address;
  /** Other questions will follow, so that an HTTP server should not close. */
  readonly staysOpen: boolean;
}

/** What a client hears. */
export interface ConversationHandlers {
  /** Questions may be asked now. */
  onOpen(conversation: Conversation): void;
  /** The answer to the last question; empty where its server does not tell its name. */
  onAnswer(server: string, conversation: Conversation): void;
  /** It is over; nothing follows. A peer that ends it in peace has reset what was asked. */
  onOver(end: RequestEnd): void;
}

/** One conversation. */
export interface Conversation {
  /** Asks; only when it is open, and the last question was answered. */
  ask(): void;
  /** This side says no more, and goes on listening (`shutdown(SHUT_WR)`); TCP only. */
  endAsking(): void;
  /** Ends it in peace. */
  close(): void;
  /** Ends it now. */
  abort(): void;
}

const ENDS: Readonly<Record<CloseReason, RequestEnd>> = {
  closed: 'reset',
  reset: 'reset',
  timeout: 'timeout',
  refused: 'refused',
  unreachable: 'unreachable',
};

/** Begins a conversation. */
export function openConversation(
  namespace: Namespace,
  options: ConversationOptions,
  handlers: ConversationHandlers,
): Conversation {
  switch (options.protocol) {
    case 'udp':
      return openFlow(namespace, options, handlers);
    case 'sctp':
      return openAssociation(namespace, options, handlers);
    default:
      return openConnection(namespace, options, handlers);
  }
}

function endsOf({ address, port, source }: ConversationOptions) {
  return { address, port, ...(source === 0 ? {} : { sourceAddress: source }) };
}

function openConnection(
  namespace: Namespace,
  options: ConversationOptions,
  handlers: ConversationHandlers,
): Conversation {
  const isHttp = options.protocol === 'http';
  const { host, path, requestBytes, staysOpen } = options;
  const question = isHttp
    ? encodeRequest(host, path, staysOpen ? 'keep-alive' : 'close', requestBytes)
    : new Uint8Array(requestBytes);
  let reader = new MessageReader();
  let isAnswerDue = false;
  let isEnding = false;
  let isOver = false;
  const finish = (end: RequestEnd) => {
    if (isOver) return;
    isOver = true;
    handlers.onOver(end);
  };
  const connection = namespace.sockets.connect({
    ...endsOf(options),
    handlers: {
      onConnected: () => handlers.onOpen(own),
      onData: (bytes) => {
        if (!isAnswerDue || (isHttp && !reader.take(bytes))) return;
        const server = isHttp ? reader.server : serverNameIn(bytes);
        reader = new MessageReader();
        isAnswerDue = false;
        handlers.onAnswer(server, own);
      },
      onEnd: (peer) => {
        finish('reset');
        peer.close();
      },
      onClosed: (reason) => finish(ENDS[reason]),
    },
  });
  const own: Conversation = {
    ask: () => {
      isAnswerDue = true;
      connection.send(question);
      if (isEnding) connection.end();
    },
    endAsking: () => {
      isEnding = true;
    },
    close: () => {
      isOver = true;
      connection.close();
    },
    abort: () => {
      isOver = true;
      connection.abort();
    },
  };
  return own;
}

function openAssociation(
  namespace: Namespace,
  options: ConversationOptions,
  handlers: ConversationHandlers,
): Conversation {
  let isOver = false;
  const association = namespace.sockets.sctp.connect({
    ...endsOf(options),
    handlers: {
      onConnected: () => handlers.onOpen(own),
      onMessage: (bytes) => handlers.onAnswer(serverNameIn(bytes), own),
      onClosed: (reason) => {
        if (!isOver) handlers.onOver(ENDS[reason]);
      },
    },
  });
  const end = (how: () => void) => () => {
    isOver = true;
    how();
  };
  const own: Conversation = {
    ask: () => void association.send(new Uint8Array(Math.max(1, options.requestBytes))),
    endAsking: () => {},
    close: end(() => association.close()),
    abort: end(() => association.abort()),
  };
  return own;
}

/** Datagrams from one port: a flow for conntrack and ipvs, though nobody agreed to it. */
function openFlow(
  namespace: Namespace,
  options: ConversationOptions,
  handlers: ConversationHandlers,
): Conversation {
  const { address, port, source, requestBytes } = options;
  const socket = namespace.sockets.openUdp({
    onDatagram: (bytes) => handlers.onAnswer(serverNameIn(bytes), own),
    onError: (errno) => handlers.onOver(errno === Errno.ECONNREFUSED ? 'refused' : 'unreachable'),
  });
  const own: Conversation = {
    ask: () => {
      if (socket.send(new Uint8Array(requestBytes)) !== Errno.none) handlers.onOver('unreachable');
    },
    endAsking: () => {},
    close: () => socket.close(),
    abort: () => socket.close(),
  };
  if (source !== 0) socket.bind(0, source);
  if (socket.connect(address, port) === Errno.none) handlers.onOpen(own);
  else handlers.onOver('unreachable');
  return own;
}
