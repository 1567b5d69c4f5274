/**
 * How a socket without a port gets one.
 *
 * `connect` walks the range in steps of two from an offset that depends on the destination and
 * moves on with every connection, so that a port comes back only after a whole turn
 * (`__inet_hash_connect` with its perturbation table). `bind` to port 0 and UDP start anywhere
 * (`inet_csk_find_open_port`, `udp_lib_get_port`). All offsets are keyed draws.
 */
import { type DrawKey, draw32, drawBelow, hashText, keyOf } from '../../sim/chance.ts';
import type { Namespace } from '../namespace.ts';
import { LOCAL_PORTS } from '../sysctls.ts';

/** What {@link LOCAL_PORTS} say, and what stands for a text that says nothing. */
const LOCAL_PORT_RANGE = { first: 32_768, last: 60_999 } as const;

/** A range of ports, both ends included. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** `net.ipv4.ip_local_port_range` of a namespace. */
export function localPortRangeOf(namespace: Namespace): PortRange {
  const [name, unchanged] = LOCAL_PORTS;
  const text = namespace.sysctls.text(name);
  if (text === undefined || text === unchanged) return LOCAL_PORT_RANGE;
  const [first, last] = text.trim().split(/\s+/).map(Number);
  if (!(first! > 0 && last! >= first! && last! < 65_536)) return LOCAL_PORT_RANGE;
  return { first: first!, last: last! };
}

/** Chooses ports for the sockets of one namespace. */
export class PortChooser {
  readonly #namespace: Namespace;
  readonly #key: DrawKey;
  #drawCount = 0;
  #perturbation = 0;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    this.#key = keyOf(namespace.world.chance.key('socket.port'), hashText(namespace.name));
  }

  /** A port for a socket that may be reached by anybody; 0 when none is free. */
  chooseForBind(isFree: (port: number) => boolean): number {
    const { first, last } = localPortRangeOf(this.#namespace);
    const count = last - first + 1;
    const offset = drawBelow(this.#key, count, this.#drawCount++);
    for (let i = 0; i < count; i++) {
      const port = first + ((offset + i) % count);
      if (isFree(port)) return port;
    }
    return 0;
  }

  /** A port for a connection to this destination; 0 when none is free. */
  chooseForConnect(
    remoteAddress: number,
    remotePort: number,
    isFree: (port: number) => boolean,
  ): number {
    const { first, last } = localPortRangeOf(this.#namespace);
    const count = (last - first + 1) & ~1;
    const start = draw32(this.#key, remoteAddress, remotePort) % count;
    // even ports first, counted from the range's beginning, then odd ones
    const even = (start + this.#perturbation) & ~1;
    for (let parity = 0; parity < 2; parity++) {
      for (let i = 0; i < count; i += 2) {
        const port = first + ((even + i) % count) + parity;
        if (!isFree(port)) continue;
        this.#perturbation = (this.#perturbation + i + 2) % count;
        return port;
      }
    }
    return 0;
  }
}
