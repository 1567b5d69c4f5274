/**
 * Which nodes are attached to one network, as every node sees it.
 *
 * moby keeps `networks[node][nid]` and the derived list `networkNodes[nid]` per node; here both
 * are one fact per (owner, network) that all running nodes hold. The members of a network are
 * listed in the order in which they first attached anywhere (moby: in which this node heard).
 */
import { type Fact, FactTable } from './fact-table.ts';
import { networkReapTick, type Population, type ReapTicks } from './population.ts';
import type { Snapshot } from './snapshot.ts';

/** One state of a node's attachment to a network; shared by all nodes that hold it. */
export interface Attachment {
  readonly owner: number;
  readonly networkIndex: number;
  readonly ltime: number;
  readonly leaving: boolean;
}

/** Whose attachment to which network. */
export interface AttachmentSubject {
  readonly owner: number;
  readonly networkIndex: number;
  /** Rises with every new (owner, network): the order of the members. */
  readonly order: number;
}

/** An attachment as one fact. */
export type AttachmentFact = Fact<AttachmentSubject, Attachment>;
/** All attachments to one network that a node held at one instant. */
export type AttachmentSnapshot = Snapshot<AttachmentSubject, Attachment>;

/** What the attachments of a network need from their surroundings. */
export interface AttachmentsParts {
  readonly ticks: ReapTicks;
  /** All running nodes. */
  readonly population: Population;
  /** Bytes of an attachment inside a push/pull. */
  frameBytesOf(attachment: Attachment): number;
  /** Makes the fact of a new owner. */
  createFact(owner: number): AttachmentFact;
  /** All running nodes hold the same, or none holds anything. */
  onAgreed(fact: AttachmentFact, attachment: Attachment | undefined): void;
}

/** The attachments to one network. */
export class Attachments {
  readonly #table: FactTable<AttachmentSubject, Attachment>;
  readonly #byOwner = new Map<number, AttachmentFact>();
  /** Of everybody who ever attached, in that order. */
  readonly #facts: AttachmentFact[] = [];
  readonly #parts: AttachmentsParts;
  /** Owners whose attachment all nodes hold; valid for one revision of the table. */
  #agreedOwners: number[] = [];
  #agreedRevision = -1;
  /** By observer: counting at each gossip tick took 5 % of a mass join. */
  #memberCounts = new Int32Array(16);

