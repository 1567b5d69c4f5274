/**
 * One member's state: what it knows of the others, its counters, queue and timers (`Memberlist`
 * struct of `memberlist.go`, `nodeState` of `state.go`).
 */
import { NodeState } from '../../wire/memberlist/message.ts';
import type { BroadcastQueue } from './broadcast-queue.ts';
import type { MemberlistConfig } from './config.ts';
import type { SimMessage } from './sim-message.ts';

/** What a member holds of another one. */
export interface NodeRecord {
  /** Index of the member that this is about. */
  readonly subject: number;
  state: NodeState;
  incarnation: number;
  stateChangeNs: number;
  suspicion: Suspicion | undefined;
}

/** A running suspicion (`suspicion.go`). */
export interface Suspicion {
  readonly startNs: number;
  readonly expected: number;
  readonly minNs: number;
  readonly maxNs: number;
  readonly confirmations: Set<number>;
  readonly firstFrom: number;
  /** Rises when the timer is set anew; an older firing is stale. */
  generation: number;
}

/** Waits for the answer to a sequence number. */
export interface AckHandler {
  readonly onAck: () => void;
  readonly onNack: (() => void) | undefined;
}

/** What a member has sent and found, for measures. */
export interface MemberCounters {
  packets: number;
  bytes: number;
  streams: number;
  streamBytes: number;
  probes: number;
  failedProbes: number;
  refutations: number;
}

/** The process: running, stopped by a signal, or gone. */
export type ProcessState = 'running' | 'paused' | 'gone';

/** One member. */
export interface Member {
  readonly index: number;
  readonly name: string;
  readonly host: number;
  readonly address: number;
  readonly port: number;
  readonly config: MemberlistConfig;
  readonly startedAtNs: number;
  process: ProcessState;
  incarnation: number;
  sequence: number;
  /** Awareness score, 0 to 7. */
  score: number;
  isLeaving: boolean;
  readonly nodes: NodeRecord[];
  readonly bySubject: Map<number, NodeRecord>;
  probeIndex: number;
  isProbing: boolean;
  hasPendingTick: boolean;
  readonly queue: BroadcastQueue<SimMessage>;
  readonly ackHandlers: Map<number, AckHandler>;
  isGossipArmed: boolean;
  /** Work that fell due while the process was stopped. */
  deferred: (() => void)[];
  /** Draws made for purposes that count (shuffles, insertions, picks). */
  draws: number;
  /** Packets sent, which number the underlay's draws. */
  sentCount: number;
  readonly counters: MemberCounters;
}

/** Entries of the node list, dead ones and itself included (`estNumNodes`). */
export function nodeCountOf(member: Member): number {
  return member.nodes.length;
}

/** True for states in which a node is probed and gossiped to as a live one. */
export function isLive(state: NodeState): boolean {
  return state === NodeState.alive || state === NodeState.suspect;
}
