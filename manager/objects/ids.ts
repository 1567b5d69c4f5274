/**
 * Ids of cluster objects: 25 characters of base 36, as swarmkit's `identity.NewID` makes them.
 *
 * swarmkit takes 17 random bytes, sets the top bit, writes them in base 36 and cuts the first
 * character, which leaves 25 uniform characters; here each character is a keyed draw at
 * (node, counter, position), so one manager's ids do not depend on another's.
 */
import { type Chance, type DrawKey, drawBelow } from '../../sim/chance.ts';

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 25;

/** Makes ids for one manager node; `purpose` separates independent sources of one node. */
export class IdSource {
  readonly #key: DrawKey;
  readonly #nodeIndex: number;
  #counter = 0;

  constructor(chance: Chance, nodeIndex: number, purpose = 'manager.id') {
    this.#key = chance.key(purpose);
    this.#nodeIndex = nodeIndex;
  }

  /** The next id: 25 base36 characters, never given before. */
  next(): string {
    const counter = this.#counter++;
    const key = this.#key ^ Math.imul(this.#nodeIndex + 1, 0x9e3779b1);
    let id = '';
    for (let i = 0; i < ID_LENGTH; i++) id += DIGITS[drawBelow(key, 36, counter, i)];
    return id;
  }
}
