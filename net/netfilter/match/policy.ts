/**
 * The `policy` match: did (or will) IPsec handle the packet? Elements of the policy (reqid, spi,
 * proto, mode) are kept as text and not compared: a packet knows only whether it was secured.
 * Mirrors `extensions/libxt_policy.c` and `net/netfilter/xt_policy.c`.
 */
import type { Match, MatchKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import type { Inspection } from '../inspection.ts';
import { parseProtocol } from '../protocols.ts';

class PolicyMatch implements Match {
  #direction: 'in' | 'out' | undefined = undefined;
  #isNone = false;
  #hasPolicy = false;
  #isStrict = false;
  #savedElement = '';
  #listedElement = '';

  option(name: string, value: string, isNegated: boolean): string | undefined {
    switch (name) {
      case '--dir':
        if (value !== 'in' && value !== 'out') return `policy_match: invalid dir "${value}"`;
        this.#direction = value;
        return undefined;
      case '--pol':
        if (value !== 'none' && value !== 'ipsec') {
          return `policy match: invalid policy "${value}"`;
        }
        this.#hasPolicy = true;
        this.#isNone = value === 'none';
        return undefined;
      case '--strict':
        this.#isStrict = true;
        return undefined;
      default: {
        const not = isNegated ? ' !' : '';
        this.#savedElement += `${not} ${name} ${value}`;
        const listed = name === '--proto' ? String(parseProtocol(value) ?? value) : value;
        this.#listedElement += `${not} ${name.slice(2)} ${listed}`;
        return undefined;
      }
    }
  }

  finish(): string | undefined {
    if (this.#direction === undefined) {
      return 'policy match: neither --dir in nor --dir out specified';
    }
    if (this.#isNone && (this.#isStrict || this.#savedElement !== '')) {
      return 'policy match: policy none but --strict given';
    }
    return undefined;
  }

  allowedHooks(): readonly Hook[] {
    return this.#direction === 'in'
      ? [Hook.prerouting, Hook.input, Hook.forward]
      : [Hook.forward, Hook.output, Hook.postrouting];
  }

  matches(inspection: Inspection): boolean {
    const isSecured = this.#direction === 'in' && inspection.packet.isSecured;
    return this.#isNone ? !isSecured : isSecured;
  }

  get #policyText(): string {
    return this.#isNone ? 'none' : 'ipsec';
  }

  save(): string {
    let text = ` --dir ${this.#direction}`;
    if (this.#hasPolicy) text += ` --pol ${this.#policyText}`;
    if (this.#isStrict) text += ' --strict';
    return text + this.#savedElement;
  }

  list(): string {
    const strict = this.#isStrict ? ' strict' : '';
    const pol = this.#hasPolicy ? ` pol ${this.#policyText}` : '';
    return ` policy match dir ${this.#direction}${pol}${strict}${this.#listedElement}`;
  }
}

/** `-m policy`. */
export const policyMatch: MatchKind = {
  name: 'policy',
  options: [
    '--dir=',
    '--pol=',
    '--strict',
    '--reqid=',
    '--spi=',
    '--proto=',
    '--mode=',
    '--tunnel-src=',
    '--tunnel-dst=',
    '--next',
  ],
  create: () => new PolicyMatch(),
};
