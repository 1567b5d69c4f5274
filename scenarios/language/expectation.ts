/**
 * Expectations: sentences about what should come out, parsed to a small tree.
 *
 * ```
 * membership of worker-2 is dead everywhere within 15s of crash
 * membership of worker-2 is alive everywhere within 20s of restart
 * node worker-2 is down within 20s of crash
 * service vote is healthy within 30s of crash
 * networkdb converges within 15s of heal
 * traffic votes loses at most 5%
 * traffic votes loses at least 60%
 * traffic votes fails only by timeout
 * traffic votes p99 is at most 200ms
 * traffic votes recovers within 30s of crash
 * membership of worker-1 is never dead
 * node worker-1 is never down
 * no false positives
 * measure manager.nodeDown is at most 17s
 * checkers hold at end
 * checker members-agree fails at end
 * exec pings prints 3 received
 * exec pings exits with 0
 * ```
 * `of crash` names the first entry of the timeline with that verb, or the entry that is called so.
 * What has a deadline can be denied (`is not`, `does not converge`): it must not come true in time;
 * so can what a command does (`does not print`). Blanks count as one.
 */
import { parseDuration } from '../../sim/time.ts';
import { didYouMean } from './issue.ts';
import { parseRatio, parseSpan } from './quantities.ts';

/** What a deadline counts from: a verb of the timeline or the name of an entry. */
export interface Deadline {
  readonly withinNs: number;
  readonly of: string;
  /** Set when it must not come true within the span. */
  readonly isDenied?: true;
}

/** How requests fail. */
export const FAILURE_WORDS = ['refused', 'reset', 'timeout', 'unreachable', 'unresolved'] as const;
/** One of {@link FAILURE_WORDS}. */
export type FailureWord = (typeof FAILURE_WORDS)[number];

/** What a member can be held for. */
export const MEMBER_STATES = ['dead', 'alive', 'suspect', 'left'] as const;
/** One of {@link MEMBER_STATES}. */
export type MemberState = (typeof MEMBER_STATES)[number];

/** A parsed expectation. */
export type Expectation =
  | ({
      readonly kind: 'membership';
      readonly node: string;
      readonly state: MemberState;
      /** By every survivor, or by the first of them. */
      readonly everywhere: boolean;
    } & Deadline)
  | ({ readonly kind: 'node'; readonly node: string; readonly state: 'down' | 'ready' } & Deadline)
  | ({ readonly kind: 'service'; readonly service: string } & Deadline)
  | ({ readonly kind: 'networkdb' } & Deadline)
  | { readonly kind: 'neverHeld'; readonly node: string; readonly state: MemberState }
  | { readonly kind: 'neverSaid'; readonly node: string; readonly state: 'down' }
  | {
      readonly kind: 'trafficLoss';
      readonly traffic: string;
      readonly bound: 'most' | 'least';
      readonly ratio: number;
    }
  | { readonly kind: 'trafficFailure'; readonly traffic: string; readonly outcome: FailureWord }
  | {
      readonly kind: 'trafficLatency';
      readonly traffic: string;
      readonly quantile: number;
      readonly atMostNs: number;
    }
  | ({ readonly kind: 'trafficRecovery'; readonly traffic: string } & Deadline)
  | { readonly kind: 'falsePositives' }
  | {
      readonly kind: 'measure';
      readonly measure: string;
      readonly bound: 'most' | 'least';
      readonly value: number;
    }
  | {
      readonly kind: 'execPrints';
      readonly command: string;
      readonly text: string;
      readonly isDenied?: true;
    }
  | {
      readonly kind: 'execExits';
      readonly command: string;
      readonly status: number;
      readonly isDenied?: true;
    }
  | { readonly kind: 'checkers' }
  | { readonly kind: 'checker'; readonly checker: CheckerName; readonly holds: boolean };

/** A sentence that is none, and what may have been meant. */
export interface ExpectationError {
  readonly error: string;
  readonly hint: string;
}

/** The checkers of the simulation, as sentences and reports call them. */
export const CHECKER_NAMES = [
  'members-agree',
  'tables-agree',
  'addresses-are-unique',
  'names-lead-to-running-tasks',
  'peers-are-programmed',
] as const;
/** One of {@link CHECKER_NAMES}. */
export type CheckerName = (typeof CHECKER_NAMES)[number];

interface Form {
  readonly words: string;
  readonly build: (match: Readonly<Record<string, string>>) => Expectation | ExpectationError;
}

