/**
 * Who can read whose packets and streams, where members differ in their labels or keyrings
 * (memberlist `net.go` `ingestPacket`, `handleConn`; `security.go`).
 *
 * Nearly always all members are alike, and nobody asks. Once two differ, the underlay is wrapped: no
 * pair that cannot read each other has a plain delay, and a stream that one side cannot read is
 * closed. A packet flies, and its receiver drops it.
 */
import type { SwimConfig } from '../constants.ts';
import type { ExchangeHandlers, GossipExchange, GossipUnderlay } from '../underlay.ts';

/** The dialects of all members: one for each label and keyring. */
export class Dialects {
  readonly #numbers = new Map<string, number>();
  readonly #samples: SwimConfig[] = [];
  /** Of members that may differ from the cluster, whose dialect is number 0. */
  readonly #ofMember = new Map<number, number>();
  #isUniform = true;

  /** `cluster` is the configuration of all members without one of their own. */
  constructor(cluster: SwimConfig) {
    this.#numberOf(cluster);
  }

  /** True while all members have one dialect, and understand it themselves. */
  get isUniform(): boolean {
    return this.#isUniform;
  }

  /** Notes a member's own configuration, its first or a changed one. */
  set(member: number, config: SwimConfig): void {
    this.#ofMember.set(member, this.#numberOf(config));
  }

  /** True when `to` can read what `from` sends. */
  hears(from: number, to: number): boolean {
    const sender = this.#samples[this.#ofMember.get(from) ?? 0]!;
    const receiver = this.#samples[this.#ofMember.get(to) ?? 0]!;
    return understands(sender, receiver);
  }

  /** True when `to`, who has dialled, can read what `from` answers. */
  hearsReply(from: number, to: number): boolean {
    const sender = this.#samples[this.#ofMember.get(from) ?? 0]!;
    const receiver = this.#samples[this.#ofMember.get(to) ?? 0]!;
    return decrypts(sender, receiver);
  }

  #numberOf(config: SwimConfig): number {
    const { label, skipInboundLabelCheck, hasKeyring, keyring } = config;
    const { gossipVerifyIncoming, gossipVerifyOutgoing } = config;
    const framing = [label, skipInboundLabelCheck];
    const encryption = [hasKeyring, keyring, gossipVerifyIncoming, gossipVerifyOutgoing];
    const key = JSON.stringify([framing, encryption]);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#samples.push(config) - 1;
      this.#numbers.set(key, number);
      this.#isUniform = number === 0 && understands(config, config);
    }
    return number;
  }
}

/** Who skips the check counts on somebody before it who takes the labels off, and takes none itself. */
function understands(sender: SwimConfig, receiver: SwimConfig): boolean {
  const expected = receiver.skipInboundLabelCheck ? '' : receiver.label;
  return sender.label === expected && decrypts(sender, receiver);
}

/** Encrypted or not, as the receiver wants it; with the label, sent or not, as part of the key. */
function decrypts(sender: SwimConfig, receiver: SwimConfig): boolean {
  const isEncrypted = sender.hasKeyring && sender.gossipVerifyOutgoing;
  if (!isEncrypted) return !receiver.hasKeyring || !receiver.gossipVerifyIncoming;
  if (!receiver.hasKeyring || sender.label !== receiver.label) return false;
  const [primary] = sender.keyring;
  return primary === undefined ? receiver.keyring.length === 0 : receiver.keyring.includes(primary);
}

/** An underlay between members of several dialects. */
export class DialectUnderlay implements GossipUnderlay {
  readonly #underlay: GossipUnderlay;
  readonly #dialects: Dialects;

  constructor(underlay: GossipUnderlay, dialects: Dialects) {
    this.#underlay = underlay;
    this.#dialects = dialects;
  }

  datagramArrivalNs(
    from: number,
    to: number,
    payloadBytes: number,
    nowNs: number,
    draw: number,
  ): number {
    return this.#underlay.datagramArrivalNs(from, to, payloadBytes, nowNs, draw);
  }

  exchange(exchange: GossipExchange, handlers: ExchangeHandlers): void {
    const { from, to } = exchange;
    const dialects = this.#dialects;
    let isRefused = false;
    this.#underlay.exchange(exchange, {
      onRequest: (nowNs, reply) => {
        isRefused = !dialects.hears(from, to);
        if (isRefused) reply(0);
        else handlers.onRequest(nowNs, reply);
      },
      onReply: (nowNs) => {
        const isUnread = isRefused || !dialects.hearsReply(to, from);
        if (isUnread && exchange.isOneWay !== true) handlers.onFailure(nowNs, 'reset');
        else handlers.onReply(nowNs);
      },
      onFailure: handlers.onFailure,
    });
  }

  /** A packet that its receiver cannot read is counted there. */
  readonly delayNsMax = -1;

  readonly plainDelayNsMaxOfAll = -1;

  plainDelayNsMax(a: number, b: number): number {
    if (!this.#dialects.hears(a, b) || !this.#dialects.hears(b, a)) return -1;
    return this.#underlay.plainDelayNsMax(a, b);
  }
}
