/**
 * `/proc/net/xfrm_stat`: what IPsec refused, by reason, as Linux 6.1 lists it.
 * Mirrors net/xfrm/xfrm_proc.c; counters of what is not simulated stay 0.
 */
import type { Namespace } from '../namespace.ts';

const NAMES = [
  'XfrmInError',
  'XfrmInBufferError',
  'XfrmInHdrError',
  'XfrmInNoStates',
  'XfrmInStateProtoError',
  'XfrmInStateModeError',
  'XfrmInStateSeqError',
  'XfrmInStateExpired',
  'XfrmInStateMismatch',
  'XfrmInStateInvalid',
  'XfrmInTmplMismatch',
  'XfrmInNoPols',
  'XfrmInPolBlock',
  'XfrmInPolError',
  'XfrmOutError',
  'XfrmOutBundleGenError',
  'XfrmOutBundleCheckError',
  'XfrmOutNoStates',
  'XfrmOutStateProtoError',
  'XfrmOutStateModeError',
  'XfrmOutStateSeqError',
  'XfrmOutStateExpired',
  'XfrmOutPolBlock',
  'XfrmOutPolDead',
  'XfrmOutPolError',
  'XfrmFwdHdrError',
  'XfrmOutStateInvalid',
  'XfrmAcquireError',
] as const;

/** The whole file. */
export function xfrmStatisticsFile({ xfrm }: Namespace): string {
  const counters: Partial<Record<string, number>> = { ...xfrm?.counters };
  return NAMES.map((name) => `${name.padEnd(24)}\t${counters[name] ?? 0}\n`).join('');
}
