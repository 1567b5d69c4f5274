/**
 * Table events that come from outside the simulation (a live agent, a test) as names and numbers,
 * turned into the shared objects that the rules work with.
 */
import type { TableEventType } from '../../wire/networkdb/message.ts';
import { type TableEvent, tableEventBytes, tableEventOf } from './message.ts';
import type { State } from './state.ts';
import type { EntryVersion, TableValue } from './store/entries.ts';

/** A table event as the wire tells it, with the owner as a node index. */
export interface TableEventFields {
  readonly event: TableEventType;
  readonly ltime: number;
  readonly owner: number;
  readonly networkId: string;
  readonly table: string;
  readonly key: string;
  readonly value: TableValue;
  readonly residualSeconds: number;
}

/** The event, about the same objects as other events of that entry, owner and ltime. */
export function importTableEvent(state: State, fields: TableEventFields): TableEvent {
  const { event, ltime, owner, table, key, value, residualSeconds } = fields;
  const network = state.network(fields.networkId);
  const fact = network.entries.factOf(table, key);
  const deleting = event === 3;
  const known = network.entries.versionLike(fact, owner, ltime, deleting);
  const version: EntryVersion = known ?? {
    owner,
    ltime,
    value,
    deleting,
    eventBytes: tableEventBytes({
      ltime,
      ownerNameBytes: state.node(owner).name.length,
      networkIdBytes: network.id.length,
      tableBytes: table.length,
      keyBytes: key.length,
      valueBytes: value.sizeBytes,
    }),
    forged: undefined,
  };
  return tableEventOf(event, fact, version, residualSeconds);
}
