/**
 * What becomes of texts, out of variables mostly, where the format wants a number or a boolean
 * (docker/cli `cli/compose/loader/interpolate.go`, compose-go `loader/interpolate.go`). Any other
 * stays a text, and the schema says what it thinks of that.
 */
import type { YamlPath } from '../language/located-yaml.ts';

type Kind = 'integer' | 'float' | 'boolean';

/** Paths with `*` for any part, and what stands there. */
export type Casts = ReadonlyMap<string, Kind>;

/** What a text was cast to, or Go's complaint. */
export type Cast = { readonly value: unknown } | { readonly error: string };

const BOTH: readonly (readonly [Kind, readonly string[]])[] = [
  [
    'integer',
    [
      'services.*.healthcheck.retries',
      'services.*.deploy.replicas',
      'services.*.deploy.update_config.parallelism',
      'services.*.deploy.rollback_config.parallelism',
      'services.*.deploy.restart_policy.max_attempts',
      'services.*.deploy.placement.max_replicas_per_node',
      'services.*.ports.*.target',
      'services.*.ulimits.*',
      'services.*.ulimits.*.hard',
      'services.*.ulimits.*.soft',
      'services.*.oom_score_adj',
    ],
  ],
  [
    'float',
    [
      'services.*.deploy.update_config.max_failure_ratio',
      'services.*.deploy.rollback_config.max_failure_ratio',
    ],
  ],
  [
    'boolean',
    [
      'services.*.healthcheck.disable',
      'services.*.privileged',
      'services.*.read_only',
      'services.*.stdin_open',
      'services.*.tty',
      'services.*.volumes.*.read_only',
      'services.*.volumes.*.volume.nocopy',
      'networks.*.external',
      'networks.*.internal',
      'networks.*.attachable',
      'volumes.*.external',
      'secrets.*.external',
      'configs.*.external',
    ],
  ],
];

/** Those of `docker stack deploy`. */
export const STACK_CASTS: Casts = castsOf([
  ...BOTH,
  [
    'integer',
    ['services.*.configs.*.mode', 'services.*.secrets.*.mode', 'services.*.ports.*.published'],
  ],
]);

/** Those of `docker compose`. */
export const COMPOSE_CASTS: Casts = castsOf([
  ...BOTH,
  [
    'integer',
    [
      'services.*.cpu_count',
      'services.*.cpu_period',
      'services.*.cpu_quota',
      'services.*.cpu_rt_period',
      'services.*.cpu_rt_runtime',
      'services.*.cpu_shares',
      'services.*.pids_limit',
      'services.*.scale',
    ],
  ],
  ['float', ['services.*.cpu_percent', 'services.*.cpus']],
  [
    'boolean',
    [
      'services.*.init',
      'services.*.depends_on.*.required',
      'services.*.depends_on.*.restart',
      'services.*.oom_kill_disable',
      'networks.*.enable_ipv4',
      'networks.*.enable_ipv6',
    ],
  ],
]);

function castsOf(lists: readonly (readonly [Kind, readonly string[]])[]): Casts {
  return new Map(lists.flatMap(([kind, paths]) => paths.map((path) => [path, kind])));
}

/** Casts the text at a path; `undefined` where texts stay texts. */
export function castAt(casts: Casts, path: YamlPath, text: string): Cast | undefined {
  for (const [pattern, kind] of casts) {
    const parts = pattern.split('.');
    if (parts.length !== path.length) continue;
    if (parts.every((part, i) => part === '*' || part === path[i])) return CASTS[kind](text);
  }
  return undefined;
}

const CASTS: Readonly<Record<Kind, (text: string) => Cast>> = {
  integer: (text) =>
    /^[+-]?\d+$/.test(text) ? { value: Number(text) } : syntaxError('Atoi', text),
  float: (text) =>
    text.trim() === text && text !== '' && Number.isFinite(Number(text))
      ? { value: Number(text) }
      : syntaxError('ParseFloat', text),
  boolean: (text) => {
    const word = text.toLowerCase();
    if (['y', 'yes', 'true', 'on'].includes(word)) return { value: true };
    if (['n', 'no', 'false', 'off'].includes(word)) return { value: false };
    return { error: `invalid boolean: ${text}` };
  },
};

function syntaxError(call: string, text: string): Cast {
  return { error: `strconv.${call}: parsing ${JSON.stringify(text)}: invalid syntax` };
}
