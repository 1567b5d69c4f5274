/**
 * The `NFQUEUE` target: hands a packet to a program that decides about it. None listens here, so the
 * packet is dropped, or goes on with `--queue-bypass`, as the kernel does without a listener.
 * Mirrors `extensions/libxt_NFQUEUE.c`.
 */
import { Outcome, type Target, type TargetKind } from '../../extension.ts';
import { outOfRange } from '../../options.ts';

class NfqueueTarget implements Target {
  #number: number | undefined = undefined;
  #balance: string | undefined = undefined;
  #isBypassed = false;
  #isFannedOut = false;

  option(name: string, text: string): string | undefined {
    if (name === '--queue-bypass') this.#isBypassed = true;
    else if (name === '--queue-cpu-fanout') this.#isFannedOut = true;
    else if (name === '--queue-num') {
      if (!isQueue(text)) return outOfRange('NFQUEUE', name, 0, 65_535);
      this.#number = Number(text);
    } else {
      if (!text.includes(':')) return `Bad range "${text}"`;
      const [first = '', last = ''] = text.split(':');
      if (!isQueue(first) || !isQueue(last)) return outOfRange('NFQUEUE', name, 0, 65_535);
      if (Number(first) >= Number(last)) return `${first} should be less than ${last}`;
      this.#balance = text;
    }
    return undefined;
  }

  finish(): string | undefined {
    return undefined;
  }

  run(): Outcome {
    return this.#isBypassed ? Outcome.accept : Outcome.drop;
  }

  save(): string {
    return this.#text(' --queue-', ' --queue-');
  }

  list(): string {
    return ` NFQUEUE${this.#text(' ', ' ')}`;
  }

  #text(first: string, other: string): string {
    const balance = this.#balance;
    let text = `${first}${balance === undefined ? `num ${this.#number ?? 0}` : `balance ${balance}`}`;
    if (this.#isBypassed) text += `${other}bypass`;
    return this.#isFannedOut ? `${text}${other}cpu-fanout` : text;
  }
}

function isQueue(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) <= 65_535;
}

/** `-j NFQUEUE`. */
export const nfqueueTarget: TargetKind = {
  name: 'NFQUEUE',
  options: ['--queue-num=', '--queue-balance=', '--queue-bypass', '--queue-cpu-fanout'],
  exclusive: [['--queue-num', '--queue-balance']],
  requires: [['--queue-cpu-fanout', '--queue-balance']],
  create: () => new NfqueueTarget(),
};
