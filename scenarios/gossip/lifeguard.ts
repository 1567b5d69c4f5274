/**
 * Lifeguard's three parts (Dadgar, Phillips, Currey: "Lifeguard: Local Health Awareness for More
 * Accurate Failure Detection", 2018), each of which memberlist's tunables can switch off.
 */
import type { SwimConfig } from '../../gossip/constants.ts';

/** The parts, by the paper's names; the first letters of a combination stand for them. */
export const LIFEGUARD_PARTS = {
  /** Local health stretches a member's probes. */
  probe: { awarenessMaxMultiplier: 1 },
  /** A suspicion begins long, and shrinks as others confirm it. */
  suspicion: { suspicionMaxTimeoutMult: 1 },
  /** A ping tells a suspect of the suspicion. */
  buddy: { buddyRefutation: false },
} as const satisfies Record<string, Partial<SwimConfig>>;
/** See {@link LIFEGUARD_PARTS}. */
export type LifeguardPart = keyof typeof LIFEGUARD_PARTS;

const PARTS = Object.keys(LIFEGUARD_PARTS) as LifeguardPart[];

/** A combination of parts. */
export interface LifeguardVariant {
  readonly name: string;
  readonly parts: readonly LifeguardPart[];
}

/** The combinations: SWIM alone, with one part, with two, with all. */
export const LIFEGUARD_VARIANTS: readonly LifeguardVariant[] = [
  { name: 'SWIM', parts: [] },
  { name: 'LHA-Probe', parts: ['probe'] },
  { name: 'LHA-Suspicion', parts: ['suspicion'] },
  { name: 'Buddy System', parts: ['buddy'] },
  { name: 'without LHA-Probe', parts: ['suspicion', 'buddy'] },
  { name: 'without LHA-Suspicion', parts: ['probe', 'buddy'] },
  { name: 'without Buddy System', parts: ['probe', 'suspicion'] },
  { name: 'Lifeguard', parts: PARTS },
];

/** The configuration with those parts only. */
export function withParts(config: SwimConfig, parts: readonly LifeguardPart[]): SwimConfig {
  const off = PARTS.filter((part) => !parts.includes(part));
  return Object.assign({}, config, ...off.map((part) => LIFEGUARD_PARTS[part]));
}
