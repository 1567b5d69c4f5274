/**
 * The cluster object: settings and the keys of gossip and data encryption (swarmkit
 * `api/objects.proto`: `Cluster`; `types.proto`: `EncryptionKey`; `specs.proto`: `ClusterSpec`).
 */
import { SECOND_NS } from '../../sim/time.ts';
import type { Prefix } from '../../wire/addresses.ts';
import type { Annotations, Meta } from './meta.ts';

/** What a key encrypts: NetworkDB's gossip, or the data of encrypted overlays. */
export const KeySubsystem = { gossip: 'networking:gossip', ipsec: 'networking:ipsec' } as const;
/** One of {@link KeySubsystem}. */
export type KeySubsystem = (typeof KeySubsystem)[keyof typeof KeySubsystem];

/** A symmetric key with its place in time. */
export interface EncryptionKey {
  readonly subsystem: KeySubsystem;
  /** 16 bytes as lower-case hexadecimal (AES-128-GCM). */
  readonly key: string;
  readonly lamportTime: number;
}

/** Settings that operators change with `docker swarm update`. */
export interface ClusterSpec {
  readonly annotations: Annotations;
  readonly taskHistoryRetentionLimit: number;
  readonly heartbeatPeriodNs: number;
  readonly defaultAddressPool: readonly Prefix[];
  readonly subnetLengthBits: number;
  readonly dataPathPort: number;
}

/** The one cluster object. */
export interface Cluster {
  readonly id: string;
  readonly meta: Meta;
  readonly spec: ClusterSpec;
  readonly networkBootstrapKeys: readonly EncryptionKey[];
  readonly encryptionKeyLamportClock: number;
}

/** The settings of a cluster that `docker swarm init` makes. */
export const DEFAULT_CLUSTER_SPEC: ClusterSpec = {
  annotations: { name: 'default', labels: {} },
  taskHistoryRetentionLimit: 5,
  heartbeatPeriodNs: 5 * SECOND_NS,
  defaultAddressPool: [{ address: 0x0a00_0000, lengthBits: 8 }],
  subnetLengthBits: 24,
  dataPathPort: 4789,
};
