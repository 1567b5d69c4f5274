/**
 * The environment of services: what their `env_file`s say, over it what `environment` says, a name
 * without a value having that of the tool's own variables (compose-go
 * `WithServicesEnvironmentResolved`, docker/cli `resolveEnvironment`).
 */
import type { YamlPath } from '../language/located-yaml.ts';
import { type Environment, parseEnvFile } from './env-file.ts';
import { isMapping } from './merge.ts';

type Mapping = Record<string, unknown>;

/** What is needed to read the files. */
export interface EnvironmentSource {
  readonly variables: Environment;
  /** A file by the path that the service gives; the path in full, and `undefined` when there is none. */
  read(path: string): { readonly path: string; readonly text: string | undefined };
  complain(at: YamlPath, message: string): void;
}

/** A file whose services have all of their environment under `environment`. */
export function withEnvironments(value: Mapping, source: EnvironmentSource): Mapping {
  const { services } = value;
  if (!isMapping(services)) return value;
  const resolved = Object.entries(services).map(([name, service]) => {
    if (!isMapping(service)) return [name, service];
    if (service['environment'] === undefined && service['env_file'] === undefined) {
      return [name, service];
    }
    const own = ownOf(service['environment'], source.variables);
    const files = filesOf(name, service['env_file'], own, source);
    return [name, { ...service, environment: { ...files, ...own } }];
  });
  return { ...value, services: Object.fromEntries(resolved) };
}

function ownOf(environment: unknown, variables: Environment): Mapping {
  const entries: (readonly [string, unknown])[] = Array.isArray(environment)
    ? environment.map((entry) => pairOf(String(entry)))
    : Object.entries(isMapping(environment) ? environment : {});
  return Object.fromEntries(
    entries.flatMap(([name, value]) => {
      if (value !== null && value !== undefined) return [[name, String(value)]];
      return Object.hasOwn(variables, name) ? [[name, variables[name]]] : [];
    }),
  );
}

function pairOf(entry: string): readonly [string, string | null] {
  const at = entry.indexOf('=');
  return at < 0 ? [entry, null] : [entry.slice(0, at), entry.slice(at + 1)];
}

function filesOf(
  service: string,
  files: unknown,
  own: Mapping,
  source: EnvironmentSource,
): Mapping {
  const given = { ...source.variables, ...(own as Environment) };
  let variables: Environment = {};
  for (const entry of [files ?? []].flat()) {
    const { path: wanted, required = true } = isMapping(entry) ? entry : { path: entry };
    const { path, text } = source.read(String(wanted));
    const at = ['services', service, 'env_file'];
    if (text === undefined) {
      const missing = `stat ${path}: no such file or directory`;
      if (required !== false) source.complain(at, `env file ${path} not found: ${missing}`);
      continue;
    }
    const parsed = parseEnvFile(text, given);
    if ('error' in parsed) source.complain(at, `failed to read ${path}: ${parsed.error}`);
    else variables = { ...variables, ...parsed.variables };
  }
  return variables;
}
