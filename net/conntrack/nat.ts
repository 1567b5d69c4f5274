/**
 * NAT: binds a connection once per direction of rewriting, then rewrites its packets.
 *
 * A binding changes nothing but the connection's reply tuple; every later packet is rewritten so
 * that it looks like the inverse of the other direction's tuple. A packet that no rule wants still
 * gets a null binding, because its source port may clash with one that NAT has handed out.
 * Mirrors nf_nat_core.c (`nf_nat_inet_fn`, `nf_nat_setup_info`) and nf_nat_proto.c.
 */
import { IcmpType } from '../../wire/icmp.ts';
import {
  destinationOf,
  headerBytesOf,
  isIcmp,
  isIpv6,
  protocolOf,
  sourceOf,
} from '../../wire/ip.ts';
import { formatIp, formatIpPort } from '../../wire/ip-address.ts';
import { IpProtocol } from '../../wire/ipv4.ts';
import { Icmpv6Type } from '../../wire/ipv6/icmpv6.ts';
import type { Device } from '../device/device.ts';
import type { Namespace } from '../namespace.ts';
import {
  HOOK_NAMES,
  Hook,
  type HookFunction,
  HookPriority,
  type Hooks,
  Verdict,
} from '../netfilter/hook.ts';
import { ConnectionState, type Packet } from '../packet.ts';
import { type Connection, ConnectionStatus } from './connection.ts';
import { rewriteHeader, rewriteIcmpError } from './nat-rewrite.ts';
import { type NatRange, nullRange, selectUniqueTuple } from './nat-select.ts';
import type { ConnectionTracker } from './tracker.ts';
import { emptyTuple, invertTuple, type TupleFields, tuplesEqual } from './tuple.ts';

const { sourceNat, destinationNat, sourceNatDone, destinationNatDone } = ConnectionStatus;

/** True for the hooks at which sources are rewritten: POSTROUTING and INPUT. */
export function rewritesSource(hook: Hook): boolean {
  return hook === Hook.postrouting || hook === Hook.input;
}

interface NatRules {
  readonly priority: number;
  readonly name: string;
  readonly run: HookFunction;
}

/** Binds and rewrites the connections of one namespace. */
export class Nat {
  readonly #namespace: Namespace;
  readonly #hooks: Hooks;
  /** By hook, what looks at the first packet of a connection, lowest priority first. */
  readonly #rules: NatRules[][] = [[], [], [], [], []];
  #isHookedIn = false;
  readonly #current = emptyTuple();
  readonly #chosen = emptyTuple();
  readonly #target = emptyTuple();
  readonly #nullRange = nullRange();

  /** `hooks`: those of the version whose packets it rewrites. */
  constructor(namespace: Namespace, hooks: Hooks) {
    this.#namespace = namespace;
    this.#hooks = hooks;
  }

  /**
   * Adds rules for a hook: the nat table of iptables, or a base chain of nftables. They see the first
   * packet of a connection until one of them has called {@link setup}. Connections are tracked from
   * now on.
   */
  addRules(hook: Hook, priority: number, name: string, run: HookFunction): void {
    this.#hookIn();
    const rules = this.#rules[hook]!;
    let index = rules.length;
    while (index > 0 && rules[index - 1]!.priority > priority) index--;
    rules.splice(index, 0, { priority, name, run });
  }

  /** Takes the rules of this name out. */
  removeRules(name: string): void {
    for (const rules of this.#rules) {
      const place = rules.findIndex((one) => one.name === name);
      if (place >= 0) rules.splice(place, 1);
    }
  }

