/**
 * From the files that `docker compose -f A -f B` is given to one: their variables, the services that
 * others extend, the files that they include, and each laid over the one before it (compose-go
 * `loader/loader.go`, `extends.go`, `include.go`).
 */
import type { Issue } from '../language/issue.ts';
import { LocatedYaml, type YamlPath, type YamlSource } from '../language/located-yaml.ts';
import { COMPOSE_TEMPLATES, interpolateDocument } from './interpolate.ts';
import { isMapping, mergeFiles, mergeService } from './merge.ts';

type Mapping = Record<string, unknown>;

/** Where files come from. */
export interface FileAccess {
  /** The text of a file; `undefined` when there is none. */
  read(path: string): string | undefined;
  /** A path that is given relative to a file. */
  siblingOf(file: string, path: string): string;
  /** The only variables that there are. */
  readonly environment: Readonly<Record<string, string>>;
}

/** One file made of several, which knows where each of its values stands. */
export class MergedYaml implements YamlSource {
  readonly value: unknown;
  /** The last one counts. */
  readonly #documents: readonly LocatedYaml[];

  constructor(value: unknown, documents: readonly LocatedYaml[]) {
    this.value = value;
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
  return new Assembly(access, issues).merge(files);
}

/** A service that extends another one, for telling a circle. */
interface ExtendsStep {
  readonly file: string;
  readonly service: string;
}

class Assembly {
  readonly #access: FileAccess;
  readonly #issues: Issue[];
  readonly #documents: LocatedYaml[] = [];

  constructor(access: FileAccess, issues: Issue[]) {
    this.#access = access;
    this.#issues = issues;
  }

  merge(files: readonly string[]): MergedYaml | undefined {
    let merged: Mapping | undefined;
    for (const file of files) {
      const value = this.#load(file, []);
      if (value === undefined) return undefined;
      const next = mergeFiles(merged ?? {}, value);
      if (next.problem !== undefined) {
        this.#issues.push(this.#documents.at(-1)!.issueAt([], 'cannot-merge', next.problem));
        return undefined;
      }
      merged = next.value;
    }
    return merged === undefined ? undefined : new MergedYaml(merged, this.#documents);
  }

  /** One file with what it includes and extends; `including` are those that include it. */
  #load(file: string, including: readonly string[]): Mapping | undefined {
    const document = this.#read(file);
    if (document === undefined) return undefined;
    const value = this.#interpolated(document);
    if (value === undefined) return undefined;
    const own = this.#withExtends(value, document);
    if (own === undefined) return undefined;
    const { include, ...rest } = own;
    let merged: Mapping = rest;
    for (const other of includedOf(include)) {
      const path = this.#access.siblingOf(file, other);
      if ([...including, file].includes(path)) {
        const circle = [...including, file, path].join('\n include ');
        this.#issues.push(
          document.issueAt(['include'], 'include-cycle', `include cycle detected:\n${circle}`),
        );
        return undefined;
      }
      const included = this.#load(path, [...including, file]);
      if (included === undefined) return undefined;
      const next = mergeFiles(included, merged);
      if (next.problem !== undefined) {
        this.#issues.push(document.issueAt(['include'], 'cannot-merge', next.problem));
        return undefined;
      }
      merged = next.value;
    }
    return merged;
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

  #interpolated(document: LocatedYaml): Mapping | undefined {
    const { environment } = this.#access;
    const value = interpolateDocument(document, environment, this.#issues, COMPOSE_TEMPLATES);
    if (isMapping(value)) return value;
    const isEmpty = value === null || value === undefined;
    const message = isEmpty ? 'empty compose file' : 'Top-level object must be a mapping';
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
    const merged = mergeService(below.value, own);
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
    const value = this.#interpolated(other);
    if (value === undefined) return undefined;
    return { services: isMapping(value['services']) ? value['services'] : {}, document: other };
  }
}

/** The files of `include`, in either form. */
function includedOf(include: unknown): string[] {
  if (!Array.isArray(include)) return [];
  return include.flatMap((entry: unknown) => {
    const path = isMapping(entry) ? entry['path'] : entry;
    return [path].flat().filter((each) => typeof each === 'string');
  });
}
