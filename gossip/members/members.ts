/**
 * Who the simulated members are: their names and addresses, and whether their processes run.
 *
 * A member is one name. Where it listens and what it says of itself is a *fact* (address, port,
 * meta); a member that restarts elsewhere or changes its meta gets a further fact, and what others
 * believe names the fact that they believe. A *place* is an address with a port, and has at most one
 * resident: the process that was started there last. A packet goes to a place, so that one for a
 * daemon's former name reaches its successor, as in life.
 */
import { assert } from '../../sim/assert.ts';
import { type IpAddress, isIpv6Address, parseIp } from '../../wire/ip-address.ts';
import { sliceBytes, textBytes, uintBytes } from '../../wire/memberlist/msgpack.ts';
import { grown } from './grown.ts';
import { Reason, type Unrest } from './unrest.ts';

/**
 * What a process does: a paused one nothing; a starved one everything, but late; of a blocked one
 * the timers go on and every message is stuck, on its way in and out.
 */
export const ProcessState = { stopped: 0, running: 1, paused: 2, starved: 3, blocked: 4 } as const;
/** See {@link ProcessState}. */
export type ProcessState = (typeof ProcessState)[keyof typeof ProcessState];

/** What a member says of itself. */
export interface Fact {
  readonly subject: number;
  readonly address: IpAddress;
  readonly port: number;
  readonly meta: Uint8Array | undefined;
  /** Six bytes of versions; `undefined` when a message left them out. */
  readonly vsn: Uint8Array | undefined;
}

/** Accusers from outside that are told apart. */
const STRANGERS_MAX = 1024;

/** All members ever added. */
export class Members {
  count = 0;
  /** True once two members, or two things said of one, differ in their versions. */
  hasMixedVersions = false;
  /** True once a member is called like an address. */
  hasAddressNames = false;
  readonly #unrest: Unrest;
  readonly #names: string[] = [];
  readonly #indexByName = new Map<string, number>();
  /** Names of accusers that are no members. */
  readonly #strangers: string[] = [];
  readonly #facts: Fact[] = [];
  /** Places by port and address. */
  readonly #placesOfPort = new Map<number, Map<IpAddress, number>>();
  #placeCount = 0;
  #isOneToOne = true;
  #nameBytes = new Uint16Array(0);
  /** What names and places take in a message where all of them take the same; otherwise 0. */
  #commonNameBytes = 0;
  #commonPlaceBytes = 0;
  /** See {@link placeBytes}, of the place that the member tells now. */
  #placeBytes = new Uint8Array(0);
  #process = new Uint8Array(0);
  #generation = new Uint32Array(0);
  #startedAtNs = new Float64Array(0);
  #currentFact = new Int32Array(0);
  #placeOfFact = new Int32Array(0);
  #residents = new Int32Array(0);

  constructor(unrest: Unrest) {
    this.#unrest = unrest;
  }

