/**
 * A namespace's IPsec: security associations and policies, and what they do to packets (`struct
 * netns_xfrm`; net/xfrm/xfrm_policy.c, xfrm_state.c).
 *
 * What Docker uses of it is here: ESP in transport mode with AES-GCM, and policies for the way out
 * that select UDP to a port by mark. A packet that a policy selects and that has no association is
 * dropped. What comes in needs an association only; that it had to be encrypted, a rule of netfilter
 * asks for.
 */
import { draw32 } from '../../sim/chance.ts';
import type { EspKey } from '../../wire/esp.ts';
import { destinationOf, headerBytesOf, protocolOf, sourceOf } from '../../wire/ip.ts';
import type { IpAddress } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { destinationPortOf } from '../../wire/udp.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';
import { receiveEsp } from './esp-input.ts';

/** One direction between two hosts, with its key (`struct xfrm_state`). */
export interface AssociationSpec extends EspKey {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly spi: number;
  readonly requestId: number;
}

/** An association with what it has done. */
export interface Association extends AssociationSpec {
  /** Last sequence number sent. */
  sequence: number;
  /** Payload of the packets that it secured or opened, without their IP headers. */
  bytes: number;
  packets: number;
  /** Packets whose integrity value was wrong. */
  failedCount: number;
  readonly addedAtNs: number;
  /** 0 until it is used. */
  usedAtNs: number;
  /** What every IV's halves are combined with, as `seqiv` does. */
  readonly ivSalt: readonly [high: number, low: number];
}

/** Which packets go out secured, and by which association (`struct xfrm_policy`, direction out). */
export interface PolicySpec {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: number;
  readonly destinationPort: number;
  readonly mark: number;
  readonly spi: number;
  readonly requestId: number;
}

/** A policy with the number that it got. */
export interface Policy extends PolicySpec {
  readonly index: number;
  readonly addedAtNs: number;
  /** 0 until a packet is selected. */
  usedAtNs: number;
}

/** What becomes of a packet on its way out. */
export type OutboundVerdict = Association | 'clear' | 'no association';

/** The counters of `/proc/net/xfrm_stat` that can be other than 0 here. */
export interface XfrmCounters {
  XfrmInHdrError: number;
  XfrmInNoStates: number;
  XfrmInStateProtoError: number;
  XfrmOutNoStates: number;
}

/** The IPsec of one namespace. */
export class Xfrm {
  readonly counters: XfrmCounters = {
    XfrmInHdrError: 0,
    XfrmInNoStates: 0,
    XfrmInStateProtoError: 0,
    XfrmOutNoStates: 0,
  };
  readonly #namespace: Namespace;
  readonly #associations: Association[] = [];
  readonly #policies: Policy[] = [];
  #policyCount = 0;

  /** `hasEsp`: the kernel has esp4, so that associations can be made. */
  constructor(namespace: Namespace, hasEsp = true) {
    this.#namespace = namespace;
    if (!hasEsp) return;
    namespace.protocolHandlers.set(IpProtocol.esp, (packet) => receiveEsp(namespace, this, packet));
  }

  /** All associations, the newest first, as `ip xfrm state` lists them. */
  get associations(): readonly Association[] {
    return this.#associations;
  }

  /** All policies, the newest first, as `ip xfrm policy` lists them. */
  get policies(): readonly Policy[] {
    return this.#policies;
  }

  /** `ip xfrm state add`; the kernel's error text when it is there, or ESP is not. */
  addAssociation(spec: AssociationSpec): string | undefined {
    if (!this.#namespace.protocolHandlers.has(IpProtocol.esp)) return 'function not implemented';
    if (this.find(spec.destination, spec.spi) !== undefined) return 'file exists';
    const { world, nodeIndex } = this.#namespace;
    const key = world.chance.key('xfrm.seqiv');
    this.#associations.unshift({
      ...spec,
      sequence: 0,
      bytes: 0,
      packets: 0,
      failedCount: 0,
      addedAtNs: world.nowNs,
      usedAtNs: 0,
      ivSalt: [draw32(key, nodeIndex, spec.spi, 0), draw32(key, nodeIndex, spec.spi, 1)],
    });
    return undefined;
  }

  /** `ip xfrm state delete`; false when it is not there. */
  removeAssociation(destination: IpAddress, spi: number): boolean {
    return removeFirst(
      this.#associations,
      (one) => one.destination === destination && one.spi === spi,
    );
  }

  /** The association of a packet that came in. */
  find(destination: IpAddress, spi: number): Association | undefined {
    return this.#associations.find((one) => one.destination === destination && one.spi === spi);
  }

  /** `ip xfrm policy update`: replaces the policy with this selector, or adds it. */
  setPolicy(spec: PolicySpec): void {
    const { nowNs: addedAtNs } = this.#namespace.world;
    const at = this.#policies.findIndex((other) => hasSameSelector(other, spec));
    const index = at < 0 ? ++this.#policyCount : this.#policies[at]!.index;
    if (at >= 0) this.#policies.splice(at, 1);
    const number = at < 0 ? 8 * (index - 1) + 1 : index;
    this.#policies.unshift({ ...spec, index: number, addedAtNs, usedAtNs: 0 });
  }

  /** `ip xfrm policy delete`; false when there is none with this selector. */
  removePolicy(spec: PolicySpec): boolean {
    return removeFirst(this.#policies, (one) => hasSameSelector(one, spec));
  }

  /** What policies say of a packet on its way out; `packet.start` is its IP header. */
  outbound(packet: Packet): OutboundVerdict {
    for (const policy of this.#policies) {
      if (!selects(policy, packet)) continue;
      policy.usedAtNs = this.#namespace.world.nowNs;
      const association = this.#associationOf(policy);
      if (association === undefined) this.counters.XfrmOutNoStates++;
      return association ?? 'no association';
    }
    return 'clear';
  }

  #associationOf({ source, destination, spi, requestId }: Policy): Association | undefined {
    return this.#associations.find(
      (one) =>
        one.spi === spi &&
        one.requestId === requestId &&
        one.source === source &&
        one.destination === destination,
    );
  }
}

function selects(policy: Policy, { bytes, start, mark }: Packet): boolean {
  if (mark !== policy.mark || protocolOf(bytes, start) !== policy.protocol) return false;
  return (
    destinationOf(bytes, start) === policy.destination &&
    sourceOf(bytes, start) === policy.source &&
    destinationPortOf(bytes, start + headerBytesOf(bytes, start)) === policy.destinationPort
  );
}

function hasSameSelector(a: PolicySpec, b: PolicySpec): boolean {
  return (
    a.source === b.source &&
    a.destination === b.destination &&
    a.protocol === b.protocol &&
    a.destinationPort === b.destinationPort &&
    a.mark === b.mark
  );
}

function removeFirst<T>(list: T[], isIt: (item: T) => boolean): boolean {
  const at = list.findIndex(isIt);
  if (at < 0) return false;
  list.splice(at, 1);
  return true;
}
