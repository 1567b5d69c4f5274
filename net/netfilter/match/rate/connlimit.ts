/**
 * The `connlimit` match: how many connections an address, or a network of them, has open.
 *
 * A rule counts the connections whose packets it has seen; those that have ended, for TCP from
 * TIME_WAIT on, no longer count. Mirrors `extensions/libxt_connlimit.c`, `xt_connlimit.c` and
 * `nf_conncount.c`.
 */
import { maskedIp } from '../../../../wire/ip-address.ts';
import type { Connection } from '../../../conntrack/connection.ts';
import { TcpState } from '../../../conntrack/tcp-states.ts';
import type { Match, MatchKind, ParseEnvironment } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange } from '../../options.ts';

class ConnlimitMatch implements Match {
  #limit: number | undefined = undefined;
  #isUpTo = false;
  readonly #bits: number;
  #maskBits: number;
  #isDestination = false;
  /** By network, the connections seen and when first, in ns. */
  readonly #open = new Map<number, Map<Connection, number>>();

  constructor({ family }: ParseEnvironment) {
    this.#bits = family === 'ipv4' ? 32 : 128;
    this.#maskBits = this.#bits;
  }

  option(name: string, text: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--connlimit-saddr':
        this.#isDestination = false;
        return undefined;
      case '--connlimit-daddr':
        this.#isDestination = true;
        return undefined;
      case '--connlimit-mask':
        // iptables takes more than 32 for 32, ip6tables no more than 128
        if (this.#bits === 32 && Number(text) > 32) return undefined;
        if (!/^\d+$/.test(text) || Number(text) > this.#bits) {
          const form = `neither a valid network mask nor valid CIDR (0-${this.#bits}).\n`;
          return `connlimit: bad value for option "${name}", ${form}`;
        }
        this.#maskBits = Number(text);
        return undefined;
      default:
        if (!/^\d+$/.test(text)) return outOfRange('connlimit', name, 0, 0xffff_ffff);
        this.#limit = Number(text);
        this.#isUpTo = (name === '--connlimit-upto') !== isNegated;
        return undefined;
    }
  }

  finish(): string | undefined {
    if (this.#limit !== undefined) return undefined;
    return 'You must specify "--connlimit-above" or "--connlimit-upto".';
  }

  matches({ packet, namespace, source, destination }: Inspection): boolean {
    const { connection } = packet;
    if (connection === undefined) return false;
    const address = this.#isDestination ? destination : source;
    const key = maskedIp(address, this.#maskBits);
    let open = this.#open.get(key);
    if (open === undefined) {
      open = new Map();
      this.#open.set(key, open);
    }
    const { nowNs } = namespace.world;
    for (const [other, sinceNs] of open) if (hasEnded(other, sinceNs, nowNs)) open.delete(other);
    if (!open.has(connection)) open.set(connection, nowNs);
    return open.size > this.#limit! !== this.#isUpTo;
  }

  save(): string {
    const limit = this.#isUpTo ? '--connlimit-upto' : '--connlimit-above';
    const side = this.#isDestination ? '--connlimit-daddr' : '--connlimit-saddr';
    return ` ${limit} ${this.#limit} --connlimit-mask ${this.#maskBits} ${side}`;
  }

  list(): string {
    const side = this.#isDestination ? 'dst' : 'src';
    return ` #conn ${side}/${this.#maskBits} ${this.#isUpTo ? '<=' : '>'} ${this.#limit}`;
  }
}

/** One that was never confirmed was dropped, unless it is on its way just now. */
function hasEnded(connection: Connection, sinceNs: number, nowNs: number): boolean {
  if (connection.isDying) return true;
  if (!connection.isConfirmed) return sinceNs < nowNs;
  if (connection.expiresAtNs <= nowNs) return true;
  const state = connection.tcp?.state;
  return state === TcpState.timeWait || state === TcpState.close;
}

/** `-m connlimit`. */
export const connlimitMatch: MatchKind = {
  name: 'connlimit',
  options: [
    '--connlimit-upto=',
    '--connlimit-above=',
    '--connlimit-mask=',
    '--connlimit-saddr',
    '--connlimit-daddr',
  ],
  plain: ['--connlimit-mask', '--connlimit-saddr', '--connlimit-daddr'],
  exclusive: [
    ['--connlimit-upto', '--connlimit-above'],
    ['--connlimit-saddr', '--connlimit-daddr'],
  ],
  needsTracking: true,
  create: (environment) => new ConnlimitMatch(environment),
};
