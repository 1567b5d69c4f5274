/**
 * The `SET` target: puts an address of the packet into an ipset, or takes it out.
 * Mirrors `extensions/libxt_SET.c` and `net/netfilter/xt_set.c`.
 */
import { SECOND_NS } from '../../../sim/time.ts';
import { isIpv6Address } from '../../../wire/ip-address.ts';
import { Outcome, type ParseEnvironment, type Target, type TargetKind } from '../extension.ts';
import type { Inspection } from '../inspection.ts';

/** One change of a set. */
interface Change {
  readonly verb: 'add-set' | 'del-set';
  readonly set: string;
  readonly direction: string;
}

class SetTarget implements Target {
  readonly #environment: ParseEnvironment;
  readonly #changes: Change[] = [];
  #renews = false;
  #timeoutSeconds: number | undefined = undefined;

  constructor(environment: ParseEnvironment) {
    this.#environment = environment;
  }

  option(name: string, value: string): string | undefined {
    if (name === '--exist') this.#renews = true;
    else if (name === '--timeout') {
      if (!/^\d+$/.test(value)) return `Invalid value for option --timeout or out of range`;
      this.#timeoutSeconds = Number(value);
    } else {
      const [set = '', direction = ''] = value.split(' ');
      if (!this.#environment.hasSet(set)) return `Set ${set} doesn't exist.\n`;
      if (direction.split(',').some((part) => part !== 'src' && part !== 'dst')) {
        return "You must spefify (the comma separated list of) 'src' or 'dst'.";
      }
      this.#changes.push({ verb: name.slice(2) as Change['verb'], set, direction });
    }
    return undefined;
  }

  finish(): string | undefined {
    if (this.#changes.length > 0) return undefined;
    return "You must specify either `--add-set' or `--del-set' or `--map-set'";
  }

  run({ namespace, source, destination }: Inspection): Outcome {
    const { nowNs } = namespace.world;
    for (const { verb, set: name, direction } of this.#changes) {
      const address = direction.startsWith('src') ? source : destination;
      if (isIpv6Address(address)) continue;
      const set = namespace.tables.sets.find(name);
      const prefix = { address, lengthBits: 32 };
      if (verb === 'del-set') set?.remove(prefix, nowNs);
      else {
        const seconds = this.#timeoutSeconds;
        const timeoutNs = seconds === undefined ? undefined : seconds * SECOND_NS;
        set?.add(prefix, nowNs, timeoutNs, this.#renews);
      }
    }
    return Outcome.next;
  }

  save(): string {
    return this.#text(' --');
  }

  list(): string {
    return this.#text(' ');
  }

  #text(before: string): string {
    let text = '';
    for (const { verb, set, direction } of this.#changes) {
      text += `${before}${verb} ${set} ${direction}`;
    }
    if (this.#renews) text += `${before}exist`;
    if (this.#timeoutSeconds !== undefined) text += `${before}timeout ${this.#timeoutSeconds}`;
    return text;
  }
}

/** `-j SET`. */
export const setTarget: TargetKind = {
  name: 'SET',
  options: ['--add-set==', '--del-set==', '--exist', '--timeout='],
  isOwnParser: true,
  create: (environment) => new SetTarget(environment),
};
