/**
 * The thread that talks to a real plugin while the simulation stands still: it takes a request from
 * its port, posts it on the plugin's unix socket or TCP port, and wakes whoever waits when the answer is there.
 */
import { request } from 'node:http';
import { isMainThread, type MessagePort, workerData } from 'node:worker_threads';
import type { PluginAttempt, PluginRequest } from '../../node/plugins/plugin-folder.ts';

/** Where the thread's program is. */
export const CALLER_URL = new URL(import.meta.url);

/** Where a plugin listens. */
export type PluginPlace =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number };

/** What the thread is given. */
export interface CallerData {
  readonly isPluginCaller: true;
  readonly place: PluginPlace;
  readonly port: MessagePort;
  /** One cell: 1 when an answer has been posted. */
  readonly flag: Int32Array;
}

/** What Go says of Node's errors. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
};

function post(
  place: PluginPlace,
  own: PluginRequest,
  onEnd: (attempt: PluginAttempt) => void,
): void {
  const { method, headers, body } = own;
  const path = `/${method}`;
  const call = request({ ...place, path, method: 'POST', headers }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (piece: string) => {
      text += piece;
    });
    response.on('end', () => onEnd({ status: response.statusCode ?? 0, body: text }));
    response.on('error', () => onEnd({ error: 'unexpected EOF' }));
  });
  call.on('error', ({ code = '' }: NodeJS.ErrnoException) => {
    const reason = REASONS[code];
    const where =
      'socketPath' in place ? `unix ${place.socketPath}` : `tcp ${place.host}:${place.port}`;
    const dial = `dial ${where}: connect: ${reason}`;
    onEnd({ error: reason === undefined ? 'EOF' : dial });
  });
  call.end(body);
}

function serve({ place, port, flag }: CallerData): void {
  port.on('message', (own: PluginRequest) => {
    post(place, own, (attempt) => {
      port.postMessage(attempt);
      Atomics.store(flag, 0, 1);
      Atomics.notify(flag, 0);
    });
  });
}

const data = workerData as Partial<CallerData> | null;
if (!isMainThread && data?.isPluginCaller === true) serve(data as CallerData);
