/**
 * What is written to the store: changes, as raft's log would carry them, and the events that
 * watchers hear when changes are committed (swarmkit `api/raft.proto` `StoreAction`, `watch`).
 */
import type { Cluster } from '../objects/cluster.ts';
import type { Network } from '../objects/network.ts';
import type { Node } from '../objects/node.ts';
import type { Service } from '../objects/service.ts';
import type { Task } from '../objects/task.ts';

/** The type of object in each table. */
export interface Tables {
  node: Node;
  service: Service;
  task: Task;
  network: Network;
  cluster: Cluster;
}

/** The name of a table. */
export type TableName = keyof Tables;

/** An object of any table. */
export type StoreObject = Tables[TableName];

/** What a change does. */
export type ChangeAction = 'create' | 'update' | 'remove';

/** A change of one table; `object` is the new value, or for a removal the last one. */
interface ChangeOf<K extends TableName> {
  readonly action: ChangeAction;
  readonly table: K;
  readonly object: Tables[K];
}

/** One change; a transaction is a list of them. */
export type StoreChange = { [K in TableName]: ChangeOf<K> }[TableName];

interface EventOf<K extends TableName> extends ChangeOf<K> {
  /** The value before the change; `undefined` for a creation. */
  readonly old: Tables[K] | undefined;
}

/** One committed change with the value before it. */
export type StoreEvent = { [K in TableName]: EventOf<K> }[TableName];

/** Hears all events of one transaction, in order (swarmkit's events up to `EventCommit`). */
export type CommitWatcher = (events: readonly StoreEvent[]) => void;
