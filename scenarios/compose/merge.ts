/**
 * How `docker compose` lays one file over another, and a service over the one that it extends
 * (compose-go `override/merge.go`, `uncity.go`): mappings are merged, lists are joined, and the keys
 * that are listed here have a way of their own.
 */

type Mapping = Record<string, unknown>;
type Merger = (base: unknown, over: unknown, at: Place) => unknown;

/** Where in the file a merge is, and what has gone wrong so far. */
interface Place {
  readonly path: readonly string[];
  readonly problems: string[];
}

/** By path; `*` stands for any key. */
const SPECIALS: Readonly<Record<string, Merger>> = {
  'networks.*.ipam.config': mergeIpam,
  'networks.*.labels': asSequence,
  'services.*.command': override,
  'services.*.depends_on': (base, over, at) =>
    mergeMappings(dependenciesOf(base), dependenciesOf(over), at),
  'services.*.deploy.labels': asSequence,
  'services.*.dns': asSequence,
  'services.*.dns_opt': asSequence,
  'services.*.dns_search': asSequence,
  'services.*.entrypoint': override,
  'services.*.env_file': asSequence,
  'services.*.environment': asSequence,
  'services.*.extra_hosts': asSequence,
  'services.*.healthcheck.test': override,
  'services.*.labels': asSequence,
  'services.*.logging': mergeLogging,
  'services.*.networks': (base, over, at) => mergeMappings(namesOf(base), namesOf(over), at),
  'services.*.ports': (base, over) => [
    ...new Map([...listOf(base), ...listOf(over)].map((port) => [portKey(port), port])).values(),
  ],
  'services.*.sysctls': asSequence,
  'services.*.tmpfs': asSequence,
};

/** What came of a merge; the first thing that could not be laid over another. */
export interface Merged {
  readonly value: Mapping;
  readonly problem: string | undefined;
}

/** Lays `over` over `base`; neither is changed. */
export function mergeFiles(base: Mapping, over: Mapping): Merged {
  return merge(base, over, []);
}

/** Lays a service over the one that it extends. */
export function mergeService(base: Mapping, over: Mapping): Merged {
  return merge(base, over, ['services', '*']);
}

function merge(base: Mapping, over: Mapping, path: readonly string[]): Merged {
  const problems: string[] = [];
  const value = mergeMappings(base, over, { path, problems });
  return { value, problem: problems[0] };
}

function mergeValues(base: unknown, over: unknown, at: Place): unknown {
  const special = specialOf(at.path);
  if (special !== undefined) return special(base, over, at);
  if (over === null || over === undefined) return base;
  if (isMapping(base) && isMapping(over)) return mergeMappings(base, over, at);
  if (Array.isArray(base) && Array.isArray(over)) return [...base, ...over];
  if (!isMapping(base) && !Array.isArray(base)) return over;
  at.problems.push(`cannot override ${at.path.join('.')}`);
  return base;
}

function mergeMappings(base: Mapping, over: Mapping, { path, problems }: Place): Mapping {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const at = { path: [...path, key], problems };
    merged[key] = Object.hasOwn(base, key) ? mergeValues(base[key], value, at) : value;
  }
  return merged;
}

function specialOf(path: readonly string[]): Merger | undefined {
  const generic = path.map((part, i) => (i === 1 ? '*' : part)).join('.');
  return Object.hasOwn(SPECIALS, generic) ? SPECIALS[generic] : undefined;
}

function override(_base: unknown, over: unknown): unknown {
  return over;
}

/** A mapping as `name=value`, in the order of the names; lists and single texts as they are. */
function asSequence(base: unknown, over: unknown): unknown[] {
  return [...sequenceOf(base), ...sequenceOf(over)];
}

function sequenceOf(value: unknown): unknown[] {
  if (!isMapping(value)) return listOf(value);
  return Object.entries(value)
    .flatMap(([key, own]) => (own === null ? [key] : listOf(own).map((each) => `${key}=${each}`)))
    .sort();
}

function dependenciesOf(value: unknown): Mapping {
  if (isMapping(value)) return value;
  const started = { condition: 'service_started', required: true };
  return Object.fromEntries(listOf(value).map((name) => [String(name), started]));
}

function namesOf(value: unknown): Mapping {
  if (isMapping(value)) return value;
  return Object.fromEntries(listOf(value).map((name) => [String(name), null]));
}

/** Options of a driver are merged with those of the same one. */
function mergeLogging(base: unknown, over: unknown, at: Place): unknown {
  if (!isMapping(base) || !isMapping(over)) return over;
  const isSame = base['driver'] === over['driver'];
  const isOpen = base['driver'] === undefined || over['driver'] === undefined;
  return isSame || isOpen ? mergeMappings(base, over, at) : over;
}

/** Configurations of one subnet are merged. */
function mergeIpam(base: unknown, over: unknown, at: Place): unknown[] {
  const merged = new Map<unknown, Mapping>();
  for (const config of [...listOf(base), ...listOf(over)].filter(isMapping)) {
    const known = merged.get(config['subnet']);
    merged.set(config['subnet'], known === undefined ? config : mergeMappings(known, config, at));
  }
  return [...merged.values()];
}

/** What makes two ports the same one. */
function portKey(port: unknown): string {
  if (!isMapping(port)) return String(port);
  const { host_ip: address = '', published = '', target, protocol = 'tcp' } = port;
  return `${address}:${published}:${target}/${protocol}`;
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return value === null || value === undefined ? [] : [value];
}

/** True for a YAML mapping. */
export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
