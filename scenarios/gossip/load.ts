/**
 * What members send, per member and second: UDP payloads and TCP stream bytes.
 */
import { Counter } from '../../gossip/counters.ts';
import type { Swim } from '../../gossip/swim.ts';
import { SECOND_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';

/** What was sent: in all, or by a member in a second on average. */
export interface Load {
  readonly packets: number;
  readonly packetBytes: number;
  readonly streams: number;
  readonly streamBytes: number;
}

/** Counts what is sent from an instant on. Reading it asks every member. */
export class LoadMeter {
  readonly #world: World;
  readonly #swim: Swim;
  #since: Load;
  #sinceNs: number;

  /** Begins at the present instant. */
  constructor(world: World, swim: Swim) {
    this.#world = world;
    this.#swim = swim;
    this.#since = totalsOf(swim);
    this.#sinceNs = world.nowNs;
  }

  /** Begins anew. */
  reset(): void {
    this.#since = totalsOf(this.#swim);
    this.#sinceNs = this.#world.nowNs;
  }

  /** What all members have sent since the beginning. */
  total(): Load {
    const now = totalsOf(this.#swim);
    return {
      packets: now.packets - this.#since.packets,
      packetBytes: now.packetBytes - this.#since.packetBytes,
      streams: now.streams - this.#since.streams,
      streamBytes: now.streamBytes - this.#since.streamBytes,
    };
  }

  /** What one of `memberCount` members has sent in a second since the beginning, on average. */
  perMemberSecond(memberCount: number): Load {
    const total = this.total();
    const seconds = (this.#world.nowNs - this.#sinceNs) / SECOND_NS;
    const memberSeconds = Math.max(memberCount * seconds, Number.MIN_VALUE);
    return {
      packets: total.packets / memberSeconds,
      packetBytes: total.packetBytes / memberSeconds,
      streams: total.streams / memberSeconds,
      streamBytes: total.streamBytes / memberSeconds,
    };
  }
}

function totalsOf(swim: Swim): Load {
  return {
    packets: swim.totalOf(Counter.packetsSent),
    packetBytes: swim.totalOf(Counter.packetBytesSent),
    streams: swim.totalOf(Counter.streams),
    streamBytes: swim.totalOf(Counter.streamBytesSent),
  };
}
