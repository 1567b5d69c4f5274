/**
 * Watches on table events (moby `watch.go`): filters, and one queue in order per run.
 *
 * Events are collected while a rule runs and handed over when it has ended, so a handler sees a
 * consistent store and may write to NetworkDB itself. A node never hears of its own writes.
 */
import type { EntryFact, TableValue } from './store/entries.ts';

/** What happened to an entry in the eyes of a watcher. */
export interface WatchEvent {
  readonly kind: 'create' | 'update' | 'delete';
  readonly table: string;
  readonly networkId: string;
  readonly key: string;
  /** The new value; of a delete the last one. */
  readonly value: TableValue;
  /** The live value that the node held before, if any. */
  readonly previous: TableValue | undefined;
  /** The node that owns the entry. */
  readonly owner: number;
  /** Identifies the entry in observations. */
  readonly entryId: number;
}

/** Hears watch events. */
export type WatchHandler = (event: WatchEvent, nowNs: number) => void;

/** Hears that memberlist holds a node alive (create) or no longer (delete); `address` is IPv4. */
export type NodeWatchHandler = (
  kind: 'create' | 'delete',
  subject: number,
  address: number,
  nowNs: number,
) => void;

/** What to watch; an absent field means any. */
export interface WatchFilter {
  readonly table?: string;
  readonly networkId?: string;
}

/** One watch; ends with {@link Watches.cancel}. */
export interface Watch {
  readonly node: number;
  readonly filter: WatchFilter;
  readonly handler: WatchHandler;
}

interface Pending {
  readonly node: number;
  readonly only: Watch | undefined;
  readonly event: WatchEvent;
}

type PendingCall = (nowNs: number) => void;

/** All watches of all nodes, and the events on their way. */
export class Watches {
  readonly #byNode = new Map<number, Watch[]>();
  readonly #nodeHandlers = new Map<number, NodeWatchHandler[]>();
  #pending: (Pending | PendingCall)[] = [];
  #depth = 0;

  /** Starts a watch. */
  add(node: number, filter: WatchFilter, handler: WatchHandler): Watch {
    const watch = { node, filter, handler };
    const watches = this.#byNode.get(node);
    if (watches === undefined) this.#byNode.set(node, [watch]);
    else watches.push(watch);
    return watch;
  }

  /** Ends a watch; events on their way to it are dropped. */
  cancel(watch: Watch): void {
    const watches = this.#byNode.get(watch.node);
    const at = watches?.indexOf(watch) ?? -1;
    if (at >= 0) watches!.splice(at, 1);
  }

  /** Starts a watch on nodes. */
  addNodes(node: number, handler: NodeWatchHandler): void {
    const handlers = this.#nodeHandlers.get(node);
    if (handlers === undefined) this.#nodeHandlers.set(node, [handler]);
    else handlers.push(handler);
  }

  /** Queues a node event for the node watches of a node. */
  writeNode(node: number, kind: 'create' | 'delete', subject: number, address: number): void {
    if (!this.#nodeHandlers.has(node)) return;
    this.#pending.push((nowNs) => {
      for (const handler of this.#nodeHandlers.get(node) ?? []) {
        handler(kind, subject, address, nowNs);
      }
    });
  }

  /** Ends all watches of a node. */
  cancelAll(node: number): void {
    this.#nodeHandlers.delete(node);
    this.#byNode.delete(node);
  }

  /** True when somebody at the node might hear. */
  hasWatch(node: number): boolean {
    const watches = this.#byNode.get(node);
    return watches !== undefined && watches.length > 0;
  }

  /** Queues an event for the watches of a node, or for only one of them. */
  write(node: number, event: WatchEvent, only?: Watch): void {
    this.#pending.push({ node, only, event });
  }

  /** Begins a rule; events wait until the outermost {@link leave}. */
  enter(): void {
    this.#depth++;
  }

  /** Ends a rule; the outermost end hands the events over. */
  leave(nowNs: number): void {
    if (this.#depth > 1) {
      this.#depth--;
      return;
    }
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      for (const pending of batch) {
        if (typeof pending === 'function') pending(nowNs);
        else this.#deliver(pending, nowNs);
      }
    }
    this.#depth--;
  }

  #deliver(pending: Pending, nowNs: number): void {
    const watches = this.#byNode.get(pending.node);
    if (watches === undefined) return;
    for (const watch of [...watches]) {
      if (pending.only !== undefined && pending.only !== watch) continue;
      const { table, networkId } = watch.filter;
      if (table !== undefined && table !== pending.event.table) continue;
      if (networkId !== undefined && networkId !== pending.event.networkId) continue;
      watch.handler(pending.event, nowNs);
    }
  }
}

/** The event of an entry at a node. */
export function watchEventOf(
  kind: WatchEvent['kind'],
  fact: EntryFact,
  networkId: string,
  owner: number,
  value: TableValue,
  previous: TableValue | undefined,
): WatchEvent {
  const { table, key, entryId } = fact.subject;
  return { kind, table, networkId, key, value, previous, owner, entryId };
}
