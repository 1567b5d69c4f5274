/**
 * The encryption of overlays on one host: for every remote VTEP, one security association per key for
 * what comes in, one of the primary key for what goes out, and a policy that sends marked VXLAN
 * through it.
 *
 * Both sides compute the SPIs from their addresses and the key's tag, so that nothing is negotiated.
 * Keys rotate one at a time: the new one opens what comes in before anybody seals with it. Up to
 * Docker 28 associations stay when a peer goes; later they are counted and go with the last endpoint
 * of their VTEP. A kernel without ESP takes the policies only, and what they select is dropped.
 * Mirrors moby drivers/overlay/encryption.go.
 */
import type { AssociationSpec, PolicySpec, Xfrm } from '../net/xfrm/xfrm.ts';
import { formatIp, type IpAddress, ipv6Words, isIpv6Address } from '../wire/ip-address.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import { VXLAN_PORT } from '../wire/vxlan.ts';
import type { ProgrammingGeneration } from './peer-programming.ts';

/** Mark of VXLAN packets that IPsec takes, and the request id of all associations. */
export const ENCRYPTION_MARK = 0xd0c4e3;

/** A key for data; both sides know it by its tag. */
export interface DataKey {
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** The key's Lamport time. */
  readonly tag: number;
}

/** What a rotation changes; nothing is undefined but what does not change. */
export interface DataKeyUpdate {
  readonly added: DataKey | undefined;
  readonly primaryTag: number | undefined;
  readonly prunedTag: number | undefined;
}

/** The SPIs of one key between this host and a peer. */
interface Spis {
  readonly forward: number;
  readonly reverse: number;
}

/** What the encryption needs of its host. */
export interface EncryptionOptions {
  readonly xfrm: Xfrm;
  /** What it tells the others, of which SPIs are made. */
  readonly address: IpAddress;
  /**
   * What its daemon is bound to, the end of its associations and policies; default: `address`. Where it
   * is not what packets between the hosts come from, none is secured (libnetwork #2324).
   */
  readonly bindAddress?: IpAddress;
  readonly generation: ProgrammingGeneration;
  /** SPIs are made of 4-byte addresses, as nobody else makes them; default false. */
  readonly hashesShortAddresses?: boolean;
  /** The port of the policies; default 4789. */
  readonly port?: number;
  /** Hears what dockerd would log. */
  readonly onWarning?: (text: string) => void;
}

/**
 * The SPI of packets from one address to another under a key: FNV-1a over all three (`buildSPI`), the
 * addresses in their 16-byte form unless `isShort`.
 */
function spiOf(source: IpAddress, tag: number, destination: IpAddress, isShort: boolean): number {
  let hash = 0x811c_9dc5;
  const add = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x0100_0193);
  };
  const addWord = (word: number) => {
    for (let shift = 24; shift >= 0; shift -= 8) add((word >>> shift) & 255);
  };
  const addAddress = (address: IpAddress) => {
    if (isIpv6Address(address)) {
      for (const word of ipv6Words(address)) addWord(word);
      return;
    }
    if (!isShort) {
      addWord(0);
      addWord(0);
      addWord(0x0000_ffff);
    }
    addWord(address);
  };
  addAddress(source);
  addWord(tag);
  addAddress(destination);
  return hash >>> 0;
}

/** The encryption of one host. */
export class OverlayEncryption {
  /** Every association that was ever made, for whoever reads captures. */
  readonly used: AssociationSpec[] = [];
  readonly #options: EncryptionOptions;
  /** Primary first. */
  #keys: DataKey[] = [];
  readonly #peers = new Map<IpAddress, Spis[]>();
  /** Endpoints of each VTEP, from generation 2 on. */
  readonly #counts = new Map<IpAddress, number>();

  constructor(options: EncryptionOptions) {
    this.#options = options;
  }

  /** The daemon starts with these keys, primary first (`setKeys`). */
  setKeys(keys: readonly DataKey[]): void {
    this.#keys = [...keys];
    this.#peers.clear();
  }

