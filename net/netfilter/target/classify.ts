/**
 * The `CLASSIFY` target: the class of a queueing discipline, of which there are none here.
 * Mirrors `extensions/libxt_CLASSIFY.c`.
 */
import { Outcome, type Target, type TargetKind } from '../extension.ts';
import { Hook } from '../hook.ts';
import { mustBeSpecified } from '../options.ts';

class ClassifyTarget implements Target {
  #class: readonly [string, string] | undefined = undefined;

  option(_name: string, text: string): string | undefined {
    const found = /^([0-9a-f]+):([0-9a-f]+)$/i.exec(text);
    if (found === null) return `Bad class value "${text}"`;
    const part = (digits: string) => Number.parseInt(digits, 16).toString(16).slice(-4);
    this.#class = [part(found[1]!), part(found[2]!)];
    return undefined;
  }

  finish(): string | undefined {
    return this.#class === undefined ? mustBeSpecified('CLASSIFY', '--set-class') : undefined;
  }

  run(): Outcome {
    return Outcome.next;
  }

  save(): string {
    return ` --set-class ${this.#class!.map((part) => part.padStart(4, '0')).join(':')}`;
  }

  list(): string {
    return ` CLASSIFY set ${this.#class!.join(':')}`;
  }
}

/** `-j CLASSIFY`. */
export const classifyTarget: TargetKind = {
  name: 'CLASSIFY',
  options: ['--set-class='],
  hooks: [Hook.forward, Hook.output, Hook.postrouting],
  create: () => new ClassifyTarget(),
};