const FORMS: readonly Form[] = [
  {
    words: 'membership of <node> is <state> <scope?> within <span> of <event>',
    build: (m) => {
      const state = memberStateOf(m['state']!);
      if (typeof state !== 'string') return state;
      const scope = m['scope'] ?? 'everywhere';
      if (scope !== 'everywhere' && scope !== 'somewhere') {
        const hint = didYouMean(scope, ['everywhere', 'somewhere']);
        return { error: `'${scope}' does not say where`, hint };
      }
      const everywhere = scope === 'everywhere';
      return withDeadline(m, { kind: 'membership', node: m['node']!, state, everywhere });
    },
  },
  {
    words: 'membership of <node> is never <state>',
    build: (m) => {
      const state = memberStateOf(m['state']!);
      if (typeof state !== 'string') return state;
      return { kind: 'neverHeld', node: m['node']!, state };
    },
  },
  {
    words: 'node <node> is never down',
    build: (m) => ({ kind: 'neverSaid', node: m['node']!, state: 'down' }),
  },
  {
    words: 'node <node> is <state> within <span> of <event>',
    build: (m) => {
      const state = m['state'];
      if (state !== 'down' && state !== 'ready') {
        return { error: `a node is never '${state}'`, hint: didYouMean(state!, ['down', 'ready']) };
      }
      return withDeadline(m, { kind: 'node', node: m['node']!, state });
    },
  },
  {
    words: 'service <service> is healthy within <span> of <event>',
    build: (m) => withDeadline(m, { kind: 'service', service: m['service']! }),
  },
  {
    words: 'networkdb converges within <span> of <event>',
    build: (m) => withDeadline(m, { kind: 'networkdb' }),
  },
  {
    words: 'traffic <traffic> recovers within <span> of <event>',
    build: (m) => withDeadline(m, { kind: 'trafficRecovery', traffic: m['traffic']! }),
  },
  {
    words: 'traffic <traffic> loses at <bound> <ratio>',
    build: (m) => {
      const bound = boundOf(m['bound']!);
      if (typeof bound !== 'string') return bound;
      const ratio = parseRatio(m['ratio']!);
      if (typeof ratio !== 'number') return { error: ratio.error, hint: 'such as 5%' };
      return { kind: 'trafficLoss', traffic: m['traffic']!, bound, ratio };
    },
  },
  {
    words: 'traffic <traffic> fails only by <outcome>',
    build: (m) => {
      const outcome = FAILURE_WORDS.find((word) => word === m['outcome']);
      if (outcome !== undefined) {
        return { kind: 'trafficFailure', traffic: m['traffic']!, outcome };
      }
      const hint = didYouMean(m['outcome']!, FAILURE_WORDS);
      return { error: `requests do not fail by '${m['outcome']}'`, hint };
    },
  },
  {
    words: 'traffic <traffic> <quantile> is at most <span>',
    build: (m) => {
      const quantile = /^p(\d{1,2}(?:\.\d+)?)$/.exec(m['quantile']!);
      if (quantile === null) {
        return {
          error: `'${m['quantile']}' is not a percentile`,
          hint: 'such as p50, p99 or p99.9',
        };
      }
      const atMostNs = spanOf(m['span']!);
      if (typeof atMostNs !== 'number') return atMostNs;
      return {
        kind: 'trafficLatency',
        traffic: m['traffic']!,
        quantile: Number(`${quantile[1]}e-2`),
        atMostNs,
      };
    },
  },
  { words: 'no false positives', build: () => ({ kind: 'falsePositives' }) },
  {
    words: 'measure <measure> is at <bound> <value>',
    build: (m) => {
      const bound = boundOf(m['bound']!);
      if (typeof bound !== 'string') return bound;
      const text = m['value']!;
      const spanNs = parseDuration(text);
      const isPercent = /^-?\d+(\.\d+)?%$/.test(text);
      const value = spanNs ?? (isPercent ? Number.parseFloat(text) / 100 : Number(text));
      if (Number.isNaN(value)) return { error: `'${text}' is no value`, hint: 'such as 17s or 5%' };
      return { kind: 'measure', measure: m['measure']!, bound, value };
    },
  },
  {
    words: 'exec <command> prints <text+>',
    build: (m) => {
      const text = m['text']!.replace(/^(["'])(.*)\1$/, '$2');
      return { kind: 'execPrints', command: m['command']!, text };
    },
  },
  {
    words: 'exec <command> exits with <status>',
    build: (m) => {
      const status = Number(m['status']);
      if (Number.isInteger(status)) return { kind: 'execExits', command: m['command']!, status };
      return { error: `'${m['status']}' is no exit status`, hint: 'a number from 0 to 255' };
    },
  },
  { words: 'checkers hold at end', build: () => ({ kind: 'checkers' }) },
  {
    words: 'checker <checker> <verb> at end',
    build: (m) => {
      const checker = CHECKER_NAMES.find((name) => name === m['checker']);
      if (checker === undefined) {
        const hint = didYouMean(m['checker']!, CHECKER_NAMES);
        return { error: `there is no checker '${m['checker']}'`, hint };
      }
      const verb = m['verb']!;
      if (verb !== 'holds' && verb !== 'fails') {
        const hint = didYouMean(verb, ['holds', 'fails']);
        return { error: `a checker does not '${verb}'`, hint };
      }
      return { kind: 'checker', checker, holds: verb === 'holds' };
    },
  },
];

/** Every form of a sentence, for help and hints. */
export const EXPECTATION_FORMS: readonly string[] = FORMS.map((form) => form.words);

/** Parses one sentence. */
export function parseExpectation(sentence: string): Expectation | ExpectationError {
  const { words, isDenied } = withoutDenial(sentence.trim().split(/\s+/));
  if (isDenied) {
    const meaning = parseExpectation(words.join(' '));
    if ('error' in meaning) return meaning;
    if ('withinNs' in meaning || 'command' in meaning) return { ...meaning, isDenied };
    return { error: `cannot read '${sentence}'`, hint: 'only what has a deadline can be denied' };
  }
  let best: { form: Form; matched: number } | undefined;
  for (const form of FORMS) {
    const { match, matched } = matchWords(form.words.split(' '), words);
    if (match !== undefined) return form.build(match);
    if (best === undefined || matched > best.matched) best = { form, matched };
  }
  if (best === undefined || best.matched === 0) {
    const starts = [...new Set(FORMS.map((form) => form.words.split(' ')[0]!))];
    return { error: `cannot read '${sentence}'`, hint: didYouMean(words[0] ?? '', starts) };
  }
  return { error: `cannot read '${sentence}'`, hint: `expected: ${best.form.words}` };
}

/** Takes `not` out of `is not dead`, and `does not` out of `does not converge`. */
function withoutDenial(words: readonly string[]): { words: string[]; isDenied: boolean } {
  const at = words.indexOf('not');
  const before = words[at - 1];
  if (before === 'is') return { words: words.filter((_, i) => i !== at), isDenied: true };
  const verb = words[at + 1];
  if (before !== 'does' || verb === undefined) return { words: [...words], isDenied: false };
  const positive = [...words.slice(0, at - 1), `${verb}s`, ...words.slice(at + 2)];
  return { words: positive, isDenied: true };
}

function memberStateOf(word: string): MemberState | ExpectationError {
  const state = MEMBER_STATES.find((s) => s === word);
  if (state !== undefined) return state;
  return { error: `a member is never '${word}'`, hint: didYouMean(word, MEMBER_STATES) };
}

function boundOf(word: string): 'most' | 'least' | ExpectationError {
  if (word === 'most' || word === 'least') return word;
  return { error: `'at ${word}' is no bound`, hint: didYouMean(word, ['most', 'least']) };
}

function matchWords(
  pattern: readonly string[],
  words: readonly string[],
): { match: Record<string, string> | undefined; matched: number } {
  const match: Record<string, string> = {};
  let at = 0;
  for (let i = 0; i < pattern.length; i++) {
    const part = pattern[i]!;
    const word = words[at];
    const slot = /^<(\w+)([?+]?)>$/.exec(part);
    if (slot !== null) {
      if (slot[2] === '?' && word === pattern[i + 1]) continue;
      if (word === undefined) return { match: undefined, matched: at };
      if (slot[2] === '+') {
        match[slot[1]!] = words.slice(at).join(' ');
        return { match, matched: words.length };
      }
      match[slot[1]!] = word;
    } else if (word !== part) {
      return { match: undefined, matched: at };
    }
    at++;
  }
  return at === words.length ? { match, matched: at } : { match: undefined, matched: at };
}

function spanOf(text: string): number | ExpectationError {
  const spanNs = parseSpan(text);
  if (typeof spanNs === 'number') return spanNs;
  return { error: spanNs.error, hint: spanNs.hint ?? 'such as 15s' };
}

type WithoutDeadline<T> = T extends Deadline ? Omit<T, keyof Deadline> : never;

function withDeadline(
  match: Readonly<Record<string, string>>,
  rest: WithoutDeadline<Expectation>,
): Expectation | ExpectationError {
  const withinNs = spanOf(match['span']!);
  if (typeof withinNs !== 'number') return withinNs;
  return { ...rest, withinNs, of: match['event']! } as Expectation;
}
