/**
 * A program that runs in a container: it listens, answers after its service time, asks others first
 * where it has to, calls on its own, and ends when it is told or when its description says so.
 */
import type { TcpConnection } from '../../net/socket/tcp/connection.ts';
import type { TcpHandlers } from '../../net/socket/tcp/handlers.ts';
import type { TcpListener } from '../../net/socket/tcp/listener.ts';
import { type DrawKey, draw32, drawBelow } from '../../sim/chance.ts';
import { resolveName, type StubResolver } from '../dns/stub-resolver.ts';
import type { Host } from '../host/host.ts';
import type { RequestEnd } from './conversation.ts';
import { encodeResponse, MessageReader } from './http.ts';
import { plainAnswer } from './plain-answer.ts';
import type { CallTarget, Listener, ProgramSpec, Span } from './program.ts';
import { sendRequest } from './request.ts';

const CALL_REQUEST_BYTES = 64;
/** The exit code of a server that cannot have its port. */
const BIND_FAILED = 1;

/** The backlogs that busybox' httpd and that nginx and its like ask for. */
const HTTPD_BACKLOG = 9;
const SERVER_BACKLOG = 511;
const CALL_TIMEOUT_NS = 2_000_000_000;

/** Purposes of a program's draws. */
const Purpose = { startup: 10, service: 11, query: 12, call: 13 } as const;

/** A listener's answers: the last on a connection, and one after which others follow. */
interface Answers {
  readonly last: Uint8Array;
  readonly more?: Uint8Array;
}

/** Until when a connection may be idle, and whether an event is under way that looks. */
interface IdleWatch {
  untilNs: number;
  isPending: boolean;
}

/** Where a program runs. */
export interface ProgramPlace extends StubResolver {
  /** Others run in the namespace too (the host, other containers): only its own sockets are its. */
  readonly isShared?: boolean;
  /** Its process, for `ss`; without one, sockets have no owner there. */
  readonly process?: { readonly name: string; readonly pid: number };
}

/** One running program. */
export class RunningProgram {
  readonly spec: ProgramSpec;
  /** Requests that it answered, and calls that it made by their ends. */
  answeredCount = 0;
  readonly callEnds = new Map<RequestEnd, number>();
  readonly #host: Host;
  readonly #place: ProgramPlace;
  readonly #key: DrawKey;
  readonly #onExit: (code: number) => void;
  readonly #listeners: TcpListener[] = [];
  /** Sockets of UDP and SCTP. */
  readonly #sockets: { close(): void }[] = [];
  /** Connections in a shared namespace, which end with it. */
  readonly #connections = new Set<TcpConnection>();
  #name = '';
  #draws = 0;
  #isRunning = false;
  /** What the process has to do as soon as it is thawed; `undefined` while it is not frozen. */
  #frozen: (() => void)[] | undefined;

  constructor(
    host: Host,
    place: ProgramPlace,
    spec: ProgramSpec,
    key: DrawKey,
    onExit: (code: number) => void,
  ) {
    this.#host = host;
    this.#place = place;
    this.spec = spec;
    this.#key = key;
    this.#onExit = onExit;
  }

