/**
 * The control socket of a live server: a Unix socket that takes a line of JSON, the words of a
 * command, and answers with a line of JSON. Only its owner may use it.
 */
import { once } from 'node:events';
import { chmodSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { LiveAnswer } from './live-commands.ts';

/** A line that is longer is not read to its end. */
const LINE_BYTES_MAX = 64 * 1024;
/** Connections at a time. */
const CONNECTIONS_MAX = 16;

/** Where a server listens, and commands ask, unless they are told another place. */
export function defaultControlPath(): string {
  return join(tmpdir(), `swarmlab-gossip-${userInfo().uid}.sock`);
}

/** Listens; rejects when another server does. `run` carries out the words of a command. */
export async function listenForControl(
  path: string,
  run: (words: readonly string[]) => Promise<LiveAnswer>,
): Promise<Server> {
  if (await isServed(path)) throw new Error(`another server listens at ${path}`);
  try {
    unlinkSync(path); // left by a server that was killed
  } catch {}
  const server = createServer({ allowHalfOpen: true }, (connection) => serve(connection, run));
  server.maxConnections = CONNECTIONS_MAX;
  server.listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o600);
  return server;
}

/** Sends the words of a command; rejects when no server listens there. */
export async function askServer(path: string, words: readonly string[]): Promise<LiveAnswer> {
  const connection = connect(path);
  await once(connection, 'connect');
  connection.end(`${JSON.stringify(words)}\n`);
  let text = '';
  connection.setEncoding('utf8');
  for await (const piece of connection) text += piece;
  return JSON.parse(text) as LiveAnswer;
}

async function isServed(path: string): Promise<boolean> {
  const connection = connect(path);
  try {
    await once(connection, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    connection.destroy();
  }
}

function serve(connection: Socket, run: (words: readonly string[]) => Promise<LiveAnswer>): void {
  let text = '';
  connection.setEncoding('utf8');
  connection.on('error', () => connection.destroy());
  connection.on('data', (piece: string) => {
    text += piece;
    const end = text.indexOf('\n');
    if (end < 0 && text.length <= LINE_BYTES_MAX) return;
    connection.removeAllListeners('data').resume();
    const words = end < 0 ? undefined : wordsOf(text.slice(0, end));
    const answer = words === undefined ? Promise.resolve(NOT_WORDS) : run(words).catch(failureOf);
    void answer.then((value) => connection.end(`${JSON.stringify(value)}\n`));
  });
}

const NOT_WORDS: LiveAnswer = failureOf('a line of JSON with the words of a command is wanted');

function failureOf(error: unknown): LiveAnswer {
  const text = error instanceof Error ? error.message : String(error);
  return { isDone: false, text, data: text };
}

function wordsOf(line: string): string[] | undefined {
  try {
    const words: unknown = JSON.parse(line);
    const isWords = Array.isArray(words) && words.every((word) => typeof word === 'string');
    return isWords ? words : undefined;
  } catch {
    return undefined;
  }
}