  /** Adds a member whose process does not run yet. */
  add(name: string, fact: Omit<Fact, 'subject'>): number {
    assert(!this.#indexByName.has(name), `two members are called ${name}`);
    const member = this.count++;
    if (member >= this.#process.length) this.reserve(Math.max(16, member * 2));
    this.#names.push(name);
    this.#indexByName.set(name, member);
    if (parseIp(name) !== undefined) this.hasAddressNames = true;
    const nameBytes = textBytes(name);
    if (member === 0) this.#commonNameBytes = nameBytes;
    else if (nameBytes !== this.#commonNameBytes) this.#commonNameBytes = 0;
    this.#nameBytes[member] = nameBytes;
    this.setFact({ subject: member, ...fact });
    return member;
  }

  /** Records what a member says of itself from now on. */
  setFact(fact: Fact): void {
    this.#currentFact[fact.subject] = this.#addFact(fact);
    const bytes = placeBytes(fact);
    if (this.#facts.length === 1) this.#commonPlaceBytes = bytes;
    else if (bytes !== this.#commonPlaceBytes) this.#commonPlaceBytes = 0;
    this.#placeBytes[fact.subject] = bytes;
  }

  /** The index of what somebody says of a member: its present fact, or a new one. */
  factLike(fact: Fact): number {
    const current = this.#currentFact[fact.subject]!;
    const { address, port } = this.#facts[current]!;
    const other = this.#addFact(fact);
    const isSame = address === fact.address && port === fact.port;
    const saysTheSame = this.isSameMeta(current, other) && this.isSameVsn(current, other);
    return isSame && saysTheSame ? current : other;
  }

  /** What is held of a member after it told `fact`: who leaves versions out keeps those told before. */
  withVersionsOf(knownFact: number, fact: number): number {
    const told = this.#facts[fact]!;
    const { vsn } = this.#facts[knownFact]!;
    return told.vsn !== undefined || vsn === undefined ? fact : this.factLike({ ...told, vsn });
  }

  /** The newest protocol that a fact says its member understands; 0 where it says nothing. */
  protocolMaxOf(fact: number): number {
    return this.#facts[fact]!.vsn?.[1] ?? 0;
  }

  #addFact(fact: Fact): number {
    const index = this.#facts.length;
    if (index !== fact.subject) this.#isOneToOne = false;
    this.#facts.push(fact);
    if (!this.isSameVsn(0, index)) this.hasMixedVersions = true;
    let places = this.#placesOfPort.get(fact.port);
    if (places === undefined) this.#placesOfPort.set(fact.port, (places = new Map()));
    let place = places.get(fact.address);
    if (place === undefined) {
      place = this.#placeCount++;
      places.set(fact.address, place);
      if (place >= this.#residents.length) {
        this.#residents = grown(this.#residents, Math.max(16, place * 2), -1);
      }
      this.#residents[place] = fact.subject;
    } else this.#isOneToOne = false;
    if (index >= this.#placeOfFact.length) {
      this.#placeOfFact = grown(this.#placeOfFact, Math.max(16, index * 2));
    }
    this.#placeOfFact[index] = place;
    return index;
  }

  /** The process begins: it becomes the resident of its place. */
  becomeRunning(member: number, nowNs: number): void {
    this.setProcess(member, ProcessState.running);
    this.#generation[member]!++;
    this.#startedAtNs[member] = nowNs;
    this.#residents[this.#placeOfFact[this.#currentFact[member]!]!] = member;
  }

  /** Sets what the process does. */
  setProcess(member: number, state: ProcessState): void {
    this.#process[member] = state;
    if (state === ProcessState.running) this.#unrest.clear(member, Reason.notRunning);
    else this.#unrest.set(member, Reason.notRunning);
  }

  /** What the process does. */
  processOf(member: number): ProcessState {
    return this.#process[member] as ProcessState;
  }

  /** True while the process exists, whether or not it can do anything. */
  isUp(member: number): boolean {
    return this.#process[member] !== ProcessState.stopped;
  }

  /** True while the process handles at once what becomes due. */
  isRunning(member: number): boolean {
    return this.#process[member] === ProcessState.running;
  }

  /** How often the process has been started. */
  generationOf(member: number): number {
    return this.#generation[member]!;
  }

  /** When the process was started, ns. */
  startedAtNsOf(member: number): number {
    return this.#startedAtNs[member]!;
  }

  /** The member's name, or a stranger's. */
  nameOf(member: number): string {
    return member >= 0 ? this.#names[member]! : this.#strangers[-1 - member]!;
  }

  /** The index of an accuser: a member's, or a negative one; `undefined` for a stranger too many. */
  accuserOf(name: string): number | undefined {
    const member = this.#indexByName.get(name);
    if (member !== undefined) return member;
    const known = this.#strangers.indexOf(name);
    if (known >= 0) return -1 - known;
    return this.#strangers.length < STRANGERS_MAX ? -this.#strangers.push(name) : undefined;
  }

  /** Bytes of the member's name in a message. */
  nameBytesOf(member: number): number {
    return this.#commonNameBytes || this.#nameBytes[member]!;
  }

  /** What the place that the member tells now takes in a message, see {@link placeBytes}. */
  placeBytesOf(member: number): number {
    return this.#commonPlaceBytes || this.#placeBytes[member]!;
  }

  /** Whether all names, and all places, take the same room in a message. */
  get haveAlikeSizes(): boolean {
    return this.#commonNameBytes > 0 && this.#commonPlaceBytes > 0;
  }

  /** The member with that name. */
  indexOf(name: string): number | undefined {
    return this.#indexByName.get(name);
  }

  /** The fact that the member tells now. */
  currentFactOf(member: number): number {
    if (this.#isOneToOne) return member;
    return this.#currentFact[member]!;
  }

  /** A fact by its index. */
  fact(index: number): Fact {
    return this.#facts[index]!;
  }

  /** Who lives at the place of a fact; the member itself if nobody was started there since. */
  residentOf(fact: number): number {
    if (this.#isOneToOne) return fact;
    return this.#residents[this.#placeOfFact[fact]!]!;
  }

  /** Whether every member has one fact, of its own number, and lives alone at its place. */
  get isOneToOne(): boolean {
    return this.#isOneToOne;
  }

  /** Who lives where the member told last that it is. */
  successorOf(member: number): number {
    return this.residentOf(this.#currentFact[member]!);
  }

  /** Who lives at an address, or -1. */
  residentAt(address: IpAddress, port: number): number {
    const place = this.#placesOfPort.get(port)?.get(address);
    return place === undefined ? -1 : this.#residents[place]!;
  }

  /** True when two facts name the same address and port. */
  isSamePlace(a: number, b: number): boolean {
    return a === b || this.#placeOfFact[a] === this.#placeOfFact[b];
  }

  /** True when two facts carry the same meta; nil and empty are the same, as upstream compares. */
  isSameMeta(a: number, b: number): boolean {
    if (a === b) return true;
    return isSameSlice(this.#facts[a]!.meta, this.#facts[b]!.meta);
  }

  /** True when two facts carry the same versions. */
  isSameVsn(a: number, b: number): boolean {
    return isSameSlice(this.#facts[a]!.vsn, this.#facts[b]!.vsn);
  }

  /** What a fact's meta and place take in a message, see {@link placeBytes}. */
  factBytesOf(fact: number): number {
    return sliceBytes(this.#facts[fact]!.meta) + placeBytes(this.#facts[fact]!);
  }

  /** Makes room for so many members. */
  reserve(capacity: number): void {
    this.#nameBytes = grown(this.#nameBytes, capacity);
    this.#placeBytes = grown(this.#placeBytes, capacity);
    this.#process = grown(this.#process, capacity);
    this.#generation = grown(this.#generation, capacity);
    this.#startedAtNs = grown(this.#startedAtNs, capacity);
    this.#currentFact = grown(this.#currentFact, capacity);
    this.#placeOfFact = grown(this.#placeOfFact, capacity);
    this.#residents = grown(this.#residents, capacity, -1);
  }
}

/** What an IPv6 address takes more than the four bytes of an IPv4 address. */
const IPV6_EXTRA_BYTES = 12;

/** Bytes of a port in a message, and of an address beyond the four that IPv4 takes. */
export function placeBytes({ address, port }: Pick<Fact, 'address' | 'port'>): number {
  return uintBytes(port) + (isIpv6Address(address) ? IPV6_EXTRA_BYTES : 0);
}

const EMPTY = new Uint8Array(0);

function isSameSlice(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true;
  const [one, other] = [a ?? EMPTY, b ?? EMPTY];
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
