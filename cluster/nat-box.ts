/**
 * A box with NAT in front of a host, which has a private address behind it: a Linux router with two
 * cards and a few rules.
 *
 * `one-to-one`, as clouds have it: all that comes for the public address goes to the host, and what the
 * host sends comes from the public address. `masquerade`, as in front of an office: the host's flows
 * come from the public address with a port of the box's choice, and from outside only what Docker's
 * documentation asks to forward gets in: TCP 2377, TCP and UDP 7946, UDP on the data path's port. Neither
 * knows ESP, which has no ports.
 */
import { HostCounters } from '../net/host-counters.ts';
import { Namespace } from '../net/namespace.ts';
import { assert } from '../sim/assert.ts';
import type { World } from '../sim/world.ts';
import { formatIpv4Address, macOfIpv4, type Prefix } from '../wire/addresses.ts';
import { HOST_GATEWAY, type NatKind } from './host-addresses.ts';
import { PatchCable } from './underlay/patch-cable.ts';
import type { Underlay } from './underlay/underlay.ts';
import { Uplink } from './underlay/uplink.ts';

const MTU_BYTES = 1500;

/** What a box is made from. */
export interface NatBoxOptions {
  readonly world: World;
  readonly underlay: Underlay;
  /** The host behind it. */
  readonly index: number;
  readonly name: string;
  readonly kind: NatKind;
  /** The address in the underlay. */
  readonly outside: Prefix;
  /** The host's own address, and the box's beside it. */
  readonly inside: Prefix;
  readonly gateway: number;
  readonly dataPathPort: number;
}

/** The box of one host. */
export class NatBox {
  readonly namespace: Namespace;
  readonly #options: NatBoxOptions;
  readonly #inner: PatchCable;

  constructor(options: NatBoxOptions) {
    const { world, underlay, index, name, outside, inside, gateway } = options;
    this.#options = options;
    const host = new HostCounters(world);
    this.namespace = new Namespace(world, { name: `${name}-nat`, nodeIndex: index, host });
    const { namespace } = this;
    namespace.sysctls.set('net.ipv4.ip_forward', 1);
    const outer = new Uplink(0, macOfIpv4(outside.address), MTU_BYTES, index, underlay);
    this.#inner = new PatchCable('lan', macOfIpv4(gateway), MTU_BYTES, world);
    for (const [device, address, prefixLength] of [
      [outer, outside.address, outside.lengthBits],
      [this.#inner, gateway, inside.lengthBits],
    ] as const) {
      namespace.addDevice(device);
      namespace.addAddress(device, { address, prefixLength });
      namespace.setUp(device, true);
    }
    const route = { destination: 0, prefixLength: 0, gateway: HOST_GATEWAY, device: outer };
    namespace.addRoute(route);
    for (const rule of this.#rules()) {
      const failure = namespace.tables.run(`-t nat ${rule}`);
      assert(failure === undefined, String(failure));
    }
    underlay.attach(outer);
  }

  /** The card of the host, which boots: another one each time. */
  plug(): PatchCable {
    const { world, inside } = this.#options;
    const card = new PatchCable('eth0', macOfIpv4(inside.address), MTU_BYTES, world);
    card.connect(this.#inner);
    return card;
  }

  #rules(): string[] {
    const { kind, outside, inside, dataPathPort } = this.#options;
    const [from, to] = [outside, inside].map(({ address }) => formatIpv4Address(address));
    if (kind === 'one-to-one') {
      return [
        `-A PREROUTING -d ${from} -j DNAT --to-destination ${to}`,
        `-A POSTROUTING -s ${to} -o eth0 -j SNAT --to-source ${from}`,
      ];
    }
    const forwarded = [
      ['tcp', 2377],
      ['tcp', 7946],
      ['udp', 7946],
      ['udp', dataPathPort],
    ] as const;
    return [
      ...forwarded.map(
        ([protocol, port]) =>
          `-A PREROUTING -i eth0 -d ${from} -p ${protocol} --dport ${port} -j DNAT --to-destination ${to}`,
      ),
      '-A POSTROUTING -o eth0 -j MASQUERADE --random',
    ];
  }
}
