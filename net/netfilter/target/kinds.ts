/**
 * The targets, by name.
 *
 * A new target is a file in this folder and a line in this table. Verdicts (ACCEPT, DROP, RETURN,
 * QUEUE) and chains are no targets of this kind; the walk through a table knows them.
 */
import type { TargetKind } from '../extension.ts';
import { connmarkTarget } from './connmark.ts';
import { dnatTarget } from './dnat.ts';
import { checksumTarget } from './header/checksum.ts';
import { tcpmssTarget } from './header/tcpmss.ts';
import { dscpTarget, tosTarget } from './header/tos.ts';
import { ttlTarget } from './header/ttl.ts';
import { logTarget } from './log.ts';
import { markTarget } from './mark.ts';
import { masqueradeTarget } from './masquerade.ts';
import { netmapTarget } from './netmap.ts';
import { nflogTarget } from './nflog.ts';
import { ctTarget, notrackTarget } from './notrack.ts';
import { redirectTarget } from './redirect.ts';
import { rejectTarget } from './reject.ts';
import { snatTarget } from './snat.ts';
import { teeTarget } from './tee.ts';

const KINDS: readonly TargetKind[] = [
  checksumTarget,
  connmarkTarget,
  ctTarget,
  dnatTarget,
  dscpTarget,
  logTarget,
  markTarget,
  masqueradeTarget,
  netmapTarget,
  nflogTarget,
  notrackTarget,
  redirectTarget,
  rejectTarget,
  snatTarget,
  tcpmssTarget,
  teeTarget,
  tosTarget,
  ttlTarget,
];

/** Every kind of target by its name. */
export const TARGET_KINDS: ReadonlyMap<string, TargetKind> = new Map(
  KINDS.map((kind) => [kind.name, kind]),
);