  /** An endpoint behind a VTEP came to an encrypted network (`setupEncryption`). */
  addPeer(vtep: IpAddress): void {
    const count = (this.#counts.get(vtep) ?? 0) + 1;
    this.#counts.set(vtep, count);
    if (this.#options.generation > 1 && count > 1) return;
    const spis = this.#keys.map(({ tag }) => this.#spisOf(vtep, tag));
    this.#peers.set(vtep, spis);
    for (const [i, key] of this.#keys.entries()) {
      this.#add(this.#incoming(vtep, spis[i]!, key));
      if (i !== 0) continue;
      this.#add(this.#outgoing(vtep, spis[i]!, key));
      this.#options.xfrm.setPolicy(this.#policy(vtep, spis[i]!));
    }
  }

  /** An endpoint behind a VTEP went; the last one takes the associations along, from 29 on. */
  removePeer(vtep: IpAddress): void {
    const count = (this.#counts.get(vtep) ?? 0) - 1;
    if (count > 0) this.#counts.set(vtep, count);
    else this.#counts.delete(vtep);
    const spis = this.#peers.get(vtep);
    if (this.#options.generation === 1 || count > 0 || spis === undefined) return;
    const { xfrm } = this.#options;
    this.#peers.delete(vtep);
    for (const { reverse } of spis) xfrm.removeAssociation(this.#own, reverse);
    xfrm.removeAssociation(vtep, spis[0]!.forward);
    xfrm.removePolicy(this.#policy(vtep, spis[0]!));
  }

  /** Keys were rotated; dockerd's error text when the update makes no sense (`updateKeys`). */
  updateKeys(update: DataKeyUpdate): string | undefined {
    const keys = update.added === undefined ? this.#keys : [...this.#keys, update.added];
    const indexOf = (tag: number | undefined) =>
      tag === undefined ? -1 : keys.findIndex((key) => key.tag === tag);
    const added = update.added === undefined ? -1 : keys.length - 1;
    const [primary, pruned] = [indexOf(update.primaryTag), indexOf(update.prunedTag)];
    this.#keys = keys;
    const isLost =
      (update.primaryTag !== undefined && primary < 0) ||
      (update.prunedTag !== undefined && pruned < 0);
    if (isLost) {
      const places = `(newIdx,priIdx,delIdx):(${added}, ${primary}, ${pruned})`;
      return `cannot find proper key indices while processing key update: ${places}`;
    }
    if (primary >= 0 && primary === pruned) {
      return `attempting to both make a key (index ${primary}) primary and delete it`;
    }
    for (const [vtep, spis] of this.#peers) this.#rotate(vtep, spis, added, primary, pruned);
    moveAndPrune(keys, primary, pruned);
    return undefined;
  }

  /** Peer by peer, in an order in which what is on its way still has its association. */
  #rotate(vtep: IpAddress, spis: Spis[], added: number, primary: number, pruned: number): void {
    const { xfrm } = this.#options;
    if (added >= 0) spis.push(this.#spisOf(vtep, this.#keys[added]!.tag));
    if (pruned >= 0) xfrm.removeAssociation(this.#own, spis[pruned]!.reverse);
    if (added >= 0) this.#add(this.#incoming(vtep, spis[added]!, this.#keys[added]!));
    if (primary > 0) {
      this.#add(this.#outgoing(vtep, spis[primary]!, this.#keys[primary]!));
      xfrm.setPolicy(this.#policy(vtep, spis[primary]!));
      xfrm.removeAssociation(vtep, spis[0]!.forward);
    }
    moveAndPrune(spis, primary, pruned);
  }

  get #own(): IpAddress {
    return this.#options.bindAddress ?? this.#options.address;
  }

  #add(spec: AssociationSpec): void {
    const { xfrm, onWarning } = this.#options;
    if (xfrm.find(spec.destination, spec.spi) !== undefined) return;
    const failure = xfrm.addAssociation(spec);
    if (failure === undefined) this.used.push(spec);
    else onWarning?.(`Failed Adding ${nameOf(spec, spec.source === this.#own)}: ${failure}`);
  }

  #spisOf(vtep: IpAddress, tag: number): Spis {
    const { address, hashesShortAddresses: isShort = false } = this.#options;
    const forward = spiOf(address, tag, vtep, isShort);
    return { forward, reverse: spiOf(vtep, tag, address, isShort) };
  }

  #incoming(vtep: IpAddress, { reverse: spi }: Spis, { key }: DataKey): AssociationSpec {
    const ends = { source: vtep, destination: this.#own };
    return { ...ends, spi, key, salt: spi, requestId: ENCRYPTION_MARK };
  }

  #outgoing(vtep: IpAddress, { forward: spi }: Spis, { key }: DataKey): AssociationSpec {
    const ends = { source: this.#own, destination: vtep };
    return { ...ends, spi, key, salt: spi, requestId: ENCRYPTION_MARK };
  }

  #policy(vtep: IpAddress, { forward: spi }: Spis): PolicySpec {
    const { port: destinationPort = VXLAN_PORT } = this.#options;
    return {
      source: this.#own,
      destination: vtep,
      protocol: IpProtocol.udp,
      destinationPort,
      mark: ENCRYPTION_MARK,
      spi,
      requestId: ENCRYPTION_MARK,
    };
  }
}

/** The primary one changes places with the first, then the pruned one goes, wherever it is now. */
function moveAndPrune<T>(list: T[], primary: number, pruned: number): void {
  if (primary >= 0) {
    const first = list[0]!;
    list[0] = list[primary]!;
    list[primary] = first;
  }
  if (pruned >= 0) list.splice(pruned === 0 && primary >= 0 ? primary : pruned, 1);
}

/** As netlink's library prints an association in the log. */
function nameOf({ source, destination, spi }: AssociationSpec, isForward: boolean): string {
  const ends = `Dst: ${formatIp(destination)}, Src: ${formatIp(source)}`;
  return `${isForward ? 'f' : 'r'}SA{${ends}, SPI: 0x${spi.toString(16)}}`;
}
