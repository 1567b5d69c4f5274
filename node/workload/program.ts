/**
 * What a container's process does on the network, as far as the simulation cares: what it listens
 * on, how it answers, whom it calls, how long it takes to start, whether it is healthy, when it ends.
 *
 * The description comes from the compose file's `x-swarmlab`, or from what is known of the image, or
 * is made up from the ports that the service publishes and exposes.
 */
import { MILLISECOND_NS, SECOND_NS } from '../../sim/time.ts';
import type { ConversationProtocol } from './conversation.ts';

/** A uniform span, both bounds in ns. */
export interface Span {
  readonly minNs: number;
  readonly maxNs: number;
}

/** Whom a program calls: `tcp://redis:6379`, `http://api:80/path`; `dns://redis` only resolves. */
export interface CallTarget {
  readonly protocol: ConversationProtocol | 'dns';
  /** A name for the embedded DNS, or an address. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** One listening port. */
export interface Listener {
  readonly port: number;
  readonly protocol: ConversationProtocol;
  /** From the last byte of the request (or the last call's answer) to the answer. */
  readonly serviceTime: Span;
  readonly responseBytes: number;
  /** How long an HTTP connection may be idle before the server closes it. */
  readonly keepAliveNs: number;
  /** What every request makes the program ask first, one after the other. */
  readonly calls: readonly CallTarget[];
}

/** A call that the program makes again and again. */
export interface PeriodicCall {
  readonly to: CallTarget;
  readonly everyNs: number;
  readonly requestBytes: number;
  readonly timeoutNs: number;
}

/** How the program fares under its health check. */
export interface HealthBehaviour {
  /** From the start of the program until the check succeeds; `undefined` for never. */
  readonly healthyAfterNs: number | undefined;
  /** When it starts failing, from the start of the program; `undefined` for never. */
  readonly failsAfterNs: number | undefined;
}

/** The description of a program. */
export interface ProgramSpec {
  /** From the start of the container until the program listens. */
  readonly startup: Span;
  readonly listeners: readonly Listener[];
  readonly calls: readonly PeriodicCall[];
  readonly health: HealthBehaviour;
  /** When it ends by itself, from the start of the container, and how; `undefined` for never. */
  readonly exit: { readonly afterNs: number; readonly code: number } | undefined;
  /** True when it ignores the stop signal and has to be killed. */
  readonly ignoresStopSignal: boolean;
}

/** From the start of the process until it listens, when nobody says otherwise. */
const DEFAULT_STARTUP: Span = { minNs: 20 * MILLISECOND_NS, maxNs: 80 * MILLISECOND_NS };

/** What a request takes when nobody says otherwise. */
export const DEFAULT_SERVICE_TIME: Span = { minNs: MILLISECOND_NS, maxNs: 3 * MILLISECOND_NS };

/** The answer's size when nobody says otherwise. */
export const DEFAULT_RESPONSE_BYTES = 1024;

/** How long servers keep idle HTTP connections when nobody says otherwise (nginx' `keepalive_timeout`). */
export const DEFAULT_KEEP_ALIVE_NS = 75 * SECOND_NS;

/** How long a caller waits when nobody says otherwise. */
export const DEFAULT_CALL_TIMEOUT_NS = 2 * SECOND_NS;

/** A listener with everything else by default. */
export function listenerOf(port: number, protocol: Listener['protocol']): Listener {
  return {
    port,
    protocol,
    serviceTime: DEFAULT_SERVICE_TIME,
    responseBytes: DEFAULT_RESPONSE_BYTES,
    keepAliveNs: DEFAULT_KEEP_ALIVE_NS,
    calls: [],
  };
}

/** A program that only listens. */
export function serverOf(listeners: readonly Listener[]): ProgramSpec {
  return {
    startup: DEFAULT_STARTUP,
    listeners,
    calls: [],
    health: { healthyAfterNs: 0, failsAfterNs: undefined },
    exit: undefined,
    ignoresStopSignal: false,
  };
}

/** Ports that need not be said. */
const DEFAULT_PORTS: Partial<Record<CallTarget['protocol'], number>> = { http: 80, dns: 53 };

/** Parses `tcp://redis:6379` or `http://api/path`; `undefined` when it is none. */
export function parseCallTarget(text: string): CallTarget | undefined {
  const match = /^(tcp|http|udp|sctp|dns):\/\/([^:/]+)(?::(\d+))?(\/.*)?$/.exec(text);
  if (match === null) return undefined;
  const protocol = match[1] as CallTarget['protocol'];
  const port = match[3] === undefined ? DEFAULT_PORTS[protocol] : Number(match[3]);
  if (port === undefined || port < 1 || port > 65_535) return undefined;
  return { protocol, host: match[2]!, port, path: match[4] ?? '/' };
}
