/**
 * A plugin of the real world on a unix socket, or on a TCP port. The simulation stands still while it answers, however
 * long that takes: no virtual time passes but what every call costs. What it says is not decided by
 * the seed.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type {
  PluginAttempt,
  PluginRequest,
  PluginServer,
} from '../../node/plugins/plugin-folder.ts';
import { CALLER_URL, type CallerData, type PluginPlace } from './plugin-caller.ts';

/** A plugin that has not answered after so much real time is taken for one that never does. */
const PATIENCE_MS = 30_000;

/** Calls a plugin where it listens and waits for it. */
export class RealPlugin implements PluginServer {
  readonly #channel = new MessageChannel();
  readonly #flag = new Int32Array(new SharedArrayBuffer(4));
  readonly #onSilence: (request: PluginRequest) => void;
  #isSilent = false;

  /** `onSilence` hears of the request that it did not answer; from then on it is asked nothing. */
  constructor(place: PluginPlace, onSilence: (request: PluginRequest) => void) {
    this.#onSilence = onSilence;
    const { port1, port2 } = this.#channel;
    const workerData: CallerData = {
      isPluginCaller: true,
      place,
      port: port2,
      flag: this.#flag,
    };
    const worker = new Worker(CALLER_URL, { workerData, transferList: [port2] });
    worker.unref();
    port1.unref();
  }

  post(request: PluginRequest, reply: (attempt: PluginAttempt) => void): void {
    if (this.#isSilent) return;
    const { port1 } = this.#channel;
    Atomics.store(this.#flag, 0, 0);
    port1.postMessage(request);
    Atomics.wait(this.#flag, 0, 0, PATIENCE_MS);
    const received = receiveMessageOnPort(port1) as { message: PluginAttempt } | undefined;
    if (received !== undefined) reply(received.message);
    else {
      this.#isSilent = true;
      this.#onSilence(request);
    }
  }
}
