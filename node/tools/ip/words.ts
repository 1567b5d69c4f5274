/**
 * The words of an iproute2 command line: read one after the other, commands shortened as far as
 * they are unambiguous (`matches` of lib/utils.c), values with iproute2's complaints.
 */
import type { Device } from '../../../net/device/device.ts';
import type { Namespace } from '../../../net/namespace.ts';
import {
  ANY_IPV6,
  addressBits,
  type IpAddress,
  type IpPrefix,
  parseIp,
} from '../../../wire/ip-address.ts';

/** Ends a command of `ip` or `bridge` with a status and a text for stderr. */
export class IpFailure extends Error {
  override name = 'IpFailure';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The command line is wrong: status 255, as `invarg` and `exit(-1)` end. */
export function wrong(message: string): IpFailure {
  return new IpFailure(255, message);
}

/** The kernel refused (`RTNETLINK answers: …`): status 2. */
export function refused(reason: string): IpFailure {
  return new IpFailure(2, `RTNETLINK answers: ${reason}`);
}

/** The first of the commands that begins with a word; `undefined` when none does. */
export function commandOf<T extends string>(word: string, commands: readonly T[]): T | undefined {
  return commands.find((command) => command.startsWith(word));
}

/** Words that are read from left to right. */
export class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  /** The next word, which stays. */
  get first(): string | undefined {
    return this.#words[this.#at];
  }

  /** Takes the next word. */
  next(): string | undefined {
    return this.#words[this.#at++];
  }

  /** Takes the next word if it is one of these. */
  maybe(...words: readonly string[]): boolean {
    if (this.first === undefined || !words.includes(this.first)) return false;
    this.#at++;
    return true;
  }

  /** All words that are left. */
  rest(): string[] {
    const rest = this.#words.slice(this.#at);
    this.#at = this.#words.length;
    return rest;
  }

  /** Takes the value that belongs to the word before it (`NEXT_ARG`). */
  value(): string {
    const word = this.next();
    if (word === undefined) {
      throw wrong('Command line is not complete. Try option "help"');
    }
    return word;
  }

  /** A value that is a whole number from `least` to `most`; `what` is iproute2's name for it. */
  number(what: string, least = 0, most = 0xffff_ffff): number {
    const text = this.value();
    const number = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw wrong(`Error: argument "${text}" is wrong: ${what}`);
  }

  /** A value that is an address. */
  address(): IpAddress {
    return addressOf(this.value());
  }

  /** A value that names a device of the namespace. */
  device(namespace: Namespace): Device {
    return deviceOf(namespace, this.value());
  }
}

/** The device of this name. */
export function deviceOf(namespace: Namespace, name: string): Device {
  const device = namespace.deviceByName(name.split('@')[0]!);
  if (device === undefined) throw new IpFailure(1, `Cannot find device "${name}"`);
  return device;
}

/** The address that a word says. */
export function addressOf(text: string): IpAddress {
  const address = parseIp(text);
  if (address !== undefined) return address;
  throw new IpFailure(1, `Error: any valid prefix is expected rather than "${text}".`);
}

/**
 * The prefix that a word says: `10.0.0.0/8`, `fd00::/64`, `default` (of the family), or an address
 * alone, which is a prefix of all its bits.
 */
export function prefixOf(text: string, family: 0 | 4 | 6 = 0): IpPrefix {
  if (text === 'default' || text === 'any' || text === 'all') {
    return { address: family === 6 ? ANY_IPV6 : 0, lengthBits: 0 };
  }
  const [addressText = '', lengthText] = text.split('/');
  const address = parseIp(addressText);
  if (address !== undefined) {
    const bits = addressBits(address);
    const lengthBits = lengthText === undefined ? bits : Number(lengthText);
    if (/^\d+$/.test(lengthText ?? '0') && lengthBits <= bits) return { address, lengthBits };
  }
  throw new IpFailure(1, `Error: any valid prefix is expected rather than "${text}".`);
}
