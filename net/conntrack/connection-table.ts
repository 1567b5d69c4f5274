/**
 * The hash of connections: by both tuples, and by source for NAT's port reuse.
 *
 * Chained buckets of tuples whose hash is an integer of the five fields; no string and no object is
 * made for a look-up. Confirmed connections also stand in a list in the order of confirmation, for
 * `conntrack -L`, for the sweep, and so that nothing depends on where a hash puts them.
 * Mirrors `nf_conntrack_hash` and `nf_nat_bysource`.
 */
import { type Connection, ConnectionStatus } from './connection.ts';
import { hashTuple, type Tuple, type TupleFields, tuplesEqual } from './tuple.ts';

const INITIAL_BUCKETS = 64;

function hashSource(tuple: TupleFields): number {
  let h = Math.imul(tuple.source ^ Math.imul(tuple.sourcePort, 0x9e3779b1), 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h ^ tuple.protocol, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The confirmed connections of one namespace. */
export class ConnectionTable {
  /** How many connections stand here, ended ones that nobody has swept included. */
  count = 0;
  /** The connection that was confirmed first. */
  first: Connection | undefined = undefined;
  /** Hears of every connection that is taken out. */
  onRemove: (connection: Connection) => void = () => {};
  #last: Connection | undefined = undefined;
  #mask = INITIAL_BUCKETS - 1;
  #buckets: (Tuple | undefined)[] = new Array(INITIAL_BUCKETS).fill(undefined);
  #bySource: (Connection | undefined)[] = new Array(INITIAL_BUCKETS).fill(undefined);

  /** The tuple that equals `fields`, of a connection that has not ended at `nowNs`. */
  find(fields: TupleFields, nowNs: number): Tuple | undefined {
    const hash = hashTuple(fields);
    let tuple = this.#buckets[hash & this.#mask];
    while (tuple !== undefined) {
      const next = tuple.next;
      if (tuple.hash === hash && tuplesEqual(tuple, fields)) {
        if (tuple.connection.expiresAtNs > nowNs) return tuple;
        this.remove(tuple.connection);
      }
      tuple = next;
    }
    return undefined;
  }

  /** True when a live connection other than `ignored` has this tuple. */
  isTaken(fields: TupleFields, ignored: Connection, nowNs: number): boolean {
    const tuple = this.find(fields, nowNs);
    return tuple !== undefined && tuple.connection !== ignored;
  }

  /** The first connection of the by-source bucket; follow `nextBySource` and compare. */
  bucketOfSource(fields: TupleFields): Connection | undefined {
    return this.#bySource[hashSource(fields) & this.#mask];
  }

  /** Puts a connection in; its tuples must not change any more. */
  add(connection: Connection): void {
    if (this.count > this.#mask) this.#grow();
    this.count++;
    connection.status |= ConnectionStatus.confirmed;
    connection.previous = this.#last;
    if (this.#last === undefined) this.first = connection;
    else this.#last.following = connection;
    this.#last = connection;
    connection.original.hash = hashTuple(connection.original);
    connection.reply.hash = hashTuple(connection.reply);
    this.#link(connection);
  }

  /** Takes a connection out; may do nothing when it is not in. */
  remove(connection: Connection): void {
    if (connection.isDying) return;
    connection.status |= ConnectionStatus.dying;
    if (!connection.isConfirmed) return;
    this.count--;
    this.onRemove(connection);
    const { previous, following } = connection;
    if (previous === undefined) this.first = following;
    else previous.following = following;
    if (following === undefined) this.#last = previous;
    else following.previous = previous;
    this.#unlinkTuple(connection.original);
    this.#unlinkTuple(connection.reply);
    if ((connection.status & ConnectionStatus.sourceNatDone) !== 0) this.#unlinkSource(connection);
  }

  /**
   * Under pressure: takes out one connection that is not assured, from the buckets that follow that
   * of `fields` (`early_drop`). False when there is none.
   */
  dropUnassured(fields: TupleFields): boolean {
    const start = hashTuple(fields);
    for (let i = 0; i < 8; i++) {
      let tuple = this.#buckets[(start + i) & this.#mask];
      while (tuple !== undefined) {
        if (!tuple.connection.isAssured) {
          this.remove(tuple.connection);
          return true;
        }
        tuple = tuple.next;
      }
    }
    return false;
  }

  #link(connection: Connection): void {
    const mask = this.#mask;
    for (let i = 0; i < 2; i++) {
      const tuple = connection.tupleOf(i === 1);
      const bucket = tuple.hash & mask;
      tuple.next = this.#buckets[bucket];
      this.#buckets[bucket] = tuple;
    }
    if ((connection.status & ConnectionStatus.sourceNatDone) === 0) return;
    const bucket = hashSource(connection.original) & mask;
    connection.nextBySource = this.#bySource[bucket];
    this.#bySource[bucket] = connection;
  }

  #unlinkTuple(tuple: Tuple): void {
    const bucket = tuple.hash & this.#mask;
    let other = this.#buckets[bucket];
    if (other === tuple) {
      this.#buckets[bucket] = tuple.next;
      return;
    }
    while (other !== undefined) {
      if (other.next === tuple) {
        other.next = tuple.next;
        return;
      }
      other = other.next;
    }
  }

  #unlinkSource(connection: Connection): void {
    const bucket = hashSource(connection.original) & this.#mask;
    let other = this.#bySource[bucket];
    if (other === connection) {
      this.#bySource[bucket] = connection.nextBySource;
      return;
    }
    while (other !== undefined) {
      if (other.nextBySource === connection) {
        other.nextBySource = connection.nextBySource;
        return;
      }
      other = other.nextBySource;
    }
  }

  #grow(): void {
    const size = (this.#mask + 1) * 2;
    this.#mask = size - 1;
    this.#buckets = new Array(size).fill(undefined);
    this.#bySource = new Array(size).fill(undefined);
    for (let c = this.first; c !== undefined; c = c.following) this.#link(c);
  }
}
