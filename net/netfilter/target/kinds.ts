/**
 * The targets, by name.
 *
 * A new target is a file in this folder and a line in this table. Verdicts (ACCEPT, DROP, RETURN,
 * QUEUE) and chains are no targets of this kind; the walk through a table knows them.
 */
import type { TargetKind } from '../extension.ts';
import { checksumTarget } from './checksum.ts';
import { connmarkTarget } from './connmark.ts';
import { dnatTarget } from './dnat.ts';
import { logTarget } from './log.ts';
import { markTarget } from './mark.ts';
import { masqueradeTarget } from './masquerade.ts';
import { ctTarget, notrackTarget } from './notrack.ts';
import { redirectTarget } from './redirect.ts';
import { rejectTarget } from './reject.ts';
import { snatTarget } from './snat.ts';
import { tcpmssTarget } from './tcpmss.ts';

const KINDS: readonly TargetKind[] = [
  checksumTarget,
  connmarkTarget,
  ctTarget,
  dnatTarget,
  logTarget,
  markTarget,
  masqueradeTarget,
  notrackTarget,
  redirectTarget,
  rejectTarget,
  snatTarget,
  tcpmssTarget,
];

/** Every kind of target by its name. */
export const TARGET_KINDS: ReadonlyMap<string, TargetKind> = new Map(
  KINDS.map((kind) => [kind.name, kind]),
);
