/**
 * What an explanation comes to: one plain object. The terminal table is a rendering of it, and
 * `--json` prints it as it is.
 */
import type { WayStep } from '../../net/way.ts';
import type { TimelineLine } from '../result.ts';

/** The version of the document; it rises when a field changes its meaning or goes. */
export const EXPLANATION_SCHEMA_VERSION = 1;

/** How a packet ended. */
export type PacketFate = 'delivered' | 'dropped' | 'unfinished';

/** One packet from the socket that sent it to where it ended. */
export interface PacketWalk {
  /** `SYN`, `SYN-ACK`, `2137 bytes`, `ICMP`, … */
  readonly title: string;
  readonly sentAtNs: number;
  readonly endedAtNs: number;
  /** The hosts that it came by, each once in a row. */
  readonly hosts: readonly string[];
  readonly fate: PacketFate;
  /** Where it ended, in words: `voting-app_vote.2 on worker-1`, `worker-2, eth0`. */
  readonly place: string;
  /** Why it was dropped; empty otherwise. */
  readonly reason: string;
  /** The index of an earlier packet that went the same way, if one did. */
  readonly sameAs: number | undefined;
  readonly steps: readonly WayStep[];
}

/** The first place where something went wrong, and what is known of why. */
export interface Diagnosis {
  readonly atNs: number;
  /** The index of the packet that tells. */
  readonly packet: number | undefined;
  /** What went wrong, and where. */
  readonly text: string;
  /** What would mend it; empty when nobody can say. */
  readonly remedy: string;
  /** The choice of ipvs that had brought the packet there; empty when there was none. */
  readonly choice: string;
  /** What had happened to the nodes concerned, and when others came to know of it. */
  readonly history: readonly TimelineLine[];
}

/** The planes of a swarm at the instant of a failure, each in words. */
export interface Planes {
  /** Which of them is to blame. */
  readonly verdict: string;
  readonly dataPlane: string;
  /** What the node that decided had been told by membership and NetworkDB. */
  readonly gossip: string;
  /** What the manager thought of the nodes. */
  readonly management: string;
}

/** Everything that is known of one request or probe. */
export interface Explanation {
  readonly schemaVersion: number;
  /** `request 17 of votes`, `probe from outside to manager-1:5000`. */
  readonly subject: string;
  readonly scenario: string;
  readonly seed: string;
  readonly sentAtNs: number;
  readonly endedAtNs: number;
  /** `ok`, `timeout`, `refused`, … */
  readonly outcome: string;
  /** Who answered; empty when nobody did. */
  readonly server: string;
  /** Names of namespaces for people, by their names in steps. */
  readonly namespaceNames: Readonly<Record<string, string>>;
  readonly packets: readonly PacketWalk[];
  readonly diagnosis: Diagnosis | undefined;
  /** Present with a diagnosis, where the swarm has a part in it. */
  readonly planes: Planes | undefined;
}
