/**
 * The three generations of NetworkDB's state machine as a table of differences.
 *
 * The wire format has been the same since 17.09; the rules have not. Generation 1 is 17.09 to 28,
 * generation 2 is 29, generation 3 is what follows (moby PR 53142). Two are in between: 29.0 to 29.5
 * still wait for bulk syncs as generation 1 does, and since the end of August 2026 (PRs 53437, 53479)
 * bulk syncs tell who is attached. Rules ask a field here and never the number, so a difference has one
 * name and one place.
 */

/** Whose rules: a generation, `29.0` for the second until 29.6, `30.1` for the third as it is now. */
export type GenerationName = 1 | '29.0' | 2 | 3 | '30.1';

/** What one generation does where the generations differ. */
export interface Generation {
  readonly number: 1 | 2 | 3;
  /** A failed node's entries and attachments are kept, hidden, until it returns or is reaped. */
  readonly keepsFailedNodes: boolean;
  /** A remote node's leave turns its entries into tombstones with unchanged ltime (I 47728). */
  readonly forgesTombstones: boolean;
  /** Own tombstones of LeaveNetwork take the table clock; otherwise ltime + 1. */
  readonly leaveTakesClock: boolean;
  /** A gossiped DELETE for an unknown key is stored. */
  readonly storesUnknownDeletes: boolean;
  /** Watch events tell the change of the local view; otherwise the wire's type and value. */
  readonly watchesLocalView: boolean;
  /** A watch begins with creates for the live entries of others. */
  readonly watchStartsWithEntries: boolean;
  /** Own and relayed table events have a queue each, own first. */
  readonly queuesRelaysApart: boolean;
  /** A bulk sync message increments the table clock; otherwise it only reads it. */
  readonly bulkSyncTicksClock: boolean;
  /** Waiting bulk syncs are a list per peer; otherwise one channel that each sync overwrites. */
  readonly listsBulkSyncAcks: boolean;
  /** Network and node events share the space of a packet; otherwise each gets all of it. */
  readonly sharesBroadcastLimit: boolean;
  /** Bootstrap addresses are compared with port 0 and never match (I 53715). */
  readonly bootstrapNeverMatches: boolean;
  /** Joining a joined network is an error; otherwise it resets the record. */
  readonly refusesSecondJoin: boolean;
  /** Own attachments are apart from those of others; otherwise they go when oneself "leaves". */
  readonly keepsOwnNetworksApart: boolean;
  /** Peers are drawn by permutation; otherwise by up to 3n draws with rejection. */
  readonly drawsByPermutation: boolean;
  /** A tombstone can be created over and not updated; otherwise it is the other way round. */
  readonly createsOverTombstones: boolean;
  /** Bulk syncs tell who is attached, to those that say in their metadata that they want to hear it. */
  readonly syncsAttachments: boolean;
  /** A relayed node event replaces the queued one about that node. */
  readonly replacesNodeEvents: boolean;
  /** A failed node is synced with at its last address; otherwise that silently does nothing. */
  readonly syncsWithFailedNodes: boolean;
}

const FIRST: Generation = {
  number: 1,
  keepsFailedNodes: false,
  forgesTombstones: true,
  leaveTakesClock: false,
  storesUnknownDeletes: false,
  watchesLocalView: false,
  watchStartsWithEntries: false,
  queuesRelaysApart: false,
  bulkSyncTicksClock: false,
  listsBulkSyncAcks: false,
  sharesBroadcastLimit: false,
  bootstrapNeverMatches: false,
  refusesSecondJoin: false,
  keepsOwnNetworksApart: false,
  drawsByPermutation: false,
  createsOverTombstones: false,
  syncsAttachments: false,
  replacesNodeEvents: false,
  syncsWithFailedNodes: false,
};

const SECOND: Generation = {
  number: 2,
  keepsFailedNodes: false,
  forgesTombstones: false,
  leaveTakesClock: true,
  storesUnknownDeletes: true,
  watchesLocalView: true,
  watchStartsWithEntries: true,
  queuesRelaysApart: true,
  bulkSyncTicksClock: true,
  listsBulkSyncAcks: true,
  sharesBroadcastLimit: true,
  bootstrapNeverMatches: true,
  refusesSecondJoin: true,
  keepsOwnNetworksApart: true,
  drawsByPermutation: true,
  createsOverTombstones: false,
  syncsAttachments: false,
  replacesNodeEvents: false,
  syncsWithFailedNodes: false,
};

const SECOND_EARLY: Generation = {
  ...SECOND,
  bulkSyncTicksClock: false,
  listsBulkSyncAcks: false,
};

const THIRD: Generation = {
  ...SECOND,
  number: 3,
  keepsFailedNodes: true,
  createsOverTombstones: true,
  syncsWithFailedNodes: true,
};

const THIRD_LATE: Generation = {
  ...THIRD,
  syncsAttachments: true,
  replacesNodeEvents: true,
};

const GENERATIONS: Readonly<Record<GenerationName, Generation>> = {
  1: FIRST,
  '29.0': SECOND_EARLY,
  2: SECOND,
  3: THIRD,
  '30.1': THIRD_LATE,
};

/** The rules of a generation. */
export function generationRules(name: GenerationName): Generation {
  return GENERATIONS[name];
}

/**
 * What a node says of itself in memberlist's metadata (`delegate.go` NodeMeta): since bulk syncs tell
 * of attachments, that it may be told; nothing before.
 */
export function nodeMetaOf(name: GenerationName): Uint8Array | undefined {
  return GENERATIONS[name].syncsAttachments ? Uint8Array.of(1) : undefined;
}
