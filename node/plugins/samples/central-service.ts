/**
 * What several hosts' plugins agree on: a service on one host that answers on TCP, a line of JSON for
 * a line of JSON, and tells those who have asked for it what changes. Its packets are packets of the
 * hosts like any others, so whoever is cut off from it cannot ask.
 */
import type { Namespace } from '../../../net/namespace.ts';
import type { TcpConnection } from '../../../net/socket/tcp/connection.ts';
import type { CloseReason } from '../../../net/socket/tcp/handlers.ts';
import { NO_EVENT } from '../../../sim/event-queue.ts';
import { answerOf, type Steps } from '../../../sim/steps.ts';
import { SECOND_NS } from '../../../sim/time.ts';
import { formatIpv4Address, type Ipv4Address } from '../../../wire/addresses.ts';
import { decodeGoJson, goJson, textField } from '../../../wire/go-json.ts';

/** How long a plugin waits for an answer, in ns. */
const PATIENCE_NS = 10 * SECOND_NS;
/** How long it waits before it asks again to be told of changes, in ns. */
const RECONNECT_NS = SECOND_NS;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a service can be asked: `Error` in the answer says why not. */
export type CentralMethods = Readonly<
  Record<string, (argument: Record<string, unknown>) => object>
>;

/** What a service does, and how long that takes. */
export interface CentralFacts {
  readonly port: number;
  readonly methods: CentralMethods;
  readonly delayNs: number;
  /** Hears of those who want to be told of changes. */
  readonly onSubscriber?: (tell: (news: object) => void) => void;
}

/** Finds lines in what arrives. */
class LineReader {
  #text = '';

  take(bytes: Uint8Array): string[] {
    const lines = (this.#text + decoder.decode(bytes)).split('\n');
    this.#text = lines.pop()!;
    return lines;
  }
}

function send(connection: TcpConnection, value: object): void {
  connection.send(encoder.encode(`${goJson(value)}\n`));
}

/** Lets a service listen on a host. */
export function serveCentrally(namespace: Namespace, facts: CentralFacts): void {
  const { queue } = namespace.world;
  namespace.sockets.listen({
    port: facts.port,
    onConnection: (own) => {
      const reader = new LineReader();
      let isOpen = true;
      const answer = (line: string) => {
        const request = decodeGoJson(line);
        if (typeof request === 'string') return;
        const name = textField(request, 'method');
        if (name === 'subscribe') {
          facts.onSubscriber?.((news) => {
            if (isOpen) send(own, news);
          });
          return;
        }
        const method = Object.hasOwn(facts.methods, name) ? facts.methods[name] : undefined;
        const reply = method?.(request) ?? { Error: `unknown method ${name}` };
        queue.scheduleCallback(queue.nowNs + facts.delayNs, () => {
          if (isOpen) send(own, reply);
        });
      };
      return {
        onData: (bytes) => {
          for (const line of reader.take(bytes)) answer(line);
        },
        onEnd: (connection) => connection.close(),
        onClosed: () => {
          isOpen = false;
        },
      };
    },
  });
}

/** Where a central service is. */
export interface CentralAddress {
  readonly address: Ipv4Address;
  readonly port: number;
}

const REASONS: Readonly<Record<CloseReason, string>> = {
  closed: 'EOF',
  reset: 'connection reset by peer',
  timeout: 'i/o timeout',
  refused: 'connect: connection refused',
  unreachable: 'connect: no route to host',
};

/** A plugin's way to a central service. */
export class CentralClient {
  readonly #namespace: Namespace;
  readonly #at: CentralAddress;
  #subscription: TcpConnection | undefined;
  #isSubscribed = false;

  constructor(namespace: Namespace, at: CentralAddress) {
    this.#namespace = namespace;
    this.#at = at;
  }

  /** Asks for something; the answer, or why there is none. */
  *call(method: string, argument: object = {}): Steps<Record<string, unknown> | string> {
    const line = yield* answerOf<string | { readonly error: string }>((resume) =>
      this.#ask({ method, ...argument }, resume),
    );
    if (typeof line !== 'string') return line.error;
    const answer = decodeGoJson(line);
    if (typeof answer === 'string') return answer;
    const error = textField(answer, 'Error');
    return error === '' ? answer : error;
  }

  /** Asks to be told of changes, again whenever the connection breaks. */
  subscribe(onNews: (news: Record<string, unknown>) => void): void {
    this.#isSubscribed = true;
    this.#connect(onNews);
  }

  /** Wants to hear nothing any more. */
  unsubscribe(): void {
    this.#isSubscribed = false;
    this.#subscription?.abort();
    this.#subscription = undefined;
  }

  #ask(request: object, resume: (line: string | { readonly error: string }) => void): void {
    const { queue } = this.#namespace.world;
    const reader = new LineReader();
    let isOver = false;
    let verb = 'dial';
    const finish = (result: string | { readonly error: string }) => {
      if (isOver) return;
      isOver = true;
      queue.cancel(timer);
      resume(result);
    };
    const connection = this.#namespace.sockets.connect({
      ...this.#at,
      handlers: {
        onConnected: (own) => {
          verb = 'read';
          send(own, request);
        },
        onData: (bytes, own) => {
          const [line] = reader.take(bytes);
          if (line === undefined) return;
          finish(line);
          own.close();
        },
        onClosed: (reason) => finish({ error: this.#trouble(verb, REASONS[reason]) }),
      },
    });
    let timer = NO_EVENT;
    timer = queue.scheduleCallback(queue.nowNs + PATIENCE_NS, () => {
      finish({ error: this.#trouble(verb, 'i/o timeout') });
      connection.abort();
    });
  }

  #connect(onNews: (news: Record<string, unknown>) => void): void {
    const reader = new LineReader();
    const { queue } = this.#namespace.world;
    const own = this.#namespace.sockets.connect({
      ...this.#at,
      handlers: {
        onConnected: (connection) => send(connection, { method: 'subscribe' }),
        onData: (bytes) => {
          for (const line of reader.take(bytes)) {
            const news = decodeGoJson(line);
            if (typeof news !== 'string') onNews(news);
          }
        },
        onEnd: (connection) => connection.close(),
        onClosed: () => {
          if (this.#subscription !== own || !this.#isSubscribed) return;
          queue.scheduleCallback(queue.nowNs + RECONNECT_NS, () => {
            if (this.#subscription === own && this.#isSubscribed) this.#connect(onNews);
          });
        },
      },
    });
    this.#subscription = own;
  }

  #trouble(verb: string, reason: string): string {
    return `${verb} tcp ${formatIpv4Address(this.#at.address)}:${this.#at.port}: ${reason}`;
  }
}
