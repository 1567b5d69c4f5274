/**
 * From the files that `docker compose -f A -f B` is given to one: their variables, the services that
 * others extend, the files that they include, and each laid over the one before it (compose-go
 * `loader/loader.go`, `extends.go`, `include.go`).
 */
import type { Issue } from '../language/issue.ts';
import { LocatedYaml, type YamlPath, type YamlSource } from '../language/located-yaml.ts';
import { type Environment, parseEnvFile } from './env-file.ts';
import { COMPOSE_TEMPLATES, interpolateDocument } from './interpolate.ts';
import { isMapping, mergeFiles, mergeService } from './merge.ts';

type Mapping = Record<string, unknown>;

/** Where files come from. */
export interface FileAccess {
  /** The text of a file; `undefined` when there is none. */
  read(path: string): string | undefined;
  /** A path that is given relative to a file. */
  siblingOf(file: string, path: string): string;
  /** The variables that there are beside `.env` files; they go before those. */
  readonly environment: Environment;
}

/** One file made of several, which knows where each of its values stands. */
export class MergedYaml implements YamlSource {
  readonly value: Mapping;
  /** The variables that its files were read with. */
  readonly variables: Environment;
  /** The last one counts. */
  readonly #documents: readonly LocatedYaml[];

  constructor(value: Mapping, variables: Environment, documents: readonly LocatedYaml[]) {
    this.value = value;
    this.variables = variables;
    this.#documents = documents;
  }

  issueAt(path: YamlPath, code: string, message: string, hint = '', isWarning = false): Issue {
    return this.#documentOf(path).issueAt(path, code, message, hint, isWarning);
  }

  issueAtKey(
    path: YamlPath,
    key: string,
    code: string,
    message: string,
    hint = '',
    isWarning = false,
  ): Issue {
    const document = this.#documentOf([...path, key]);
    return document.issueAtKey(path, key, code, message, hint, isWarning);
  }

  /** The last file that has a value there, or the deepest mapping around it. */
  #documentOf(path: YamlPath): LocatedYaml {
    for (let depth = path.length; depth > 0; depth--) {
      const at = path.slice(0, depth);
      const found = this.#documents.findLast(({ value }) => hasPath(value, at));
      if (found !== undefined) return found;
    }
    return this.#documents[0]!;
  }
}

function hasPath(value: unknown, path: YamlPath): boolean {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return false;
    at = (at as Record<string | number, unknown>)[part];
  }
  return true;
}

/** Reads files into one; `undefined` when that is impossible. */
export function assemble(
  files: readonly string[],
  access: FileAccess,
  issues: Issue[],
): MergedYaml | undefined {
  return new Assembly(access, issues).merged(files);
}

/** A service that extends another one, for telling a circle. */
interface ExtendsStep {
  readonly file: string;
  readonly service: string;
}

/** One entry of `include`. */
interface Inclusion {
  readonly files: readonly string[];
  /** Where its `.env` is, if not beside its first file. */
  readonly directory: string | undefined;
  readonly envFiles: readonly string[];
}

/** The sections that are taken out of a file that is included. */
const IMPORTED = ['services', 'volumes', 'networks', 'secrets', 'configs', 'models'];

class Assembly {
  readonly #access: FileAccess;
  readonly #issues: Issue[];
  readonly #documents: LocatedYaml[] = [];

  constructor(access: FileAccess, issues: Issue[]) {
    this.#access = access;
    this.#issues = issues;
  }

  merged(files: readonly string[]): MergedYaml | undefined {
    const { environment, read, siblingOf } = this.#access;
    const beside = read(siblingOf(files[0]!, '.env')) === undefined ? [] : ['.env'];
    const own = this.#withEnvFiles(environment, beside, files[0]!, undefined);
    const value = own && this.#merge(files, own, []);
    if (own === undefined || value === undefined) return undefined;
    return new MergedYaml(value, own, this.#documents);
  }

  /** Files laid over each other; `including` are those that include them. */
  #merge(
    files: readonly string[],
    environment: Environment,
    including: readonly string[],
  ): Mapping | undefined {
    let merged: Mapping = {};
    for (const file of files) {
      const document = this.#read(file);
      const value = document && this.#interpolated(document, environment);
      if (document === undefined || value === undefined) return undefined;
      const own = this.#withInclusions(value, document, environment, [...including, file]);
      const extended = own && this.#withExtends(own, document);
      if (extended === undefined) return undefined;
      const next = mergeFiles(withoutPaths(merged, overridesOf(document)), extended);
      if (next.problem !== undefined) {
        this.#issues.push(document.issueAt([], 'cannot-merge', next.problem));
        return undefined;
      }
      merged = next.value;
    }
    return merged;
  }