  constructor(parts: AttachmentsParts) {
    this.#parts = parts;
    this.#table = new FactTable({
      population: parts.population,
      ticks: parts.ticks,
      bytesOf: parts.frameBytesOf,
      reapTickOf: networkReapTick,
      onAgreed: parts.onAgreed,
    });
  }

  /** The fact of that owner, made when it is new. */
  factOf(owner: number): AttachmentFact {
    let fact = this.#byOwner.get(owner);
    if (fact === undefined) {
      fact = this.#parts.createFact(owner);
      this.#byOwner.set(owner, fact);
      this.#facts.push(fact);
    }
    return fact;
  }

  /** How many nodes have attached so far, those that left included. */
  get ownerCount(): number {
    return this.#facts.length;
  }

  /** The node that attached as the `at`-th, from 0 on, if the observer sees it as a member, or -1. */
  memberAt(at: number, observer: number, nowNs: number): number {
    const fact = this.#facts[at]!;
    return this.#isMember(fact, observer, nowNs) ? fact.subject.owner : -1;
  }

  /** What `observer` holds about a fact's owner, leaving records included. */
  get(fact: AttachmentFact, observer: number, nowNs: number): Attachment | undefined {
    return this.#table.valueOf(fact, observer, nowNs);
  }

  /** True when `observer` holds that `owner` is attached and not leaving. */
  isAttached(owner: number, observer: number, nowNs: number): boolean {
    const fact = this.#byOwner.get(owner);
    return fact !== undefined && this.#isMember(fact, observer, nowNs);
  }

  /** Stores at the observer; a leaving record ages for `residualSeconds`. */
  put(observer: number, attachment: Attachment, residualSeconds: number, nowNs: number): void {
    this.#assign(this.factOf(attachment.owner), observer, attachment, residualSeconds, nowNs);
  }

  /** Makes all running nodes hold the attachment of an owner that is new. */
  establish(attachment: Attachment): void {
    this.#table.establish(this.factOf(attachment.owner), attachment);
    for (const observer of this.#parts.population.members()) this.#count(observer, 1);
  }

  /** Stores at the observer and keeps the countdown of the record that it replaces. */
  refresh(observer: number, attachment: Attachment, nowNs: number): void {
    const fact = this.factOf(attachment.owner);
    const residualSeconds = this.#table.residualOf(fact, observer, nowNs);
    this.#assign(fact, observer, attachment, residualSeconds, nowNs);
  }

  /** Removes what the observer holds about the owner. */
  remove(owner: number, observer: number, nowNs: number): void {
    const fact = this.#byOwner.get(owner);
    if (fact !== undefined) this.#assign(fact, observer, undefined, 0, nowNs);
  }

  /** A new running node that holds nothing; call after `population.add`. */
  admit(observer: number): void {
    this.#table.admit(observer);
  }

  /** A node that stops; call before `population.remove`. */
  release(observer: number): void {
    this.#table.release(observer);
  }

  /** How many members the observer sees, itself included (`len(networkNodes[nid])`). */
  memberCountOf(observer: number): number {
    return this.#memberCounts[observer] ?? 0;
  }

  /** Appends the members that the observer sees to `out`, in no particular order. */
  collectMembers(observer: number, nowNs: number, out: number[]): void {
    for (const owner of this.#agreed()) out.push(owner);
    for (const fact of this.#table.hot) {
      if (this.#isMember(fact, observer, nowNs)) out.push(fact.subject.owner);
    }
  }

  /** The members that the observer sees, in the order of their first attachment. */
  membersOf(observer: number, nowNs: number): number[] {
    const members: AttachmentFact[] = [];
    for (const fact of this.#table.live) {
      if (this.#isMember(fact, observer, nowNs)) members.push(fact);
    }
    members.sort((a, b) => a.subject.order - b.subject.order);
    return members.map((fact) => fact.subject.owner);
  }

  /** What the observer would send in a push/pull. */
  snapshot(observer: number, nowNs: number): AttachmentSnapshot {
    return this.#table.snapshot(observer, nowNs);
  }

  #assign(
    fact: AttachmentFact,
    observer: number,
    attachment: Attachment | undefined,
    residualSeconds: number,
    nowNs: number,
  ): void {
    const wasMember = this.#isMember(fact, observer, nowNs);
    const isMember = attachment !== undefined && !attachment.leaving;
    if (wasMember !== isMember) this.#count(observer, isMember ? 1 : -1);
    this.#table.assign(fact, observer, attachment, residualSeconds, nowNs);
  }

  #count(observer: number, by: number): void {
    if (observer >= this.#memberCounts.length) {
      const grown = new Int32Array(Math.max(observer + 1, this.#memberCounts.length * 2));
      grown.set(this.#memberCounts);
      this.#memberCounts = grown;
    }
    this.#memberCounts[observer]! += by;
  }

  #isMember(fact: AttachmentFact, observer: number, nowNs: number): boolean {
    const attachment = this.#table.valueOf(fact, observer, nowNs);
    return attachment !== undefined && !attachment.leaving;
  }

  #agreed(): readonly number[] {
    if (this.#agreedRevision !== this.#table.revision) {
      this.#agreedRevision = this.#table.revision;
      this.#agreedOwners = [];
      for (const fact of this.#table.live) {
        if (this.#table.hot.has(fact) || fact.common === undefined) continue;
        if (!fact.common.leaving) this.#agreedOwners.push(fact.subject.owner);
      }
    }
    return this.#agreedOwners;
  }
}
