/**
 * How what nodes write into NetworkDB's tables becomes known: for every change of an entry, when each
 * of the nodes that were on its network had it, and when entries of dead owners were forgotten.
 *
 * A node that joins the network after a change gets it with the join and does not count.
 */
import type { Cluster } from '../../cluster/cluster.ts';
import type { CountedKind } from '../../gossip/networkdb/counters.ts';
import { type Observation, observationKind } from '../../sim/observations.ts';

/** One change of one entry. */
export interface TableChange {
  readonly entryId: number;
  readonly ltime: number;
  readonly kind: string;
  readonly atNs: number;
  /** The node that wrote it. */
  readonly node: number;
  /** Nodes that know it, in the order in which they learned it, and after how long. */
  readonly nodes: number[];
  readonly spansNs: number[];
}

/** A node forgot an entry with its owner. */
export interface TableDrop {
  readonly entryId: number;
  readonly atNs: number;
  readonly node: number;
  /** The node that had written the entry. */
  readonly owner: number;
}

/** Records changes and drops of table entries; members are translated to nodes. */
export class TableRecord {
  readonly changes: TableChange[] = [];
  /** When an entry was changed, whatever is recorded of it. */
  readonly changedAtNs: number[] = [];
  readonly drops: TableDrop[] = [];
  timeoutCount = 0;
  /** Streams that were too long for who read them. */
  refusedCount = 0;
  /** The largest bulk sync before compression, in bytes. */
  bulkSyncBytesMax = 0;
  readonly #cluster: Cluster;
  readonly #isRecording: boolean;
  /** The newest change of each entry. */
  readonly #newest = new Map<number, TableChange>();
  /** When a member's join of a network was in sync: `<member> <network id>`. */
  readonly #inSyncAtNs = new Map<string, number>();

  /** Unless it is recording, it notes when entries changed, and nothing more of them. */
  constructor(cluster: Cluster, isRecording: boolean) {
    this.#cluster = cluster;
    this.#isRecording = isRecording;
    const { observations } = cluster.world;
    observations.subscribe(observationKind('networkdb.event'), (event) => this.#hear(event));
    observations.subscribe(observationKind('networkdb.inSync'), ({ atNs, node, b }) => {
      this.#inSyncAtNs.set(`${node} ${cluster.db.networkIdOf(b)}`, atNs);
    });
    observations.subscribe(observationKind('networkdb.dropped'), ({ atNs, node, a }) => {
      const owner = this.#newest.get(a)?.node;
      if (owner === undefined || !isRecording) return;
      this.drops.push({ entryId: a, atNs, node: this.#nodeOf(node), owner });
    });
    observations.subscribe(observationKind('networkdb.bulkSyncTimeout'), () => {
      this.timeoutCount++;
    });
    observations.subscribe(observationKind('networkdb.bulkSync'), ({ b }) => {
      this.bulkSyncBytesMax = Math.max(this.bulkSyncBytesMax, b);
    });
    observations.subscribe(observationKind('membership.streamRefused'), () => {
      this.refusedCount++;
    });
  }

  /** The table and key of an entry. */
  subjectOf(entryId: number): { readonly table: string; readonly key: string } {
    return this.#cluster.db.entrySubject(entryId)!;
  }

  /** Messages and bytes of a kind that all daemons of the run have sent. */
  load(kind: CountedKind): { readonly messages: number; readonly bytes: number } {
    const { swim, db } = this.#cluster;
    let messages = 0;
    let bytes = 0;
    for (let member = 0; member < swim.memberCount; member++) {
      messages += db.counters.messagesOf(member, kind);
      bytes += db.counters.bytesOf(member, kind);
    }
    return { messages, bytes };
  }

  #hear({ atNs, node, a, b, text }: Observation): void {
    const known = this.#newest.get(a);
    if (known === undefined || known.ltime < b) {
      const writer = this.#nodeOf(node);
      const change = { entryId: a, ltime: b, kind: text, atNs, node: writer };
      const fresh = { ...change, nodes: [], spansNs: [] };
      this.#newest.set(a, fresh);
      this.changedAtNs.push(atNs);
      if (this.#isRecording) this.changes.push(fresh);
      return;
    }
    if (known.ltime !== b || !this.#isRecording) return;
    const networkId = this.#cluster.db.entrySubject(a)?.networkId;
    const inSyncAtNs = this.#inSyncAtNs.get(`${node} ${networkId}`);
    if (inSyncAtNs === undefined || inSyncAtNs > known.atNs) return;
    known.nodes.push(this.#nodeOf(node));
    known.spansNs.push(atNs - known.atNs);
  }

  #nodeOf(member: number): number {
    return this.#cluster.machineOfMember(member).index;
  }
}