  /** A file laid over what it includes. */
  #withInclusions(
    value: Mapping,
    document: LocatedYaml,
    environment: Environment,
    way: readonly string[],
  ): Mapping | undefined {
    const { include, ...own } = value;
    let merged: Mapping = own;
    for (const inclusion of inclusionsOf(include)) {
      const files = inclusion.files.map((path) => this.#access.siblingOf(document.file, path));
      const again = files.find((path) => way.includes(path));
      if (again !== undefined) {
        const circle = [...way, again].join('\n include ');
        const message = `include cycle detected:\n${circle}`;
        this.#issues.push(document.issueAt(['include'], 'include-cycle', message));
        return undefined;
      }
      const variables = this.#environmentOf(inclusion, files[0]!, document, environment);
      const included = variables && this.#merge(files, variables, way);
      if (included === undefined) return undefined;
      const imported = Object.fromEntries(
        Object.entries(included).filter(([section]) => IMPORTED.includes(section)),
      );
      const next = mergeFiles(withoutPaths(imported, overridesOf(document)), merged);
      if (next.problem !== undefined) {
        this.#issues.push(document.issueAt(['include'], 'cannot-merge', next.problem));
        return undefined;
      }
      merged = next.value;
    }
    return merged;
  }

  /** The variables of an included file: those of who includes it, and its own `.env`. */
  #environmentOf(
    { directory, envFiles }: Inclusion,
    first: string,
    document: LocatedYaml,
    environment: Environment,
  ): Environment | undefined {
    const { read, siblingOf } = this.#access;
    if (envFiles.length > 0) {
      const own = envFiles.filter((path) => path !== '/dev/null');
      return this.#withEnvFiles(environment, own, document.file, document);
    }
    const beside = directory === undefined ? first : siblingOf(document.file, `${directory}/.`);
    const hasOne = read(siblingOf(beside, '.env')) !== undefined;
    return this.#withEnvFiles(environment, hasOne ? ['.env'] : [], beside, document);
  }

  /** Variables, and those of files beside them, of which the last counts. */
  #withEnvFiles(
    environment: Environment,
    paths: readonly string[],
    beside: string,
    document: LocatedYaml | undefined,
  ): Environment | undefined {
    let variables: Environment = {};
    for (const name of paths) {
      const path = this.#access.siblingOf(beside, name);
      const text = this.#access.read(path);
      const parsed = text === undefined ? undefined : parseEnvFile(text, environment);
      if (parsed !== undefined && 'variables' in parsed) {
        variables = { ...variables, ...parsed.variables };
        continue;
      }
      const message =
        parsed === undefined
          ? `stat ${path}: no such file or directory`
          : `failed to read ${path}: ${parsed.error}`;
      const place = document ?? new LocatedYaml(path, text ?? '');
      const at = document === undefined ? [] : ['include'];
      this.#issues.push({ ...place.issueAt(at, 'env-file', message) });
      return undefined;
    }
    return { ...variables, ...environment };
  }

  #read(path: string): LocatedYaml | undefined {
    const text = this.#access.read(path);
    if (text === undefined) {
      const last = this.#documents.at(-1);
      const message = `open ${path}: no such file or directory`;
      if (last !== undefined) this.#issues.push(last.issueAt([], 'missing-file', message));
      return undefined;
    }
    const document = new LocatedYaml(path, text);
    this.#documents.push(document);
    this.#issues.push(...document.issues);
    return document.issues.length === 0 ? document : undefined;
  }

  #interpolated(document: LocatedYaml, environment: Environment): Mapping | undefined {
    const value = interpolateDocument(document, environment, this.#issues, COMPOSE_TEMPLATES);
    if (isMapping(value)) return withoutPaths(value, document.pathsTagged('!reset'));
    const isEmpty = value === null || value === undefined;
    const message = isEmpty ? 'empty compose file' : 'top-level object must be a mapping';
    this.#issues.push(document.issueAt([], 'empty-file', message, 'it needs services'));
    return undefined;
  }

  #withExtends(value: Mapping, document: LocatedYaml): Mapping | undefined {
    const { services } = value;
    if (!isMapping(services)) return value;
    const extended: Mapping = {};
    for (const name of Object.keys(services)) {
      const service = this.#extended(name, services, document, []);
      if (service === undefined) return undefined;
      extended[name] = service.value;
    }
    return { ...value, services: extended };
  }

  /** A service with what it extends laid below it; `undefined` when that cannot be had. */
  #extended(
    name: string,
    services: Mapping,
    document: LocatedYaml,
    way: readonly ExtendsStep[],
  ): { readonly value: unknown } | undefined {
    const service = services[name];
    if (!isMapping(service) || service['extends'] === undefined) return { value: service };
    const at = ['services', name, 'extends'];
    const fail = (code: string, message: string): undefined => {
      this.#issues.push(document.issueAt(at, code, message));
    };
    const { extends: wanted, ...own } = service;
    const reference = isMapping(wanted) ? wanted['service'] : wanted;
    if (typeof reference !== 'string') {
      return fail('extends', `extends.${name}.service is required`);
    }
    const step = { file: document.file, service: name };
    if (way.some((each) => each.file === step.file && each.service === step.service)) {
      const circle = [...way, step].map((each) => `${each.service} in ${each.file}`);
      return fail('extends-cycle', `Circular reference:\n  ${circle.join('\n  extends ')}`);
    }
    const file = isMapping(wanted) ? wanted['file'] : undefined;
    const base = this.#baseOf(document, services, file, at);
    if (base === undefined) return undefined;
    if (!Object.hasOwn(base.services, reference)) {
      const where = base.document === document ? '' : ` in ${String(file)}`;
      const why = `service "${reference}" not found${where}`;
      return fail('extends', `cannot extend service "${name}" in ${document.file}: ${why}`);
    }
    const below = this.#extended(reference, base.services, base.document, [...way, step]);
    if (below === undefined) return undefined;
    if (!isMapping(below.value)) return { value: own };
    const kept = withoutPaths({ services: { [name]: below.value } }, overridesOf(document));
    const merged = mergeService((kept['services'] as Mapping)[name] as Mapping, own);
    if (merged.problem !== undefined) return fail('cannot-merge', merged.problem);
    return { value: merged.value };
  }

  /** The services among which the extended one is: of this file, or of another one. */
  #baseOf(
    document: LocatedYaml,
    services: Mapping,
    file: unknown,
    at: YamlPath,
  ): { readonly services: Mapping; readonly document: LocatedYaml } | undefined {
    if (typeof file !== 'string') return { services, document };
    const path = this.#access.siblingOf(document.file, file);
    const text = this.#access.read(path);
    if (text === undefined) {
      const message = `open ${path}: no such file or directory`;
      this.#issues.push(document.issueAt(at, 'missing-file', message));
      return undefined;
    }
    const other = new LocatedYaml(path, text);
    this.#issues.push(...other.issues);
    if (other.issues.length > 0) return undefined;
    const value = this.#interpolated(other, this.#access.environment);
    if (value === undefined) return undefined;
    return { services: isMapping(value['services']) ? value['services'] : {}, document: other };
  }
}

