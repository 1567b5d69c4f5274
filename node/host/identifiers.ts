/**
 * The random names that a Docker host makes up: ids of containers, sandboxes, endpoints and
 * networks (64 hexadecimal digits), veth devices (7), MAC addresses, gossip names (12).
 *
 * Each is a keyed draw at (host, counter), so hosts do not disturb each other and a host makes the
 * same names in every run of a seed.
 */
import { type Chance, type DrawKey, draw32, keyOf } from '../../sim/chance.ts';
import type { Mac } from '../../wire/addresses.ts';

/** Makes one host's names. */
export class Identifiers {
  readonly #key: DrawKey;
  #counter = 0;

  constructor(chance: Chance, hostIndex: number) {
    this.#key = keyOf(chance.key('host.identifier'), hostIndex);
  }

  /** So many random hexadecimal digits. */
  hex(digits: number): string {
    const counter = this.#counter++;
    let text = '';
    for (let i = 0; text.length < digits; i++) {
      text += draw32(this.#key, counter, i).toString(16).padStart(8, '0');
    }
    return text.slice(0, digits);
  }

  /** The 40 bits that tell this host's unique local prefix from others' (of its engine id). */
  get globalId(): bigint {
    const key = keyOf(this.#key, 0x756c_6100);
    return (BigInt(draw32(key, 0)) << 8n) | BigInt(draw32(key, 1) & 0xff);
  }

  /** The id of a container, sandbox, endpoint or local network. */
  id(): string {
    return this.hex(64);
  }

  /** The name of a veth device in the host, such as `veth1a2b3c4`. */
  veth(): string {
    return `veth${this.hex(7)}`;
  }

  /** `02:42` and four random octets, as Docker up to 27 gives to bridges. */
  bridgeMac(): Mac {
    return 0x0242_0000_0000 + Number.parseInt(this.hex(8), 16);
  }

  /** A random unicast, locally administered MAC, as the kernel gives to veth and vxlan devices. */
  mac(): Mac {
    const first = (Number.parseInt(this.hex(2), 16) & 0xfc) | 2;
    return first * 0x100_0000_0000 + Number.parseInt(this.hex(10), 16);
  }
}