  /** The process starts; it listens after its startup time. */
  start(name: string): void {
    this.#name = name;
    this.#isRunning = true;
    this.#after(this.#span(this.spec.startup, Purpose.startup), () => this.#listen());
    const { exit } = this.spec;
    if (exit !== undefined) {
      this.#after(exit.afterNs, () => {
        this.kill(exit.code);
        this.#onExit(exit.code);
      });
    }
  }

  /** The stop signal: no new connections, those that are open may end. */
  closeListeners(): void {
    for (const listener of this.#listeners.splice(0)) listener.close();
    for (const socket of this.#sockets.splice(0)) socket.close();
  }

  /** The process is frozen (`docker pause`): its sockets take what comes, and it does nothing. */
  pause(): void {
    this.#frozen ??= [];
    for (const listener of this.#listeners) listener.isAccepting = false;
  }

  /** The process goes on, first with what has come meanwhile. */
  resume(): void {
    const waiting = this.#frozen ?? [];
    this.#frozen = undefined;
    for (const listener of this.#listeners) listener.isAccepting = true;
    for (const action of waiting) this.#act(action);
  }

  /** The process is gone; its sockets go with its namespace. */
  kill(_code: number): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.closeListeners();
    if (this.#place.isShared !== true) this.#place.namespace.sockets.closeAll();
    else for (const connection of this.#connections) connection.close();
    this.#connections.clear();
  }

  #listen(): void {
    const { sockets } = this.#place.namespace;
    for (const listener of this.spec.listeners) {
      if (listener.protocol === 'udp') this.#serveUdp(listener);
      else if (listener.protocol === 'sctp') this.#serveSctp(listener);
      else {
        const answers = this.#answersOf(listener);
        const opened = sockets.listen({
          port: listener.port,
          onConnection: (connection) => {
            if (this.#place.isShared === true) this.#connections.add(connection);
            return this.#serve(listener, answers);
          },
          ...this.#ownership(listener),
        });
        if (typeof opened === 'object') this.#listeners.push(opened);
        else if (this.#place.isShared === true) {
          // somebody else has the port: it says so and ends, as servers do
          this.kill(BIND_FAILED);
          this.#onExit(BIND_FAILED);
          return;
        }
      }
    }
    for (const call of this.spec.calls) {
      const again = () => {
        const options = { bytes: call.requestBytes, timeoutNs: call.timeoutNs };
        this.#call(call.to, options, () => {});
        this.#after(call.everyNs, again);
      };
      this.#after(drawBelow(this.#key, call.everyNs, Purpose.call, this.#draws++), again);
    }
  }

  /** How `ss` shows a listener, where the container has a process. */
  #ownership({ protocol }: Listener): { family?: 'dual'; program?: string; backlog?: number } {
    const { process } = this.#place;
    if (process === undefined) return {};
    const program = `"${process.name}",pid=${process.pid},fd=3`;
    if (protocol !== 'http') return { program };
    const backlog = process.name === 'httpd' ? HTTPD_BACKLOG : SERVER_BACKLOG;
    return { family: 'dual', program, backlog };
  }

  /** What a listener answers to everybody, encoded once: to who goes on, and as the last. */
  #answersOf({ protocol, responseBytes }: Listener): Answers {
    if (protocol !== 'http') return { last: plainAnswer(this.#name, responseBytes) };
    return {
      last: encodeResponse(this.#name, responseBytes),
      more: encodeResponse(this.#name, responseBytes, 'keep-alive'),
    };
  }

  /** How one connection is answered: every complete request once. */
  #serve(listener: Listener, answers: Answers): TcpHandlers {
    let reader = new MessageReader();
    const idle: IdleWatch = { untilNs: 0, isPending: false };
    let owedCount = 0;
    let hasEnded = false;
    return {
      onData: (bytes, connection) =>
        this.#act(() => {
          const isHttp = listener.protocol === 'http';
          if (isHttp && !reader.take(bytes)) return;
          const staysOpen = !isHttp || reader.keepsAlive;
          idle.untilNs = Number.POSITIVE_INFINITY;
          owedCount++;
          reader = new MessageReader();
          this.#askFirst(listener, 0, () => {
            this.#after(this.#span(listener.serviceTime, Purpose.service), () => {
              this.answeredCount++;
              connection.send(staysOpen ? (answers.more ?? answers.last) : answers.last);
              owedCount--;
              if (!staysOpen || (hasEnded && owedCount === 0)) connection.close();
              else if (isHttp) this.#restIdle(listener, idle, connection);
            });
          });
        }),
      // who sends no more may still wait for an answer
      onEnd: (connection) =>
        this.#act(() => {
          hasEnded = true;
          if (owedCount === 0) connection.close();
        }),
      onClosed: (_reason, connection) => {
        this.#connections.delete(connection);
      },
    };
  }

  /** An HTTP connection is idle from now on; after its time the server closes it. */
  #restIdle({ keepAliveNs }: Listener, idle: IdleWatch, connection: TcpConnection): void {
    const { queue } = this.#host.world;
    idle.untilNs = queue.nowNs + keepAliveNs;
    if (idle.isPending) return;
    idle.isPending = true;
    const look = (spanNs: number) =>
      this.#after(spanNs, () => {
        idle.isPending = idle.untilNs > queue.nowNs;
        if (!idle.isPending) connection.close();
        else look(Math.min(idle.untilNs - queue.nowNs, keepAliveNs));
      });
    look(keepAliveNs);
  }

  #askFirst(listener: Listener, index: number, then: () => void): void {
    const target = listener.calls[index];
    if (target === undefined) {
      then();
      return;
    }
    const options = { bytes: CALL_REQUEST_BYTES, timeoutNs: CALL_TIMEOUT_NS };
    this.#call(target, options, () => this.#askFirst(listener, index + 1, then));
  }

  #call(
    target: CallTarget,
    options: { readonly bytes: number; readonly timeoutNs: number },
    onEnd: (end: RequestEnd) => void,
  ): void {
    const { namespace } = this.#place;
    const note = (end: RequestEnd) => {
      this.callEnds.set(end, (this.callEnds.get(end) ?? 0) + 1);
      if (this.#isRunning && this.#host.isOn) onEnd(end);
    };
    const queryId = draw32(this.#key, Purpose.query, this.#draws++) & 0xffff;
    resolveName(this.#place, target.host, queryId, (address) => {
      if (!this.#isRunning || !this.#host.isOn) return;
      if (address === undefined) {
        note('unresolved');
        return;
      }
      if (target.protocol === 'dns') {
        note('ok');
        return;
      }
      sendRequest(namespace, {
        protocol: target.protocol,
        address,
        port: target.port,
        host: target.host,
        path: target.path,
        requestBytes: target.protocol === 'http' ? 0 : options.bytes,
        staysOpen: false,
        timeoutNs: options.timeoutNs,
        source: 0,
        onEnd: note,
      });
    });
  }

  #serveSctp(listener: Listener): void {
    const { last: answer } = this.#answersOf(listener);
    const { sctp } = this.#place.namespace.sockets;
    const opened = sctp.listen({
      port: listener.port,
      onAssociation: () => ({
        onMessage: (_bytes, association, stream) => {
          this.#askFirst(listener, 0, () => {
            this.#after(this.#span(listener.serviceTime, Purpose.service), () => {
              this.answeredCount++;
              association.send(answer, stream);
            });
          });
        },
      }),
      ...this.#ownership(listener),
    });
    if (typeof opened === 'object') this.#sockets.push(opened);
  }

  #serveUdp(listener: Listener): void {
    const { last: answer } = this.#answersOf(listener);
    const socket = this.#place.namespace.sockets.openUdp({
      onDatagram: (_bytes, address, port) =>
        this.#act(() => {
          this.#after(this.#span(listener.serviceTime, Purpose.service), () => {
            this.answeredCount++;
            socket.sendTo(answer, address, port);
          });
        }),
    });
    socket.bind(listener.port);
    this.#sockets.push(socket);
  }

  #span(span: Span, purpose: number): number {
    const width = span.maxNs - span.minNs + 1;
    return span.minNs + drawBelow(this.#key, width, purpose, this.#draws++);
  }

  #after(spanNs: number, action: () => void): void {
    const { queue } = this.#host.world;
    queue.scheduleCallback(queue.nowNs + spanNs, () => {
      if (this.#host.isOn) this.#act(action);
    });
  }

  /** Does what the process does: now, or once it is thawed. */
  #act(action: () => void): void {
    if (!this.#isRunning) return;
    if (this.#frozen === undefined) action();
    else this.#frozen.push(action);
  }
}
