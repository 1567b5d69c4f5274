/**
 * Which memberlist a member runs, where versions differ in what others can notice. A version is a
 * set of facts, not a fork of the code; the bytes of all messages are the same.
 *
 * Not among the facts are bugs that only broken packets reach: 0.2.2 and 0.4.0 crash on some of
 * them, a simulated member counts and drops them in every version.
 */

import type { GoMsgpack } from '../wire/memberlist/msgpack-reader.ts';

/** The facts about one version of memberlist. */
export interface MemberlistVersion {
  readonly text: string;
  /** Knows the label in front of packets and streams (`label.go`, from 0.4.0 on). */
  readonly hasLabels: boolean;
  /** Looks through a small list instead of drawing 3n times (`kRandomNodes`, from 0.6.0 on). */
  readonly choosesExhaustively: boolean;
  /** Forgets the left as it does the dead (`moveDeadNodes`, after 0.2.2). */
  readonly prunesLeft: boolean;
  /** Makes several packets of more than 255 messages, instead of one whose count is cut. */
  readonly splitsCompounds: boolean;
  /** Which go-msgpack it reads with. */
  readonly codec: GoMsgpack;
}

/** Debian 12's, in serf 0.9.4. */
export const MEMBERLIST_0_2_2: MemberlistVersion = {
  text: '0.2.2',
  hasLabels: false,
  choosesExhaustively: false,
  prunesLeft: false,
  splitsCompounds: false,
  codec: '0.5',
};

/** That of Docker 20.10.24 to 28.5. */
export const MEMBERLIST_0_4_0: MemberlistVersion = {
  text: '0.4.0',
  hasLabels: true,
  choosesExhaustively: false,
  prunesLeft: true,
  splitsCompounds: true,
  codec: '0.5',
};

/** That of Docker 29. */
export const MEMBERLIST_0_6_0: MemberlistVersion = {
  text: '0.6.0',
  hasLabels: true,
  choosesExhaustively: true,
  prunesLeft: true,
  splitsCompounds: true,
  codec: '2',
};

/** The versions that a user may name, oldest first. */
export const MEMBERLIST_VERSIONS: readonly MemberlistVersion[] = [
  MEMBERLIST_0_2_2,
  MEMBERLIST_0_4_0,
  MEMBERLIST_0_6_0,
];
