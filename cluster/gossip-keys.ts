/**
 * Who can decrypt whose gossip. Each daemon encrypts with the primary key of its keyring and decrypts
 * with any; without a common key, memberlist drops what it receives (`No installed keys could
 * decrypt the message`).
 *
 * Hosts with equal keyrings form a group, and nearly always there is one, or two during a rotation:
 * the verdict is about groups.
 */
import { observationKind } from '../sim/observations.ts';
import type { World } from '../sim/world.ts';

/** A host's gossip keyring changed; a = number of keys, text = first digits of the primary key. */
export const GOSSIP_KEYS = observationKind('gossip.keys');

/**
 * A host can no longer talk with most other hosts (a = 1), or it can again (a = 0), because of its
 * keys; text is memberlist's complaint.
 */
export const GOSSIP_CUT_OFF = observationKind('gossip.cutOff');

const COMPLAINT = 'No installed keys could decrypt the message';
/** Digits of a key in observations. */
const SHOWN_DIGITS = 8;

/** Hosts with the same keyring. */
interface Group {
  readonly keys: readonly string[];
  readonly hosts: Set<number>;
  isCutOff: boolean;
}

/** A key that was in use at some time of the run. */
export interface UsedKey {
  /** 16 bytes as hexadecimal. */
  readonly key: string;
  /** When the first host had it, ns. */
  readonly sinceNs: number;
}

/** The keyrings of all hosts. */
export class GossipKeys {
  /** Called before any verdict may change. */
  beforeChange: (() => void) | undefined;
  readonly #world: World;
  readonly #groups = new Map<string, Group>();
  readonly #groupOf: (Group | undefined)[] = [];
  readonly #cutOff = new Set<number>();
  readonly #used = new Map<string, UsedKey>();
  #allTalk = true;

  constructor(world: World) {
    this.#world = world;
  }

  /** All keys that any host ever held, in the order in which they came up. */
  get used(): readonly UsedKey[] {
    return [...this.#used.values()];
  }

  /** The hosts that most others cannot talk with. */
  get cutOffHosts(): readonly number[] {
    return [...this.#cutOff].sort((a, b) => a - b);
  }

  /** True when `to` can decrypt what `from` sends; hosts without keys are not judged. */
  canHear(from: number, to: number): boolean {
    return this.#allTalk || hears(this.#groupOf[from], this.#groupOf[to]);
  }

  /** True when both can decrypt what the other sends. */
  canTalk(a: number, b: number): boolean {
    return this.canHear(a, b) && this.canHear(b, a);
  }

  /** A host's keyring is this from now on, primary first; empty when its daemon is gone. */
  set(host: number, keys: readonly string[]): void {
    const name = keys.join(' ');
    const old = this.#groupOf[host];
    if ((old?.keys.join(' ') ?? '') === name) return;
    this.beforeChange?.();
    if (old !== undefined) {
      old.hosts.delete(host);
      if (old.hosts.size === 0) this.#groups.delete(old.keys.join(' '));
    }
    this.#groupOf[host] = keys.length === 0 ? undefined : this.#join(host, name, keys);
    const { nowNs } = this.#world.queue;
    for (const key of keys) {
      if (!this.#used.has(key)) this.#used.set(key, { key, sinceNs: nowNs });
    }
    const shown = keys[0]?.slice(0, SHOWN_DIGITS) ?? '';
    this.#world.observe(GOSSIP_KEYS, host, keys.length, 0, shown);
    this.#judge();
  }

  #join(host: number, name: string, keys: readonly string[]): Group {
    let group = this.#groups.get(name);
    if (group === undefined) {
      group = { keys, hosts: new Set(), isCutOff: false };
      this.#groups.set(name, group);
    }
    group.hosts.add(host);
    return group;
  }

  /** Finds the groups that most hosts cannot talk with, and tells what changed for whom. */
  #judge(): void {
    const groups = [...this.#groups.values()];
    const hostCount = groups.reduce((count, group) => count + group.hosts.size, 0);
    this.#allTalk = true;
    for (const group of groups) {
      let reachedCount = 0;
      for (const other of groups) {
        if (hears(group, other) && hears(other, group)) reachedCount += other.hosts.size;
        else this.#allTalk = false;
      }
      group.isCutOff = reachedCount * 2 < hostCount;
    }
    this.#groupOf.forEach((group, host) => {
      const isCutOff = group?.isCutOff === true;
      if (isCutOff === this.#cutOff.has(host)) return;
      if (isCutOff) this.#cutOff.add(host);
      else this.#cutOff.delete(host);
      this.#world.observe(GOSSIP_CUT_OFF, host, isCutOff ? 1 : 0, 0, isCutOff ? COMPLAINT : '');
    });
  }
}

function hears(from: Group | undefined, to: Group | undefined): boolean {
  if (from === undefined || to === undefined || from === to) return true;
  return to.keys.includes(from.keys[0]!);
}
