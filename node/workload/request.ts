/**
 * One request of a simulated client: a conversation with one question; and how it ends. Containers'
 * programs call each other with it, and so does the traffic of scenarios that keeps nothing open.
 */
import type { Namespace } from '../../net/namespace.ts';
import { NO_EVENT } from '../../sim/event-queue.ts';
import { type ConversationOptions, openConversation, type RequestEnd } from './conversation.ts';

/** What is asked of whom. */
export interface RequestOptions extends ConversationOptions {
  /** How long to wait for the answer, in ns; 0 for ever. */
  readonly timeoutNs: number;
  /** The client's sending side ends with the question. */
  readonly isHalfClosed?: boolean;
  /** Names the server that answered; empty where none did. */
  readonly onEnd: (end: RequestEnd, server: string) => void;
}

/** Sends one request on a connection of its own. */
export function sendRequest(namespace: Namespace, options: RequestOptions): void {
  const { queue } = namespace.world;
  let timer = NO_EVENT;
  let isOver = false;
  const finish = (end: RequestEnd, server: string) => {
    if (isOver) return;
    isOver = true;
    queue.cancel(timer);
    options.onEnd(end, server);
  };
  const conversation = openConversation(namespace, options, {
    onOpen: (own) => {
      if (options.isHalfClosed === true) own.endAsking();
      own.ask();
    },
    onAnswer: (server, own) => {
      finish('ok', server);
      own.close();
    },
    onOver: (end) => finish(end, ''),
  });
  if (isOver || options.timeoutNs === 0) return;
  timer = queue.scheduleCallback(queue.nowNs + options.timeoutNs, () => {
    finish('timeout', '');
    conversation.abort();
  });
}