  #hookIn(): void {
    if (this.#isHookedIn) return;
    this.#isHookedIn = true;
    this.#namespace.connections.enable();
    for (const hook of [Hook.prerouting, Hook.input, Hook.output, Hook.postrouting]) {
      const priority = rewritesSource(hook) ? HookPriority.natSource : HookPriority.natDestination;
      this.#hooks.register(hook, priority, 'nat', (packet, at, inDevice, outDevice) =>
        this.run(packet, at, inDevice, outDevice),
      );
    }
  }

  get #tracker(): ConnectionTracker {
    return this.#namespace.connections;
  }

  /** The hook function of both priorities. */
  run(
    packet: Packet,
    hook: Hook,
    inDevice: Device | undefined,
    outDevice: Device | undefined,
  ): Verdict {
    const connection = packet.connection;
    if (connection === undefined) return Verdict.accept;
    const isSource = rewritesSource(hook);
    const state = packet.connectionState;
    if (state === ConnectionState.related && isIcmp(packet.bytes, packet.start)) {
      return this.#translateError(packet, connection, hook, isSource);
    }
    if (state === ConnectionState.new || state === ConnectionState.related) {
      const doneBit = isSource ? sourceNatDone : destinationNatDone;
      if ((connection.status & doneBit) === 0) {
        const rules = this.#rules[hook]!;
        for (let i = 0; i < rules.length && (connection.status & doneBit) === 0; i++) {
          const verdict = rules[i]!.run(packet, hook, inDevice, outDevice);
          if (verdict !== Verdict.accept) return verdict;
        }
        if ((connection.status & doneBit) === 0) this.#bindNull(connection, isSource);
      } else if (hasLeftItsDevice(connection, packet, hook, outDevice)) {
        return this.#kill(packet, connection, hook);
      }
    } else if (hasLeftItsDevice(connection, packet, hook, outDevice)) {
      return this.#kill(packet, connection, hook);
    }
    return this.#translate(packet, connection, hook, isSource);
  }

  /**
   * Binds an unconfirmed connection into a range (`nf_nat_setup_info`): the first call per
   * direction of rewriting decides for good.
   */
  setup(connection: Connection, range: NatRange, isSource: boolean): void {
    const doneBit = isSource ? sourceNatDone : destinationNatDone;
    if (connection.isConfirmed || (connection.status & doneBit) !== 0) return;
    const current = this.#current;
    const chosen = this.#chosen;
    invertTuple(current, connection.reply);
    selectUniqueTuple(this.#tracker, chosen, current, range, connection, isSource);
    if (!tuplesEqual(chosen, current)) {
      invertTuple(connection.reply, chosen);
      connection.status |= isSource ? sourceNat : destinationNat;
    }
    connection.status |= doneBit;
  }

  #bindNull(connection: Connection, isSource: boolean): void {
    const range = this.#nullRange;
    const { reply } = connection;
    range.addressMin = isSource ? reply.destination : reply.source;
    range.addressMax = range.addressMin;
    this.setup(connection, range, isSource);
  }

  #kill(packet: Packet, connection: Connection, hook: Hook): Verdict {
    this.#tracker.delete(connection);
    this.#tracker.noteDrop(packet, hook, 'nat: masqueraded flow left by another device');
    return Verdict.drop;
  }

  /** True when this connection is rewritten in this direction at this kind of hook. */
  #isRewritten(packet: Packet, connection: Connection, isSource: boolean): boolean {
    const bit = isSource !== packet.isReply ? sourceNat : destinationNat;
    return (connection.status & bit) !== 0;
  }

  #translate(packet: Packet, connection: Connection, hook: Hook, isSource: boolean): Verdict {
    if (!this.#isRewritten(packet, connection, isSource)) return Verdict.accept;
    const target = this.#target;
    invertTuple(target, connection.tupleOf(!packet.isReply));
    const { bytes, start, end } = packet;
    const before = packet.way === undefined ? '' : endpointText(packet, isSource);
    if (!rewriteHeader(bytes, start, end, target, isSource)) {
      this.#tracker.noteDrop(packet, hook, 'nat: header is cut short');
      return Verdict.drop;
    }
    if (packet.way !== undefined) this.#noteRewrite(packet, hook, isSource, before);
    return Verdict.accept;
  }

  /** `nf_nat_icmp_reply_translation`: the quoted packet goes back to what its sender had sent. */
  #translateError(packet: Packet, connection: Connection, hook: Hook, isSource: boolean): Verdict {
    const { bytes, start, end } = packet;
    const redirect = isIpv6(bytes, start) ? Icmpv6Type.redirect : IcmpType.redirect;
    const isRedirect = bytes[start + headerBytesOf(bytes, start)] === redirect;
    const allDone = sourceNatDone | destinationNatDone;
    if (isRedirect && ((connection.status & allDone) !== allDone || connection.isNat)) {
      this.#tracker.noteDrop(packet, hook, 'nat: redirect of a rewritten flow');
      return Verdict.drop;
    }
    if (!this.#isRewritten(packet, connection, isSource)) return Verdict.accept;
    const opposite: TupleFields = connection.tupleOf(!packet.isReply);
    const target = this.#target;
    invertTuple(target, opposite);
    const before = packet.way === undefined ? '' : endpointText(packet, isSource);
    if (!rewriteIcmpError(bytes, start, end, opposite, target, isSource)) {
      this.#tracker.noteDrop(packet, hook, 'nat: quoted header is cut short');
      return Verdict.drop;
    }
    if (packet.way !== undefined) this.#noteRewrite(packet, hook, isSource, before);
    return Verdict.accept;
  }

  #noteRewrite(packet: Packet, hook: Hook, isSource: boolean, before: string): void {
    const { world, name } = this.#namespace;
    const after = endpointText(packet, isSource);
    const detail = `${isSource ? 'src' : 'dst'} ${before} -> ${after}`;
    packet.way!.add(world.nowNs, name, 'rewrite', HOOK_NAMES[hook], 'nat', detail);
  }
}

/** `nf_nat_oif_changed`: the address that MASQUERADE chose belongs to another device. */
function hasLeftItsDevice(
  connection: Connection,
  packet: Packet,
  hook: Hook,
  outDevice: Device | undefined,
): boolean {
  return (
    connection.masqueradeDevice !== undefined &&
    hook === Hook.postrouting &&
    !packet.isReply &&
    connection.masqueradeDevice !== outDevice
  );
}

/** `10.0.0.2:8080`, or the address alone where there are no ports. */
function endpointText(packet: Packet, isSource: boolean): string {
  const { bytes, start } = packet;
  const address = isSource ? sourceOf(bytes, start) : destinationOf(bytes, start);
  const protocol = protocolOf(bytes, start);
  if (protocol !== IpProtocol.tcp && protocol !== IpProtocol.udp && protocol !== IpProtocol.sctp) {
    return formatIp(address);
  }
  const portAt = start + headerBytesOf(bytes, start) + (isSource ? 0 : 2);
  return formatIpPort(address, (bytes[portAt]! << 8) | bytes[portAt + 1]!);
}
