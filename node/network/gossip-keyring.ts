/**
 * The gossip keys of one daemon: the controller's list, NetworkDB's configured keys and memberlist's
 * keyring (moby `libnetwork/agent.go` `SetKeys`, `handleKeyChange`, `getPrimaryKeyTag`; `networkdb`
 * `SetKey`, `SetPrimaryKey`, `RemoveKey`).
 *
 * Managers rotate one key at a time, and upstream's update counts on that: it installs the last of
 * the new keys, removes the last of the old ones, and makes the second by Lamport time primary. A
 * daemon that missed a rotation recovers. One that missed two keeps a primary key that nobody knows
 * any more, and hears nothing that it could decrypt, until it restarts or the next rotation makes
 * the one new key primary that it has installed.
 */
import { type EncryptionKey, KeySubsystem } from '../../manager/objects/cluster.ts';
import { assert } from '../../sim/assert.ts';
import type { DataKey, DataKeyUpdate } from '../../vxlan/encryption.ts';
import { fromHex, toHex } from '../../wire/bytes.ts';
import { Keyring } from '../../wire/memberlist/encrypt.ts';

/** How many keys a subsystem has (`keyringSize`). */
const KEYRING_SIZE = 3;

/** Which key of a subsystem encrypts: the second oldest. */
const PRIMARY_INDEX = 1;

/** The keys of one daemon, for gossip and for the data of encrypted overlays. */
export class GossipKeyring {
  /** What the controller was given last, less what its update overlooked. */
  #keys: EncryptionKey[] = [];
  #isRunning = false;
  #configured: string[] = [];
  #ring = new Keyring();
  readonly #onDataKeys: (update: DataKeyUpdate) => void;

  /** `onDataKeys` hears of every change of the overlays' keys after the start. */
  constructor(onDataKeys: (update: DataKeyUpdate) => void = () => {}) {
    this.#onDataKeys = onDataKeys;
  }

  /** memberlist's keyring; empty before the agent has started. */
  get ring(): Keyring {
    return this.#ring;
  }

  /** The overlays' keys as the driver gets them at the start: primary, oldest, newest. */
  get dataKeys(): readonly DataKey[] {
    const [oldest, primary, newest] = this.#keysOf(KeySubsystem.ipsec);
    return [primary, oldest, newest].flatMap((key) => (key === undefined ? [] : [dataKeyOf(key)]));
  }

  /** The keys that decrypt, as hexadecimal; the first encrypts. */
  get keys(): readonly string[] {
    return this.#ring.keys.map(toHex);
  }

  /**
   * The keys of a session message, of both subsystems. Before the agent runs they only replace the
   * list. Returns upstream's error for a wrong count.
   */
  setKeys(keys: readonly EncryptionKey[]): string | undefined {
    for (const subsystem of Object.values(KeySubsystem)) {
      const count = keys.filter((key) => key.subsystem === subsystem).length;
      if (count !== 0 && count !== KEYRING_SIZE) {
        return `incorrect number of keys for subsystem ${subsystem}`;
      }
    }
    if (this.#isRunning) this.#handleKeyChange(keys);
    else this.#keys = [...keys];
    return undefined;
  }

  /** The agent starts with the keys that were set: primary, oldest, newest. */
  start(): void {
    assert(!this.#isRunning, 'the agent runs already');
    this.#isRunning = true;
    const [oldest, primary, newest] = this.#keysOf(KeySubsystem.gossip);
    this.#configured = [primary!.key, oldest!.key, newest!.key];
    const ring = Keyring.of(this.#configured.map(fromHex), fromHex(primary!.key));
    assert(typeof ring !== 'string', 'a key of the manager has a wrong size');
    this.#ring = ring;
  }

  #handleKeyChange(keys: readonly EncryptionKey[]): void {
    const [deleted, pruned] = this.#dropMissing(keys);
    let added = '';
    let addedData: EncryptionKey | undefined;
    for (const key of keys) {
      if (hasTag(this.#keys, key)) continue;
      this.#keys.push(key);
      if (key.subsystem === KeySubsystem.gossip) added = key.key;
      else addedData = key;
    }
    if (addedData !== undefined || pruned !== undefined) {
      this.#onDataKeys({
        added: addedData === undefined ? undefined : dataKeyOf(addedData),
        primaryTag: this.#keysOf(KeySubsystem.ipsec)[PRIMARY_INDEX]?.lamportTime,
        prunedTag: pruned?.lamportTime,
      });
    }
    if (added !== '' && !this.#configured.includes(added)) {
      this.#configured.push(added);
      this.#ring.add(fromHex(added));
    }
    const primary = this.#keysOf(KeySubsystem.gossip)[PRIMARY_INDEX]!.key;
    if (this.#configured.includes(primary)) this.#ring.use(fromHex(primary));
    if (!this.#configured.includes(deleted)) return;
    this.#configured = this.#configured.filter((key) => key !== deleted);
    this.#ring.remove(fromHex(deleted)); // the primary key stays, as upstream ignores the refusal
  }

  /**
   * Drops the keys that are not in the update; returns the last gossip key and the last data key
   * among them.
   * As upstream, the key that takes the place of a dropped one is not looked at.
   */
  #dropMissing(keys: readonly EncryptionKey[]): [string, EncryptionKey | undefined] {
    const kept = this.#keys;
    let deleted = '';
    let pruned: EncryptionKey | undefined;
    for (let i = 0; i < kept.length; i++) {
      const key = kept[i]!;
      if (hasTag(keys, key)) continue;
      if (key.subsystem === KeySubsystem.gossip) deleted = key.key;
      else pruned = key;
      kept[i] = kept[kept.length - 1]!;
      kept.pop();
    }
    return [deleted, pruned];
  }

  /** The controller's keys of a subsystem, oldest first; sorts the list, as upstream does. */
  #keysOf(subsystem: KeySubsystem): EncryptionKey[] {
    this.#keys.sort((a, b) => a.lamportTime - b.lamportTime);
    return this.#keys.filter((key) => key.subsystem === subsystem);
  }
}

function hasTag(keys: readonly EncryptionKey[], key: EncryptionKey): boolean {
  return keys.some((other) => other.lamportTime === key.lamportTime);
}

function dataKeyOf({ key, lamportTime }: EncryptionKey): DataKey {
  return { key: fromHex(key), tag: lamportTime };
}
