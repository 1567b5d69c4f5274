/**
 * Names of containers: which are allowed, and those that dockerd makes up for containers that have
 * none (moby `daemon/names`, `pkg/namesgenerator`).
 */
import { type DrawKey, drawBelow } from '../../sim/chance.ts';

/** What a name may look like. */
export const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

const ADJECTIVES =
  'admiring bold brave clever dazzling eager elated festive focused frosty gallant happy hungry ' +
  'jolly keen kind lucid modest nifty peaceful quirky relaxed serene sharp stoic sweet trusting ' +
  'vibrant vigilant wizardly zealous zen';
const SURNAMES =
  'archimedes babbage bell bohr boyd carson cerf curie darwin dijkstra einstein euclid euler ' +
  'fermat galileo gauss hamilton hopper kepler knuth lamport lovelace maxwell newton noether ' +
  'pascal perlman ritchie thompson torvalds turing wozniak';

const adjectives = ADJECTIVES.split(' ');
const surnames = SURNAMES.split(' ');

/** A name such as `happy_lamport` that is not taken. */
export function makeName(key: DrawKey, count: number, isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const left = adjectives[drawBelow(key, adjectives.length, count, attempt)]!;
    const right = surnames[drawBelow(key, surnames.length, count, attempt + 1000)]!;
    const name = `${left}_${right}${attempt < 6 ? '' : attempt}`;
    if (!isTaken(name)) return name;
  }
}
