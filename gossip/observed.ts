/**
 * What membership lets everybody hear: `node` is the observer, `a` the subject, `b` the incarnation
 * that the observer holds of it from then on.
 */
import { observationKind } from '../sim/observations.ts';

/** The kinds of observations of membership. */
export const Observed = {
  /** The observer begins to suspect the subject. */
  suspect: observationKind('membership.suspect'),
  /** The observer declares the subject dead. */
  dead: observationKind('membership.dead'),
  /** The observer hears that the subject has left. */
  left: observationKind('membership.left'),
  /** The observer holds the subject alive that it did not know, or held dead or left. */
  alive: observationKind('membership.alive'),
  /** The observer no longer suspects the subject. */
  trusted: observationKind('membership.trusted'),
  /** The member answers an accusation with a new incarnation of its own. */
  refute: observationKind('membership.refute'),
  /** A known name from another address is refused. */
  conflict: observationKind('membership.conflict'),
  /** The observer refuses to merge what the subject holds; the text says why. */
  mergeRefused: observationKind('membership.mergeRefused'),
  /** The observer does not take a stream of the subject, of `b` bytes; the text says why. */
  streamRefused: observationKind('membership.streamRefused'),
  /** The observer takes a stream of the subject that is nearly too long, of `b` bytes. */
  streamLarge: observationKind('membership.streamLarge'),
} as const;
