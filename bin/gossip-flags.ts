/**
 * Flags that the subcommands of `swarmlab gossip` share: counts, profiles, quantities, addresses and
 * keys. A wrong one ends the command with a message that says what it wants.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { PROFILES, type SwimConfig } from '../gossip/constants.ts';
import type { LiveAddress } from '../gossip/live/live-member.ts';
import { didYouMean } from '../scenarios/language/issue.ts';
import { inlinePool, type Pool, threadPool } from '../sweep/pool.ts';
import { parseIpv4Address } from '../wire/addresses.ts';
import { parseHostAddress } from '../wire/host-address.ts';
import { Keyring } from '../wire/memberlist/encrypt.ts';
import { CommandFailure, ExitStatus } from './exit-status.ts';

const PORT_MAX = 65_535;

/** An address with a port: `127.0.0.1:7946`, `[::1]:7946`. */
export function addressOf(flag: string, text: string): LiveAddress {
  const at = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(0, at));
  const address = host.startsWith('[')
    ? parseHostAddress(/^\[(.*)\]$/.exec(host)?.[1] ?? '')
    : parseIpv4Address(host);
  const port = Number(text.slice(at + 1));
  const isPort = Number.isInteger(port) && port >= 1 && port <= PORT_MAX;
  if (address !== undefined && isPort) return { address, port };
  const message = `${flag} wants an address with a port, such as 127.0.0.1:7946 or [::1]:7946, not '${text}'`;
  throw new CommandFailure(ExitStatus.wrongInput, message);
}

/** An address with or without a port. */
export function advertisedOf(flag: string, text: string, port: number): LiveAddress {
  const address = parseHostAddress(text);
  return address === undefined ? addressOf(flag, text) : { address, port };
}

/** Keys in base64 with commas between, the primary key first. */
export function keyringOf(flag: string, text: string): Keyring {
  return ringOf(flag, text.split(','));
}

/** The keys of a serf agent's `-keyring-file`: a JSON array, the primary key first. */
export function keyringFileOf(flag: string, path: string): Keyring {
  let keys: unknown;
  try {
    keys = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(ExitStatus.wrongInput, `${flag}: ${reason}`);
  }
  const isKeys = Array.isArray(keys) && keys.every((key) => typeof key === 'string');
  return ringOf(flag, isKeys ? (keys as string[]) : []);
}

function ringOf(flag: string, texts: readonly string[]): Keyring {
  const keys = texts.map((key) => new Uint8Array(Buffer.from(key.trim(), 'base64')));
  const keyring = keys.length === 0 ? 'no keys' : Keyring.of(keys, keys[0]!);
  if (typeof keyring !== 'string') return keyring;
  throw new CommandFailure(ExitStatus.wrongInput, `${flag}: ${keyring} (in base64)`);
}

/** The names of the profiles, for help and errors. */
export function profileNames(): string {
  return Object.keys(PROFILES).join(', ');
}

/** The configuration of that name. */
export function profileOf(name: string): SwimConfig {
  const config = Object.hasOwn(PROFILES, name) ? PROFILES[name] : undefined;
  if (config !== undefined) return config;
  const hint = didYouMean(name, Object.keys(PROFILES));
  const message = `there is no profile '${name}'\n  hint: ${hint}`;
  throw new CommandFailure(ExitStatus.wrongInput, message);
}

/** A count within bounds. */
export function countOf(flag: string, text: string, min: number, max: number): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= min && count <= max) return count;
  const message = `${flag} wants a number from ${min} to ${max}, not '${text}'`;
  throw new CommandFailure(ExitStatus.wrongInput, message);
}

/** Where so many runs take place: on as many threads as were asked for, or one per core. */
export function poolOf(jobs: string | undefined, runCount: number): Pool {
  const jobsMax = 1024;
  const wanted = jobs === undefined ? availableParallelism() : countOf('-j', jobs, 1, jobsMax);
  const threadCount = Math.min(wanted, runCount);
  return threadCount === 1 ? inlinePool : threadPool(threadCount);
}

/** What a scenario's quantity makes of a flag, or the failure in its words. */
export function quantityOf<T>(
  flag: string,
  quantity: { safeParse(text: string): QuantityResult<T> },
  input: string,
): T {
  const result = quantity.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const hint = issue.params?.hint;
  const text = typeof hint === 'string' ? `${issue.message}\n  hint: ${hint}` : issue.message;
  throw new CommandFailure(ExitStatus.wrongInput, `${flag}: ${text}`);
}

type QuantityResult<T> =
  | { readonly success: true; readonly data: T }
  | {
      readonly success: false;
      readonly error: { readonly issues: readonly QuantityIssue[] };
    };

interface QuantityIssue {
  readonly message: string;
  readonly params?: { readonly hint?: unknown } | undefined;
}
