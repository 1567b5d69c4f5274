/**
 * What happened, as everybody above hears it: membership changes, task states, packet verdicts.
 *
 * An observation is (time, node, kind, two integers, a text). Each one is folded into the digest;
 * traces, measures, checkers and reports subscribe to kinds. A kind is declared once, at module
 * level, by {@link observationKind}; its number is the hash of its name and so does not depend on
 * which module was loaded first.
 */
import { hashText } from './chance.ts';
import { Digest } from './digest.ts';

/** A declared kind of observation; `name` is `<topic>.<event>`, such as `membership.dead`. */
export interface ObservationKind {
  readonly name: string;
  readonly id: number;
}

/** One observation; `node` is a node index or -1 for the cluster. */
export interface Observation {
  readonly atNs: number;
  readonly kind: ObservationKind;
  readonly node: number;
  readonly a: number;
  readonly b: number;
  readonly text: string;
}

/** Hears observations in the order in which they happen; must not change the simulated world. */
export type Observer = (observation: Observation) => void;

const kindsByName = new Map<string, ObservationKind>();
const namesById = new Map<number, string>();

/** Declares a kind, or returns the one that has this name already. */
export function observationKind(name: string): ObservationKind {
  const known = kindsByName.get(name);
  if (known !== undefined) return known;
  const id = hashText(name);
  const clash = namesById.get(id);
  if (clash !== undefined) throw new Error(`observation kinds ${clash} and ${name} share an id`);
  const kind = { name, id };
  kindsByName.set(name, kind);
  namesById.set(id, name);
  return kind;
}

/** The one place through which observations go: digest first, then the observers in order. */
export class Observations {
  readonly digest = new Digest();
  #count = 0;
  readonly #byKind = new Map<number, Observer[]>();
  readonly #all: Observer[] = [];

  /** How many observations were made. */
  get count(): number {
    return this.#count;
  }

  /** Subscribes to one kind, or to all when `kind` is `undefined`. */
  subscribe(kind: ObservationKind | undefined, observer: Observer): void {
    if (kind === undefined) {
      this.#all.push(observer);
      return;
    }
    const observers = this.#byKind.get(kind.id);
    if (observers === undefined) this.#byKind.set(kind.id, [observer]);
    else observers.push(observer);
  }

  /** Records an observation; `a` and `b` are integers of at most 53 bits. */
  observe(atNs: number, kind: ObservationKind, node: number, a = 0, b = 0, text = ''): void {
    const digest = this.digest;
    digest.foldLong(atNs);
    digest.fold(kind.id);
    digest.fold(node);
    digest.foldLong(a);
    digest.foldLong(b);
    if (text !== '') digest.foldText(text);
    this.#count++;
    const observers = this.#byKind.get(kind.id);
    if (observers === undefined && this.#all.length === 0) return;
    const observation: Observation = { atNs, kind, node, a, b, text };
    if (observers !== undefined) for (const observer of observers) observer(observation);
    for (const observer of this.#all) observer(observation);
  }
}
