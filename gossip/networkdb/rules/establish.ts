/**
 * A cluster whose nodes have been on their networks for long: all is agreed, nothing is queued.
 */
import { assert } from '../../../sim/assert.ts';
import { localNetworkOf } from '../local-network.ts';
import { tableEventBytes } from '../message.ts';
import { type Network, type NodeState, type State, witness } from '../state.ts';
import type { TableValue } from '../store/entries.ts';

/** The Lamport time of all that is established. */
const ESTABLISHED_LTIME = 1;

/** A network with members and entries. */
export interface EstablishedNetwork {
  readonly id: string;
  readonly members: readonly number[];
  readonly entries: readonly {
    readonly table: string;
    readonly key: string;
    readonly value: TableValue;
    readonly owner: number;
  }[];
}

/** Makes the members of a network that nobody has named yet hold its attachments and entries. */
export function establishNetwork(state: State, established: EstablishedNetwork): void {
  assert(state.networkIfKnown(established.id) === undefined, 'networkdb: network is known');
  const network = state.network(established.id);
  for (const member of established.members) {
    const node = state.node(member);
    const local = localNetworkOf(node, network, ESTABLISHED_LTIME, undefined);
    local.inSync = true;
    node.networks.set(network.index, local);
    network.entries.join(member);
    const { index: networkIndex } = network;
    const ltime = ESTABLISHED_LTIME;
    network.attachments.establish({ owner: member, networkIndex, ltime, leaving: false });
  }
  for (const { table, key, value, owner } of established.entries) {
    establishEntry(network, state.node(owner), table, key, value);
  }
  for (const node of state.nodes()) {
    node.networkClock = witness(node.networkClock, ESTABLISHED_LTIME);
    node.tableClock = witness(node.tableClock, ESTABLISHED_LTIME);
  }
}

function establishEntry(
  network: Network,
  owner: NodeState,
  table: string,
  key: string,
  value: TableValue,
): void {
  const eventBytes = tableEventBytes({
    ltime: ESTABLISHED_LTIME,
    ownerNameBytes: owner.name.length,
    networkIdBytes: network.id.length,
    tableBytes: table.length,
    keyBytes: key.length,
    valueBytes: value.sizeBytes,
  });
  network.entries.establish(network.entries.factOf(table, key), {
    owner: owner.index,
    ltime: ESTABLISHED_LTIME,
    value,
    deleting: false,
    eventBytes,
    forged: undefined,
  });
}
