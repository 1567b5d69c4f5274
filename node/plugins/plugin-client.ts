/**
 * The HTTP client of dockerd for plugins: a POST with JSON on the plugin's socket, and again after 1,
 * 2, 4 and 8 s when nobody can be reached (moby `pkg/plugins/client.go`).
 *
 * There is no limit to how long a plugin that has been reached may take. The body of a request whose
 * connection broke is not sent again: the next attempt has none, because dockerd reads it from a
 * buffer that the first one has emptied.
 */

import { answerOf, type Steps } from '../../sim/steps.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import type { Ipv4Address } from '../../wire/addresses.ts';
import { decodeGoJson, goJson } from '../../wire/go-json.ts';
import type { EngineVersion } from '../engine-version.ts';
import type { PluginAttempt, PluginFolder, PluginResponse } from './plugin-folder.ts';

/** How long the tries for one call may take together, in ns. */
const RETRY_NS_MAX = 30 * SECOND_NS;

/** From a process to another one of the same host, in ns. */
const HOP_NS = 100_000;

/** What the engine sends with every request (`transport.VersionMimetype`). */
const HEADERS = { Accept: 'application/vnd.docker.plugins.v1.2+json' } as const;
const OK = 200;
const NOT_FOUND = 404;

/** What went wrong with a plugin, as Go prints it. */
export class PluginError {
  readonly message: string;
  /** The HTTP status; 0 where there was none. */
  readonly status: number;

  constructor(message: string, status = 0) {
    this.message = message;
    this.status = status;
  }

  /** True when the plugin does not know the method. */
  get isNotFound(): boolean {
    return this.status === NOT_FOUND;
  }
}

/** One call and what came of it. */
export interface PluginCall {
  readonly plugin: string;
  readonly method: string;
  readonly request: string;
  readonly atNs: number;
  readonly endedAtNs: number;
  /** The answer's status; 0 for none. */
  readonly status: number;
  /** The answer's body, or what Go says. */
  readonly response: string;
}

/** A host, as its plugin clients see it. */
export interface PluginClientHost {
  readonly world: World;
  readonly engine: EngineVersion;
  readonly isOn: boolean;
  /** dockerd's process id: another one after a restart, which waits for nothing of the old one. */
  readonly daemonPid: number;
  /** The address by which it knows itself in a swarm. */
  readonly dataPathAddress: Ipv4Address;
  readonly plugins: PluginFolder;
  /** dockerd's process: what it waits for goes on until it has ended. */
  readonly process: { runToTheEnd(action: () => void): void };
}

/** How long to wait before one more try (`backoff`), in ns. */
export function backoffNs(retryCount: number): number {
  return Math.min(SECOND_NS * 2 ** retryCount, RETRY_NS_MAX);
}

/** True when a wait would exceed what one call may take (`abort`). */
export function isTooLate(spentNs: number, waitNs: number): boolean {
  return spentNs + waitNs >= RETRY_NS_MAX;
}

/** Waits, as dockerd's process does: not while it stands still, and for ever when it has ended. */
export function pause(host: PluginClientHost, spanNs: number): Steps<void> {
  return answerOf<void>((resume) => {
    const { daemonPid, world } = host;
    const maybeResume = () => {
      if (host.daemonPid === daemonPid) resume();
    };
    world.queue.scheduleCallback(world.nowNs + spanNs, () => {
      if (host.isOn) host.process.runToTheEnd(maybeResume);
    });
  });
}

/** Talks to one plugin. */
export class PluginClient {
  readonly name: string;
  readonly address: string;
  readonly #host: PluginClientHost;
  readonly #onCall: (call: PluginCall) => void;

  constructor(
    host: PluginClientHost,
    name: string,
    address: string,
    onCall: (call: PluginCall) => void,
  ) {
    this.#host = host;
    this.name = name;
    this.address = address;
    this.#onCall = onCall;
  }

  /** Calls a method such as `NetworkDriver.Join`; its answer as an object, or what went wrong. */
  *call(method: string, argument?: object): Steps<Record<string, unknown> | PluginError> {
    const { world } = this.#host;
    const atNs = world.nowNs;
    const request = argument === undefined ? '' : `${goJson(argument)}\n`;
    const response = yield* this.#callWithRetry(method, request);
    const isError = response instanceof PluginError;
    this.#onCall({
      plugin: this.name,
      method,
      request,
      atNs,
      endedAtNs: world.nowNs,
      status: isError ? response.status : OK,
      response: isError ? response.message : response,
    });
    if (isError) return response;
    const value = decodeGoJson(response);
    return typeof value === 'string' ? new PluginError(value) : value;
  }

  *#callWithRetry(method: string, request: string): Steps<string | PluginError> {
    const startNs = this.#host.world.nowNs;
    let body = request;
    for (let retryCount = 0; ; retryCount++) {
      const attempt = yield* this.#attempt(method, body);
      if ('status' in attempt) return textOf(method, attempt);
      if (attempt.error === 'EOF') body = '';
      const waitNs = backoffNs(retryCount);
      if (isTooLate(this.#host.world.nowNs - startNs, waitNs)) {
        return new PluginError(`Post "${this.#urlOf(method)}": ${attempt.error}`);
      }
      yield* pause(this.#host, waitNs);
    }
  }

  *#attempt(method: string, body: string): Steps<PluginAttempt> {
    yield* pause(this.#host, HOP_NS);
    const { plugins } = this.#host;
    const path = this.address.replace(/^unix:\/\//, '');
    if (path === this.address) return { error: this.#dialError('connection refused') };
    const socket = plugins.socketAt(path);
    if (socket === undefined) return { error: this.#dialError('no such file or directory') };
    if (!socket.isListening) return { error: this.#dialError('connection refused') };
    const { daemonPid } = this.#host;
    const attempt = yield* answerOf<PluginAttempt>((resume) => {
      socket.post({ method, headers: HEADERS, body }, (own) => {
        if (this.#host.daemonPid === daemonPid) resume(own);
      });
    });
    yield* pause(this.#host, HOP_NS);
    return attempt;
  }

  #dialError(why: string): string {
    const [scheme = '', rest = ''] = this.address.split('://');
    return `dial ${scheme} ${rest}: connect: ${why}`;
  }

  /** The host part is the socket's path, from 25 on a name that means nothing. */
  #urlOf(method: string): string {
    const [scheme = '', rest = ''] = this.address.split('://');
    if (scheme !== 'unix') return `http://${rest}/${method}`;
    const isPlain = this.#host.engine.major >= 25;
    return `http://${isPlain ? 'plugin.moby.localhost' : rest.replaceAll('/', '%2F')}/${method}`;
  }
}

function textOf(method: string, { status, body }: PluginResponse): string | PluginError {
  if (status === OK) return body;
  const value = decodeGoJson(body);
  const said = typeof value === 'string' ? undefined : value['Err'];
  const why = typeof said === 'string' && said !== '' ? said : body;
  return new PluginError(`${method}: ${why}`, status);
}
