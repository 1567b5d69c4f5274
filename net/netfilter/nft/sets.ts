/**
 * Named sets of nftables: addresses, ports or interface names that rules ask for as `@name`, with
 * intervals and elements that expire. Mirrors nftables' `src/evaluate.c` and `src/expression.c`, and
 * net/netfilter/nft_set_*.c.
 */
import { MILLISECOND_NS, SECOND_NS } from '../../../sim/time.ts';
import { parseMaskedAddress } from '../options.ts';
import { parsePort } from '../protocols.ts';
import type { Word, WordReader } from './words.ts';

/** What sets hold; nft's names of the types. */
const TYPES = ['ipv4_addr', 'inet_service', 'ifname'] as const;
/** See {@link TYPES}. */
export type SetType = (typeof TYPES)[number];
const FLAGS = ['constant', 'dynamic', 'interval', 'timeout'] as const;

const NO_SUCH_ELEMENT = 'Could not process rule: No such file or directory';
const EXISTS = 'Could not process rule: File exists';
/** Elements in one line of `list set`; the rest goes to the next. */
const PER_LINE: Readonly<Record<SetType, number>> = { ipv4_addr: 2, inet_service: 5, ifname: 1 };

/** Numbers from `min` to `max`, or an interface's name. */
interface Element {
  readonly min: number;
  readonly max: number;
  readonly name: string;
  /** 0 for one that stays. */
  readonly timeoutNs: number;
  readonly expiresAtNs: number;
}

/** One named set. */
export class NftSet {
  readonly name: string;
  readonly handle: number;
  readonly type: SetType;
  readonly #flags: readonly string[];
  /** How long elements stay that do not say so themselves; 0 for ever. */
  readonly #timeoutNs: number;
  #elements: Element[] = [];

  constructor(
    name: string,
    handle: number,
    type: SetType,
    flags: readonly string[],
    timeoutNs: number,
  ) {
    this.name = name;
    this.handle = handle;
    this.type = type;
    this.#flags = flags;
    this.#timeoutNs = timeoutNs;
  }

  /** True when an element is, or holds, the value. */
  has(value: number | string, nowNs: number): boolean {
    const isName = typeof value === 'string';
    for (const { min, max, name, expiresAtNs } of this.#elements) {
      if (expiresAtNs <= nowNs) continue;
      if (isName ? name === value : value >= min && value <= max) return true;
    }
    return false;
  }

  /** `{ 10.0.0.1, 10.0.0.2 timeout 30m }`, all of it or nothing. */
  add(reader: WordReader, nowNs: number, mustBeNew: boolean): void {
    const before = this.#living(nowNs);
    const elements = [...before];
    for (const { word, timeoutNs } of takeElements(reader)) {
      const spanNs = timeoutNs ?? this.#timeoutNs;
      const expiresAtNs = spanNs === 0 ? Number.POSITIVE_INFINITY : nowNs + spanNs;
      const element = { ...this.#parse(reader, word), timeoutNs: spanNs, expiresAtNs };
      const known = elements.find((other) => isSame(other, element));
      if (known !== undefined) {
        if (mustBeNew) throw reader.problem(EXISTS, word);
        continue;
      }
      const overlaps = ({ min, max }: Element) => element.min <= max && min <= element.max;
      if (this.type !== 'ifname' && elements.some(overlaps)) {
        throw reader.problem('interval overlaps with an existing one', word);
      }
      elements.push(element);
    }
    this.#elements = elements;
  }

  /** Removes elements, all of them or none. */
  delete(reader: WordReader, nowNs: number): void {
    let left = this.#living(nowNs);
    for (const { word } of takeElements(reader)) {
      const gone = this.#parse(reader, word);
      const kept = left.filter((element) => !isSame(element, gone));
      if (kept.length === left.length) throw reader.problem(NO_SUCH_ELEMENT, word);
      left = kept;
    }
    this.#elements = left;
  }

  /** `nft flush set` */
  flush(): void {
    this.#elements = [];
  }

  /** Remembers the elements; what is returned puts them back. */
  savepoint(): () => void {
    const before = this.#elements;
    return () => {
      this.#elements = before;
    };
  }

  /** As `nft list set` prints it, within its table. */
  text(nowNs: number, hasHandles: boolean): string {
    const handle = hasHandles ? ` # handle ${this.handle}` : '';
    let text = `\tset ${this.name} {${handle}\n\t\ttype ${this.type}\n`;
    const shown = this.#flags.filter((flag) => flag !== 'timeout' || this.#timeoutNs === 0);
    if (shown.length > 0) text += `\t\tflags ${shown.join(',')}\n`;
    if (this.#timeoutNs > 0) text += `\t\ttimeout ${spanText(this.#timeoutNs)}\n`;
    const elements = this.#living(nowNs).sort(compareElements);
    if (elements.length > 0) text += `\t\telements = { ${this.#list(elements, nowNs)} }\n`;
    return `${text}\t}\n`;
  }

  #list(elements: readonly Element[], nowNs: number): string {
    const texts = elements.map((element) => {
      const { timeoutNs, expiresAtNs } = element;
      if (timeoutNs === 0) return this.#elementText(element);
      const own = timeoutNs === this.#timeoutNs ? '' : ` timeout ${spanText(timeoutNs)}`;
      return `${this.#elementText(element)}${own} expires ${spanText(expiresAtNs - nowNs)}`;
    });
    const lines: string[] = [];
    for (let at = 0; at < texts.length; at += PER_LINE[this.type]) {
      lines.push(texts.slice(at, at + PER_LINE[this.type]).join(', '));
    }
    return lines.join(',\n\t\t\t     ');
  }

  #elementText({ min, max, name }: Element): string {
    if (this.type === 'ifname') return `"${name}"`;
    if (this.type === 'inet_service') return min === max ? `${min}` : `${min}-${max}`;
    const bits = Math.log2(max - min + 1);
    const isPrefix = Number.isInteger(bits) && min % 2 ** bits === 0;
    if (isPrefix) return bits === 0 ? dotted(min) : `${dotted(min)}/${32 - bits}`;
    return `${dotted(min)}-${dotted(max)}`;
  }

