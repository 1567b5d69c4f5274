/**
 * The keys of gossip and of encrypted overlays (swarmkit `manager/keymanager/keymanager.go`).
 *
 * Three keys per subsystem; every 12 hours the oldest is dropped and a new one made. Agents get
 * them with their session. The clock of 12 hours starts anew with each leader.
 */
import { type DrawKey, draw32, drawBelow } from '../../sim/chance.ts';
import { HOUR_NS } from '../../sim/time.ts';
import type { World } from '../../sim/world.ts';
import { type Cluster, type EncryptionKey, KeySubsystem } from '../objects/cluster.ts';
import type { Store } from '../store/store.ts';
import type { TimerGroup } from '../timer-group.ts';

const KEYRING_SIZE = 3;
const ROTATION_INTERVAL_NS = 12 * HOUR_NS;
const KEY_WORDS = 4;

/** Makes and rotates keys; lives as long as one leadership. */
export class KeyManager {
  readonly #store: Store;
  readonly #timers: TimerGroup;
  readonly #key: DrawKey;

  constructor(world: World, store: Store, timers: TimerGroup) {
    this.#store = store;
    this.#timers = timers;
    this.#key = world.chance.key('manager.keymanager');
  }

  /** Makes the first keys where there are none, and starts the clock. */
  onStart(): void {
    this.#store.update((tx) => {
      const cluster = tx.cluster();
      if (cluster === undefined || cluster.networkBootstrapKeys.length > 0) return;
      tx.update('cluster', this.#withFirstKeys(cluster));
    });
    this.#armRotation();
  }

  #armRotation(): void {
    this.#timers.after(ROTATION_INTERVAL_NS, () => {
      this.#armRotation();
      this.#store.update((tx) => {
        const cluster = tx.cluster();
        if (cluster !== undefined) tx.update('cluster', this.#withRotatedKeys(cluster));
      });
    });
  }

  #withFirstKeys(cluster: Cluster): Cluster {
    let clock = drawBelow(this.#key, 0x1_0000, 0) + 1;
    const keys: EncryptionKey[] = [];
    for (const subsystem of Object.values(KeySubsystem)) {
      for (let i = 0; i < KEYRING_SIZE; i++) keys.push(this.#makeKey(subsystem, ++clock));
    }
    return { ...cluster, networkBootstrapKeys: keys, encryptionKeyLamportClock: clock };
  }

  #withRotatedKeys(cluster: Cluster): Cluster {
    let clock = cluster.encryptionKeyLamportClock;
    const keys: EncryptionKey[] = [];
    for (const subsystem of Object.values(KeySubsystem)) {
      const ring = cluster.networkBootstrapKeys
        .filter((key) => key.subsystem === subsystem)
        .sort((a, b) => a.lamportTime - b.lamportTime);
      if (ring.length >= KEYRING_SIZE) ring.shift();
      keys.push(...ring, this.#makeKey(subsystem, ++clock));
    }
    return { ...cluster, networkBootstrapKeys: keys, encryptionKeyLamportClock: clock };
  }

  #makeKey(subsystem: KeySubsystem, lamportTime: number): EncryptionKey {
    let key = '';
    for (let word = 0; word < KEY_WORDS; word++) {
      key += draw32(this.#key, lamportTime, word).toString(16).padStart(8, '0');
    }
    return { subsystem, key, lamportTime };
  }
}
