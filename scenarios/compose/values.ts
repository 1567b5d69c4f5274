/**
 * The values of stack files that have several spellings, as zod types: lists or mappings, commands,
 * numbers that interpolation left as text, sizes and CPUs (docker/cli `cli/compose/loader`:
 * `transformMappingOrList`, `transformStringList`, `units.RAMInBytes`).
 */
import { z } from 'zod';
import type { Labels } from '../../manager/objects/meta.ts';
import { parseDuration } from '../../sim/time.ts';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], {
  error: 'expected a text, a number or a boolean',
});

/** A text; numbers become texts, as upstream casts them. */
export const text = z
  .union([z.string(), z.number()], { error: 'expected a text' })
  .transform(String);

/** An integer that may have come out of a variable. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER) {
  const wanted = `a whole number from ${minimum}${maximum === Number.MAX_SAFE_INTEGER ? ' on' : ` to ${maximum}`}`;
  return z
    .union([z.number(), z.string()], { error: `expected ${wanted}` })
    .transform((input, context) => {
      const value = typeof input === 'number' ? input : /^-?\d+$/.test(input) ? Number(input) : NaN;
      if (Number.isInteger(value) && value >= minimum && value <= maximum) return value;
      context.addIssue({ code: 'custom', message: `'${input}' is not ${wanted}` });
      return z.NEVER;
    });
}

/** A number that may have come out of a variable. */
export const decimal = z
  .union([z.number(), z.string()], { error: 'expected a number' })
  .transform((input, context) => {
    const value = typeof input === 'number' ? input : input.trim() === '' ? NaN : Number(input);
    if (Number.isFinite(value) && value >= 0) return value;
    context.addIssue({ code: 'custom', message: `'${input}' is not a number from 0 on` });
    return z.NEVER;
  });

/** A boolean that may have come out of a variable. */
export const flag = z
  .union([z.boolean(), z.string()], { error: 'expected true or false' })
  .transform((input, context) => {
    if (typeof input === 'boolean') return input;
    if (/^(true|yes|on|y)$/i.test(input)) return true;
    if (/^(false|no|off|n)$/i.test(input)) return false;
    context.addIssue({ code: 'custom', message: `'${input}' is neither true nor false` });
    return z.NEVER;
  });

/** A list of texts. */
export const texts = z.array(text, { error: 'expected a list' });

/** One text or a list of them. */
export const textOrTexts = z
  .union([text, texts], { error: 'expected a text or a list of texts' })
  .transform((input) => (typeof input === 'string' ? [input] : input));

/** A mapping, or a list of `name=value`; a name without a value maps to `null`. */
const mappingOrList = z
  .union([z.record(z.string(), scalar), z.array(text)], {
    error: 'expected a mapping, or a list of name=value',
  })
  .transform((input): Map<string, string | null> => {
    if (!Array.isArray(input)) {
      return new Map(
        Object.entries(input).map(([key, value]) => [key, value === null ? null : String(value)]),
      );
    }
    return new Map(
      input.map((entry) => {
        const equals = entry.indexOf('=');
        return equals < 0 ? [entry, null] : [entry.slice(0, equals), entry.slice(equals + 1)];
      }),
    );
  });

/** Labels and the like: a name without a value has the empty one. */
export const labels = mappingOrList.transform(
  (map): Labels => Object.fromEntries([...map].map(([key, value]) => [key, value ?? ''])),
);

/** Environment entries `NAME=value`, sorted; a name without a value is left out, as it is unset. */
export const environmentEntries = mappingOrList.transform((map) =>
  [...map].flatMap(([key, value]) => (value === null ? [] : [`${key}=${value}`])).sort(),
);

/** A command: a list of words, or one text that is split as a shell splits it. */
export const command = z
  .union([z.null(), text, texts], { error: 'expected a text or a list of texts' })
  .transform((input) => {
    if (input === null) return undefined;
    return typeof input === 'string' ? splitCommand(input) : input;
  });

/** Words of a command line: blanks separate, quotes hold together, a backslash escapes. */
export function splitCommand(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/gs)) {
    const word = match[0].replace(
      /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs,
      (_all, double?: string, single?: string, escaped?: string) =>
        double !== undefined ? double.replace(/\\(["\\$`])/g, '$1') : (single ?? escaped ?? ''),
    );
    words.push(word);
  }
  return words;
}

/** Bytes as Docker reads memory sizes: `50M`, `1.5GiB`, all units of 1024. */
export const memory = z
  .union([z.number(), z.string()], { error: 'expected a size, such as 50M' })
  .transform((input, context) => {
    const match = /^(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)(?:i?[bB])?$/.exec(String(input).trim());
    if (match !== null) {
      const power = ' kmgt'.indexOf(match[2] === '' ? ' ' : match[2]!.toLowerCase());
      return Math.round(Number(match[1]) * 1024 ** power);
    }
    context.addIssue({ code: 'custom', message: `'${input}' is not a size such as 50M` });
    return z.NEVER;
  });

/** True for what Go's `time.ParseDuration` takes, negative spans among them. */
export function isGoDuration(text: string): boolean {
  return parseDuration(text) !== undefined;
}
