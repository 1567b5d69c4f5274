/**
 * A namespace for tests of netfilter and conntrack: hooks, tables, addresses and a clock, and no
 * stack behind them. `walk` sends a packet through hooks as the stack would.
 */
import { World } from '../../sim/world.ts';
import { type Prefix, prefixContains } from '../../wire/addresses.ts';
import { ConnectionTracker } from '../conntrack/tracker.ts';
import type { Device } from '../device/device.ts';
import { HostCounters } from '../host-counters.ts';
import type { Namespace } from '../namespace.ts';
import type { Packet } from '../packet.ts';
import { Sysctls } from '../sysctls.ts';
import { Hook, Hooks, Verdict } from './hook.ts';
import { Nftables } from './nft/nftables.ts';
import { Tables } from './tables.ts';

interface FakeAddress {
  readonly address: number;
  readonly prefixLength: number;
}

/** Stands in for a namespace; `asNamespace` is what is tested sees. */
export class FakeNamespace {
  readonly world = new World('netfilter');
  readonly name = 'fake';
  readonly nodeIndex = 0;
  readonly hooks = new Hooks();
  readonly host = new HostCounters(this.world);
  readonly isInitial = true;
  readonly sysctls = new Sysctls(undefined);
  readonly connections: ConnectionTracker;
  readonly tables: Tables;
  readonly nftables: Nftables;
  readonly sent: Packet[] = [];
  readonly errors: string[] = [];
  readonly #byDevice = new Map<Device, FakeAddress[]>();
  readonly addresses = {
    of: (device: Device) => this.#byDevice.get(device) ?? [],
    selectSource: (device: Device) => this.#byDevice.get(device)?.[0]?.address ?? 0,
  };

  constructor() {
    this.connections = new ConnectionTracker(this.asNamespace);
    this.tables = new Tables(this.asNamespace);
    this.nftables = new Nftables(this.asNamespace);
  }

  /** This, as the type that it stands in for. */
  get asNamespace(): Namespace {
    return this as unknown as Namespace;
  }

  /** A device that knows its name only, with one address. */
  addDevice(name: string, address: number, prefixLength: number): Device {
    const device = { name, mtu: 1500 } as unknown as Device;
    this.#byDevice.set(device, [{ address, prefixLength }]);
    return device;
  }

  /** True for the addresses of devices and 127.0.0.0/8. */
  isLocalAddress(address: number): boolean {
    if (address >>> 24 === 127) return true;
    return [...this.#byDevice.values()].some((all) => all.some((own) => own.address === address));
  }

  /** True for the last address of a connected subnet. */
  isBroadcastAddress(address: number): boolean {
    for (const all of this.#byDevice.values()) {
      for (const { address: own, prefixLength } of all) {
        const prefix: Prefix = { address: own, lengthBits: prefixLength };
        if (prefixContains(prefix, address) && ((address + 1) & 0xff) === 0) return true;
      }
    }
    return false;
  }

  /** Registers at the only hooks that there are. */
  onHooks(register: (hooks: Hooks) => void): void {
    register(this.hooks);
  }

  /** No routes. */
  routeLookup(): undefined {
    return undefined;
  }

  /** Keeps `type/code` in `errors`. */
  sendIcmpError(_packet: Packet, type: number, code: number): void {
    this.errors.push(`${type}/${code}`);
  }

  /** Keeps the packet in `sent`. */
  sendIpv4(packet: Packet): void {
    this.sent.push(packet);
  }

  /** PREROUTING, FORWARD, POSTROUTING; returns the verdict that ended it. */
  forward(packet: Packet, inDevice: Device, outDevice: Device): Verdict {
    return this.walk(packet, [
      [Hook.prerouting, inDevice, undefined],
      [Hook.forward, inDevice, outDevice],
      [Hook.postrouting, undefined, outDevice],
    ]);
  }

  /** PREROUTING, INPUT. */
  receive(packet: Packet, inDevice: Device): Verdict {
    return this.walk(packet, [
      [Hook.prerouting, inDevice, undefined],
      [Hook.input, inDevice, undefined],
    ]);
  }

  /** OUTPUT, POSTROUTING. */
  send(packet: Packet, outDevice: Device): Verdict {
    return this.walk(packet, [
      [Hook.output, undefined, outDevice],
      [Hook.postrouting, undefined, outDevice],
    ]);
  }

  /** Runs hooks until one does not accept. */
  walk(
    packet: Packet,
    stops: readonly (readonly [Hook, Device | undefined, Device | undefined])[],
  ): Verdict {
    for (const [hook, inDevice, outDevice] of stops) {
      const verdict = this.hooks.run(packet, hook, inDevice, outDevice);
      if (verdict !== Verdict.accept) return verdict;
    }
    return Verdict.accept;
  }
}