/** The entries of `include`, in either form. */
function inclusionsOf(include: unknown): Inclusion[] {
  if (!Array.isArray(include)) return [];
  return include.map((entry: unknown) => {
    const {
      path,
      project_directory: directory,
      env_file: env,
    } = isMapping(entry) ? entry : { path: entry };
    return {
      files: textsOf(path),
      directory: typeof directory === 'string' ? directory : undefined,
      envFiles: textsOf(env),
    };
  });
}

function textsOf(value: unknown): string[] {
  return [value].flat().filter((each) => typeof each === 'string');
}

/** What a file takes away from whatever it is laid over (compose-go `loader/reset.go`). */
function overridesOf(document: LocatedYaml): YamlPath[] {
  return [...document.pathsTagged('!reset'), ...document.pathsTagged('!override')];
}

function withoutPaths(value: Mapping, paths: readonly YamlPath[]): Mapping {
  return paths.reduceRight((rest, path) => withoutPath(rest, path) as Mapping, value);
}

function withoutPath(value: unknown, [first, ...rest]: YamlPath): unknown {
  if (first === undefined || typeof value !== 'object' || value === null) return value;
  if (!Object.hasOwn(value, first)) return value;
  if (Array.isArray(value)) {
    if (rest.length === 0) return value.filter((_, i) => i !== first);
    return value.map((item, i) => (i === first ? withoutPath(item, rest) : item));
  }
  const { [first]: inner, ...others } = value as Mapping;
  return rest.length === 0 ? others : { ...(value as Mapping), [first]: withoutPath(inner, rest) };
}
