/**
 * The `NFLOG` target: hands a packet to a program that listens on a group. Nobody listens here, so it
 * is an observation `netfilter.nflog` and nothing else. Mirrors `extensions/libxt_NFLOG.c`.
 */
import { observationKind } from '../../../../sim/observations.ts';
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import type { Inspection } from '../../inspection.ts';
import { outOfRange, quotedText, TOO_SHORT } from '../../options.ts';

const logged = observationKind('netfilter.nflog');
const PREFIX_MAX = 63;

class NflogTarget implements Target {
  #prefix = '';
  /** Group, size and threshold as they are printed, in that order. */
  readonly #numbers = new Map([
    ['group', 0],
    ['size', 0],
    ['threshold', 0],
  ]);

  option(name: string, text: string): string | undefined {
    const what = name.slice('--nflog-'.length);
    if (what === 'prefix') {
      if (text === '') return TOO_SHORT;
      this.#prefix = text.slice(0, PREFIX_MAX);
      return undefined;
    }
    const max = what === 'size' ? 0xffff_ffff : 65_535;
    if (!/^\d+$/.test(text) || Number(text) > max) return outOfRange('NFLOG', name, 0, max);
    this.#numbers.set(what, Number(text));
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  run({ namespace, at, end }: Inspection): Outcome {
    const group = this.#numbers.get('group')!;
    namespace.world.observe(logged, namespace.nodeIndex, group, end - at, this.#prefix);
    return Outcome.next;
  }

  save(): string {
    return this.#text(' --');
  }

  list(): string {
    return this.#text(' ');
  }

  #text(before: string): string {
    let text = this.#prefix === '' ? '' : `${before}nflog-prefix${quotedText(this.#prefix)}`;
    for (const [what, number] of this.#numbers) {
      if (number !== 0) text += `${before}nflog-${what} ${number}`;
    }
    return text;
  }
}

/** `-j NFLOG`. */
export const nflogTarget: TargetKind = {
  name: 'NFLOG',
  options: ['--nflog-prefix=', '--nflog-group=', '--nflog-size=', '--nflog-threshold='],
  create: () => new NflogTarget(),
};
