/**
 * Tells when what was sent before has arrived. What members send each other passes the queues of the
 * host's loopback, in order; a host that has much else to do lets it wait there, and drops what is
 * beyond a thousand packets (`net.core.netdev_max_backlog`). So a datagram to oneself is sent behind
 * it: when that has come, so has the rest.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

const HOST = '127.0.0.1';
/** One that has not come after so long is lost, and another is sent. */
const AGAIN_MS = 100;

/** See the module comment. */
export class LoopbackEcho {
  readonly #socket: Socket = createSocket({
    type: 'udp4',
    lookup: (address, _options, found) => found(null, address, 4),
  });
  #again: NodeJS.Timeout | undefined = undefined;
  #onEcho: (() => void) | undefined = undefined;

  /** Resolves when it can be asked. */
  async open(): Promise<void> {
    const listening = once(this.#socket, 'listening');
    this.#socket.bind(0, HOST);
    await listening;
    this.#socket.on('error', () => {}); // as lost as what it was about
    this.#socket.on('message', () => {
      clearTimeout(this.#again);
      const onEcho = this.#onEcho;
      this.#onEcho = undefined;
      onEcho?.();
    });
  }

  /** Calls when all that was sent has arrived; one who asks waits at a time. */
  ask(onEcho: () => void): void {
    this.#onEcho = onEcho;
    this.#send();
  }

  /** Answers nobody any more. */
  close(): void {
    clearTimeout(this.#again);
    this.#onEcho = undefined;
    this.#socket.close();
  }

  #send(): void {
    this.#socket.send('', this.#socket.address().port, HOST);
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#send(), AGAIN_MS);
  }
}
