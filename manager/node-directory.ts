/**
 * Which simulated host is which node of the cluster: node ids to node indexes and back.
 *
 * A node's id is made when it joins (upstream: by the certificate authority); its index is the
 * host's number in the simulation. A host that leaves and joins again gets a new id.
 */
import type { Chance } from '../sim/chance.ts';
import { IdSource } from './objects/ids.ts';

/** Node ids by node index and node indexes by id; one for all managers of a run. */
export class NodeDirectory {
  readonly #chance: Chance;
  readonly #sources = new Map<number, IdSource>();
  readonly #indexes = new Map<string, number>();
  readonly #ids = new Map<number, string>();

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** Makes a new id for a host. */
  admit(nodeIndex: number): string {
    let source = this.#sources.get(nodeIndex);
    if (source === undefined) {
      source = new IdSource(this.#chance, nodeIndex, 'manager.nodeId');
      this.#sources.set(nodeIndex, source);
    }
    const id = source.next();
    this.#indexes.set(id, nodeIndex);
    this.#ids.set(nodeIndex, id);
    return id;
  }

  /** The host of a node; -1 for an unknown or empty id. */
  indexOf(nodeId: string): number {
    return this.#indexes.get(nodeId) ?? -1;
  }

  /** The newest id of a host; `undefined` when it never joined. */
  idOf(nodeIndex: number): string | undefined {
    return this.#ids.get(nodeIndex);
  }
}
