/**
 * The targets, by name.
 *
 * A new target is a file in this folder and a line in this table. Verdicts (ACCEPT, DROP, RETURN,
 * QUEUE) and chains are no targets of this kind; the walk through a table knows them.
 */
import { kindsOf, type TargetKind } from '../extension.ts';
import { classifyTarget } from './classify.ts';
import { connmarkTarget } from './connmark.ts';
import { ctTarget, notrackTarget } from './ct.ts';
import { dnatTarget } from './dnat.ts';
import { checksumTarget } from './header/checksum.ts';
import { tcpmssTarget } from './header/tcpmss.ts';
import { tcpoptstripTarget } from './header/tcpoptstrip.ts';
import { dscpTarget, tosTarget } from './header/tos.ts';
import { hlTarget, ttlTarget } from './header/ttl.ts';
import { markTarget } from './mark.ts';
import { masqueradeTarget } from './masquerade.ts';
import { netmapTarget } from './netmap.ts';
import { redirectTarget } from './redirect.ts';
import { reject6Target, rejectTarget } from './reject.ts';
import { auditTarget } from './report/audit.ts';
import { logTarget } from './report/log.ts';
import { nflogTarget } from './report/nflog.ts';
import { nfqueueTarget } from './report/nfqueue.ts';
import { traceTarget } from './report/trace.ts';
import { setTarget } from './set.ts';
import { snatTarget } from './snat.ts';
import { teeTarget } from './tee.ts';
import { tproxyTarget } from './tproxy.ts';

const KINDS: readonly TargetKind[] = [
  auditTarget,
  checksumTarget,
  classifyTarget,
  connmarkTarget,
  ctTarget,
  dnatTarget,
  dscpTarget,
  hlTarget,
  logTarget,
  markTarget,
  masqueradeTarget,
  netmapTarget,
  nflogTarget,
  nfqueueTarget,
  notrackTarget,
  redirectTarget,
  reject6Target,
  rejectTarget,
  setTarget,
  snatTarget,
  tcpmssTarget,
  tcpoptstripTarget,
  teeTarget,
  tosTarget,
  tproxyTarget,
  traceTarget,
  ttlTarget,
];

/** Every kind of target by its name, by family. */
export const TARGET_KINDS = { ipv4: kindsOf(KINDS, 'ipv4'), ipv6: kindsOf(KINDS, 'ipv6') } as const;
