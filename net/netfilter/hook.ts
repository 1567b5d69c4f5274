/**
 * Netfilter's hooks: where a packet can be looked at, changed or stopped.
 *
 * ```
 *  in ──> PREROUTING ──> route ──> FORWARD ──> POSTROUTING ──> out
 *                          │                        ^
 *                          v                        │
 *                        INPUT ──> local ──> OUTPUT ┘
 * ```
 * Numbers, order and priorities are those of `include/uapi/linux/netfilter_ipv4.h`.
 */
import type { Device } from '../device/device.ts';
import type { Packet } from '../packet.ts';

/** The five inet hooks, with Linux' numbers. */
export const Hook = {
  prerouting: 0,
  input: 1,
  forward: 2,
  output: 3,
  postrouting: 4,
} as const;
/** See {@link Hook}. */
export type Hook = (typeof Hook)[keyof typeof Hook];

/** The hooks' names as iptables spells them, by number. */
export const HOOK_NAMES = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;

/** Priorities; lower runs first. */
export const HookPriority = {
  defragment: -400,
  raw: -300,
  conntrack: -200,
  mangle: -150,
  natDestination: -100,
  ipvsLocalReply: -99,
  ipvsLocalRequest: -98,
  filter: 0,
  ipvsReplyInput: 98,
  ipvsRequestInput: 99,
  ipvsIcmpForward: 99,
  ipvsReplyForward: 100,
  natSource: 100,
  confirm: 0x7fffffff,
} as const;

/** What a hook function decides. */
export const Verdict = {
  accept: 0,
  drop: 1,
  /** The function has taken the packet over (ipvs transmitted it, REJECT answered it). */
  stolen: 2,
} as const;
/** See {@link Verdict}. */
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/**
 * Looks at a packet whose `start` is the IPv4 header. `inDevice` is undefined at OUTPUT and for
 * what comes from there, `outDevice` at PREROUTING and INPUT.
 */
export type HookFunction = (
  packet: Packet,
  hook: Hook,
  inDevice: Device | undefined,
  outDevice: Device | undefined,
) => Verdict;

interface Registration {
  readonly priority: number;
  readonly name: string;
  readonly run: HookFunction;
}

/** The hook functions of one namespace. */
export class Hooks {
  readonly #byHook: Registration[][] = [[], [], [], [], []];

  #count = 0;

  /** True while no function is registered anywhere: a bridge then need not look at IPv4 at all. */
  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Registers a function; equal priorities run in the order of registration. */
  register(hook: Hook, priority: number, name: string, run: HookFunction): void {
    const registrations = this.#byHook[hook]!;
    let index = registrations.length;
    while (index > 0 && registrations[index - 1]!.priority > priority) index--;
    registrations.splice(index, 0, { priority, name, run });
    this.#count++;
  }

  /** Takes all functions of this name out. */
  unregister(name: string): void {
    for (const registrations of this.#byHook) {
      for (let i = registrations.length - 1; i >= 0; i--) {
        if (registrations[i]!.name !== name) continue;
        registrations.splice(i, 1);
        this.#count--;
      }
    }
  }

  /** Runs the functions of a hook until one does not accept; `afterPriority` skips earlier ones. */
  run(
    packet: Packet,
    hook: Hook,
    inDevice: Device | undefined,
    outDevice: Device | undefined,
    afterPriority = Number.NEGATIVE_INFINITY,
  ): Verdict {
    const registrations = this.#byHook[hook]!;
    for (let i = 0; i < registrations.length; i++) {
      const registration = registrations[i]!;
      if (registration.priority <= afterPriority) continue;
      const verdict = registration.run(packet, hook, inDevice, outDevice);
      if (verdict !== Verdict.accept) return verdict;
    }
    return Verdict.accept;
  }
}
