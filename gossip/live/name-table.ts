/**
 * The names of nodes that live members hold, each once, with a number for queues and observations.
 *
 * A peer can make up names without end. The names of this process are always there; of others there
 * is room for {@link PEERS_MAX} at a time, and a name is let go when no member holds it any more.
 */

/** Names of other processes that are held at a time; upstream has no limit. */
export const PEERS_MAX = 2000;

/** A name that is longer is not taken: upstream has no limit, hosts' names have this one. */
const NAME_LENGTH_MAX = 255;

/** A name and its number. */
export interface LiveName {
  readonly text: string;
  readonly number: number;
  /** How many hold it. */
  holderCount: number;
}

/** See the module comment. */
export class NameTable {
  readonly #names = new Map<string, LiveName>();
  #nextNumber = 0;
  #ownCount = 0;

  /** Adds the name of a member of this process, which is never let go. */
  addOwn(text: string): void {
    this.#ownCount++;
    this.#add(text).holderCount++;
  }

  /** Holds a name; `undefined` when it is too long or there is no room for another. */
  acquire(text: string): LiveName | undefined {
    const known = this.#names.get(text);
    if (known !== undefined) {
      known.holderCount++;
      return known;
    }
    const hasRoom = this.#names.size < this.#ownCount + PEERS_MAX;
    if (!hasRoom || text.length > NAME_LENGTH_MAX) return undefined;
    const name = this.#add(text);
    name.holderCount++;
    return name;
  }

  /** Lets go of a name that was acquired. */
  release(name: LiveName): void {
    if (--name.holderCount === 0) this.#names.delete(name.text);
  }

  /** How many names of other processes there are. */
  get peerCount(): number {
    return this.#names.size - this.#ownCount;
  }

  #add(text: string): LiveName {
    const name = { text, number: this.#nextNumber++, holderCount: 0 };
    this.#names.set(text, name);
    return name;
  }
}
