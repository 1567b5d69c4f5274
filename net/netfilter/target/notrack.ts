/**
 * The `NOTRACK` and `CT --notrack` targets: conntrack is to leave the packet alone.
 * Mirrors `extensions/libxt_CT.c`.
 */
import { ConnectionState } from '../../packet.ts';
import { Outcome, type Target, type TargetKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';

class NotrackTarget implements Target {
  readonly #isCt: boolean;

  constructor(isCt: boolean) {
    this.#isCt = isCt;
  }

  option(): string | undefined {
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  run({ packet }: Inspection): Outcome {
    if (packet.connection === undefined) packet.connectionState = ConnectionState.untracked;
    return Outcome.next;
  }

  save(): string {
    return this.#isCt ? ' --notrack' : '';
  }

  list(): string {
    return this.#isCt ? ' CT notrack' : ' NOTRACK';
  }
}

/** `-j NOTRACK`. */
export const notrackTarget: TargetKind = {
  name: 'NOTRACK',
  options: [],
  tables: ['raw'],
  listedName: 'CT',
  create: () => new NotrackTarget(false),
};

/** `-j CT`. */
export const ctTarget: TargetKind = {
  name: 'CT',
  options: ['--notrack'],
  tables: ['raw'],
  create: () => new NotrackTarget(true),
};