  #living(nowNs: number): Element[] {
    return this.#elements.filter(({ expiresAtNs }) => expiresAtNs > nowNs);
  }

  #parse(reader: WordReader, word: Word): Pick<Element, 'min' | 'max' | 'name'> {
    if (this.type === 'ifname') return { min: 0, max: 0, name: word.text };
    const isRange = word.text.includes('-') && !/[a-z]/.test(word.text);
    const [first = '', last = first] = isRange ? word.text.split('-') : [word.text];
    const ends = [first, last].map((text) => this.#valueOf(reader, word, text));
    const [min, max] = [ends[0]!.min, ends[1]!.max];
    if (min !== max && !this.#flags.includes('interval')) {
      const what = isRange ? 'range' : 'prefix';
      const flag = "You must add 'flags interval' to your set declaration";
      throw reader.problem(`${flag} if you want to add ${what} elements`, word);
    }
    return { min, max, name: '' };
  }

  #valueOf(reader: WordReader, word: Word, text: string): { min: number; max: number } {
    if (this.type === 'inet_service') {
      const port = parsePort(text);
      if (port !== undefined) return { min: port, max: port };
      const message = 'Could not resolve service: Servname not supported for ai_socktype';
      throw reader.problem(message, word);
    }
    const network = parseMaskedAddress(text);
    if (typeof network === 'string') {
      throw reader.problem('Could not resolve hostname: Name or service not known', word);
    }
    const { address, mask } = network;
    return { min: address, max: (address | ~mask) >>> 0 };
  }
}

/** Reads `{ type ipv4_addr; flags interval; elements = { … } }` and makes the set. */
export function readSet(
  reader: WordReader,
  name: string,
  nextHandle: () => number,
  nowNs: number,
): NftSet {
  reader.must('{');
  let type: SetType | undefined;
  const flags: string[] = [];
  let timeoutNs = 0;
  let fill: ((set: NftSet) => void) | undefined;
  while (!reader.takeIf('}')) {
    if (reader.takeIf('type')) {
      const word = reader.take();
      type = TYPES.find((each) => each === word.text);
      if (type === undefined) throw reader.problem(`unknown datatype ${word.text}`, word);
    } else if (reader.takeIf('flags')) {
      do {
        const word = reader.take();
        if (!FLAGS.some((flag) => flag === word.text)) {
          throw reader.problem(`syntax error, unexpected ${word.text}`, word);
        }
        flags.push(word.text);
      } while (reader.takeIf(','));
    } else if (reader.takeIf('timeout')) timeoutNs = takeSpanNs(reader);
    else if (reader.takeIf('elements')) {
      reader.must('=');
      const own = reader.takeBlock();
      fill = (set) => set.add(own, nowNs, false);
    } else if (reader.takeIf('size') || reader.takeIf('gc-interval')) reader.take();
    else reader.must('auto-merge');
    reader.takeIf(';');
  }
  if (type === undefined) throw reader.problem('set definition does not specify key');
  const inOrder = FLAGS.filter((flag) => flags.includes(flag));
  const set = new NftSet(name, nextHandle(), type, inOrder, timeoutNs);
  fill?.(set);
  return set;
}

function takeElements(reader: WordReader): { word: Word; timeoutNs: number | undefined }[] {
  reader.must('{');
  const elements: { word: Word; timeoutNs: number | undefined }[] = [];
  while (!reader.takeIf('}')) {
    const word = reader.take();
    const timeoutNs = reader.takeIf('timeout') ? takeSpanNs(reader) : undefined;
    if (reader.takeIf('expires')) takeSpanNs(reader);
    elements.push({ word, timeoutNs });
    reader.takeIf(',');
  }
  return elements;
}

/** `1d2h3m4s5ms`, in ns. */
function takeSpanNs(reader: WordReader): number {
  const word = reader.take();
  const found = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(word.text);
  const parts = found?.slice(1).map((part) => Number(part ?? 0)) ?? [Number(word.text) / 86_400];
  if (word.text === '' || parts.some(Number.isNaN)) throw reader.unexpected();
  const [days = 0, hours = 0, minutes = 0, seconds = 0, milliseconds = 0] = parts;
  const whole = days * 86_400 + hours * 3600 + minutes * 60 + seconds;
  return Math.round(whole * SECOND_NS) + milliseconds * MILLISECOND_NS;
}

/** `29m59s912ms` */
function spanText(spanNs: number): string {
  const milliseconds = Math.floor(spanNs / MILLISECOND_NS);
  const seconds = Math.floor(milliseconds / 1000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
    [milliseconds % 1000, 'ms'],
  ];
  return parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('');
}

function isSame(a: Pick<Element, 'min' | 'max' | 'name'>, b: typeof a): boolean {
  return a.min === b.min && a.max === b.max && a.name === b.name;
}

/** By number; names by length and then from the last letter on, as nft compares them. */
function compareElements(a: Element, b: Element): number {
  if (a.min !== b.min) return a.min - b.min;
  if (a.name.length !== b.name.length) return a.name.length - b.name.length;
  for (let i = a.name.length - 1; i >= 0; i--) {
    if (a.name[i] !== b.name[i]) return a.name[i]! < b.name[i]! ? -1 : 1;
  }
  return 0;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
