/**
 * From files to a checked scenario: the scenario file, the compose file beside it, every name
 * resolved, every mistake located. Files are read through a function, so that tests and the library
 * need none.
 */
import type { ComposeModel } from '../manager/stack/compose-model.ts';
import type { ComposeProject } from '../node/daemon/compose/project.ts';
import { Digest } from '../sim/digest.ts';
import { loadCompose, loadProject } from './compose/load.ts';
import { checkScenario, type LocatedExpectation, type StackFacts } from './language/check.ts';
import type { Issue } from './language/issue.ts';
import { LocatedYaml } from './language/located-yaml.ts';
import type { NodeNames } from './language/node-names.ts';
import { projectKey, type Scenario, scenarioSchema } from './language/scenario.ts';
import { issuesOf } from './language/zod-issues.ts';

/** Reads a text file; `undefined` when there is none. */
export type ReadText = (path: string) => string | undefined;

/** A scenario that is ready to run. */
export interface LoadedScenario {
  readonly file: string;
  readonly scenario: Scenario;
  readonly nodes: NodeNames;
  readonly stack: ComposeModel | undefined;
  /** The compose files that the timeline brings up, by the names that it gives them. */
  readonly projects: ReadonlyMap<string, ComposeProject>;
  readonly expectations: readonly LocatedExpectation[];
  /** Hash of everything that decides the run beside the seed and swarmlab's version. */
  readonly configHash: string;
  readonly warnings: readonly Issue[];
}

/** What loading came to: a scenario, or issues of which at least one is an error. */
export interface LoadResult {
  readonly loaded: LoadedScenario | undefined;
  readonly issues: readonly Issue[];
  /** The text of each file that was read, for printing issues. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Values that override the file: `cluster.workers=8`. */
export type Overrides = ReadonlyMap<string, string>;

/** Loads a scenario file with the compose file that it names. */
export function loadScenario(file: string, readText: ReadText, overrides?: Overrides): LoadResult {
  const sources = new Map<string, string>();
  const text = readText(file);
  if (text === undefined) return failed(sources, [missingFile(file)]);
  sources.set(file, text);
  return loadDocument(new LocatedYaml(file, text), readText, sources, overrides);
}

/** Reads a scenario, or a stack file by itself (with no variables set), only for its issues. */
export function checkFile(file: string, readText: ReadText): Omit<LoadResult, 'loaded'> {
  const text = readText(file);
  const document = text === undefined ? undefined : new LocatedYaml(file, text);
  if (document === undefined || !isStackFile(document)) return loadScenario(file, readText);
  return { issues: loadCompose(document, {}).issues, sources: new Map([[file, text!]]) };
}

/** Loads a scenario that a program wrote as an object; paths in it are relative to `directory`. */
export function loadScenarioObject(
  input: unknown,
  directory: string,
  readText: ReadText,
  overrides?: Overrides,
): LoadResult {
  const file = `${directory === '' ? '' : `${directory}/`}scenario`;
  const text = JSON.stringify(input, undefined, 2);
  const sources = new Map([[file, text]]);
  return loadDocument(new LocatedYaml(file, text), readText, sources, overrides);
}

function loadDocument(
  document: LocatedYaml,
  readText: ReadText,
  sources: Map<string, string>,
  overrides: Overrides | undefined,
): LoadResult {
  if (document.issues.length > 0) return failed(sources, document.issues);
  if (isStackFile(document)) {
    const hint = 'a scenario names it: stack: FILE';
    const message = 'this is a stack file, not a scenario';
    return failed(sources, [document.issueAt([], 'not-a-scenario', message, hint)]);
  }
  const value = withOverrides(document.value ?? {}, overrides);
  const parsed = scenarioSchema.safeParse(value);
  if (!parsed.success)
    return failed(sources, issuesOf(parsed.error, scenarioSchema, document, 'a scenario'));
  const scenario = parsed.data;
  const issues: Issue[] = [];
  const stack = loadStack(scenario, document, readText, sources, issues);
  const projects = loadProjects(scenario, document, readText, sources, issues);
  const facts = scenario.stack === undefined ? NO_STACK : stack && stackFactsOf(stack);
  const check = checkScenario(scenario, document, facts);
  issues.push(...check.issues);
  if (issues.some((issue) => !issue.isWarning)) return failed(sources, issues);
  const loaded: LoadedScenario = {
    file: document.file,
    scenario,
    nodes: check.nodes,
    stack,
    projects,
    expectations: check.expectations,
    configHash: configHashOf(scenario, stack, projects),
    warnings: issues,
  };
  return { loaded, issues, sources };
}

const NO_STACK: StackFacts = { services: [], publishedPorts: [] };

function stackFactsOf(stack: ComposeModel): StackFacts {
  const ports = Object.values(stack.services).flatMap((service) => service.ports ?? []);
  return {
    services: Object.keys(stack.services),
    publishedPorts: ports.flatMap((port) => (port.published ? [port.published] : [])),
  };
}

/** Stack files have services; scenarios never do. */
function isStackFile({ value }: LocatedYaml): boolean {
  return typeof value === 'object' && value !== null && 'services' in value && !('until' in value);
}

function loadStack(
  scenario: Scenario,
  document: LocatedYaml,
  readText: ReadText,
  sources: Map<string, string>,
  issues: Issue[],
): ComposeModel | undefined {
  if (scenario.stack === undefined) return undefined;
  const path = siblingOf(document.file, scenario.stack);
  const text = readText(path);
  if (text === undefined) {
    const hint = `looked for ${path}; the path is relative to the scenario`;
    const message = `there is no compose file '${scenario.stack}'`;
    issues.push(document.issueAt(['stack'], 'missing-file', message, hint));
    return undefined;
  }
  sources.set(path, text);
  const name = stackNameOf(scenario.stack);
  const result = loadCompose(new LocatedYaml(path, text), scenario.environment, name);
  issues.push(...result.issues);
  return result.model;
}

function loadProjects(
  scenario: Scenario,
  document: LocatedYaml,
  readText: ReadText,
  sources: Map<string, string>,
  issues: Issue[],
): ReadonlyMap<string, ComposeProject> {
  const projects = new Map<string, ComposeProject>();
  const access = {
    read: (path: string) => {
      const text = readText(path);
      if (text !== undefined) sources.set(path, text);
      return text;
    },
    siblingOf,
    environment: scenario.environment,
  };
  scenario.timeline.forEach((entry, i) => {
    for (const [node, command] of Object.entries(entry.compose ?? {})) {
      const key = projectKey(command);
      if (projects.has(key)) continue;
      const files = command.files.map((name) => siblingOf(document.file, name));
      const missing = files.findIndex((path) => access.read(path) === undefined);
      if (missing >= 0) {
        const at = ['timeline', i, 'compose', node];
        const message = `there is no compose file '${command.files[missing]}'`;
        const hint = `looked for ${files[missing]}; the path is relative to the scenario`;
        issues.push(document.issueAt(at, 'missing-file', message, hint));
        continue;
      }
      const { profiles, project: name } = command;
      const defaultName = projectNameOf(command.files[0]!);
      const result = loadProject({ files, profiles, name }, access, defaultName);
      issues.push(...result.issues);
      if (result.project !== undefined) projects.set(key, result.project);
    }
  });
  return projects;
}

/** What a stack is called: after its file, as far as names go. */
export function stackNameOf(file: string): string {
  const base = file.slice(file.lastIndexOf('/') + 1);
  return base.replace(/(\.compose)?\.ya?ml$/, '').replaceAll(/[^a-zA-Z0-9_-]/g, '-');
}

/** The name of a project that has none of its own: the file's, as far as names go. */
function projectNameOf(file: string): string {
  const base = file.slice(file.lastIndexOf('/') + 1).replace(/(\.compose)?\.ya?ml$/, '');
  return base.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '');
}

/** A path that is given relative to a file. */
export function siblingOf(file: string, path: string): string {
  if (path.startsWith('/')) return path;
  const slash = file.lastIndexOf('/');
  return slash < 0 ? path : `${file.slice(0, slash)}/${path}`;
}

function failed(sources: ReadonlyMap<string, string>, issues: readonly Issue[]): LoadResult {
  return { loaded: undefined, issues, sources };
}

function missingFile(file: string): Issue {
  return {
    code: 'missing-file',
    message: 'there is no such file',
    file,
    line: 1,
    column: 1,
    path: '',
    hint: 'swarmlab run takes the path of a scenario, such as scenarios/library/*.yaml',
    isWarning: false,
  };
}

function withOverrides(value: unknown, overrides: Overrides | undefined): unknown {
  if (overrides === undefined || overrides.size === 0) return value;
  const copy = structuredClone(value) as Record<string, unknown>;
  for (const [path, text] of overrides) setAt(copy, path.split('.'), scalarOf(text));
  return copy;
}

function setAt(root: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = root;
  for (const part of path.slice(0, -1)) {
    const next = at[part];
    if (typeof next === 'object' && next !== null) at = next as Record<string, unknown>;
    else {
      const made: Record<string, unknown> = {};
      at[part] = made;
      at = made;
    }
  }
  at[path.at(-1)!] = value;
}

function scalarOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function configHashOf(
  scenario: Scenario,
  stack: ComposeModel | undefined,
  projects: ReadonlyMap<string, ComposeProject>,
): string {
  const digest = new Digest();
  const { seed: _seed, $schema: _schema, ...rest } = scenario;
  digest.foldText(JSON.stringify(rest));
  digest.foldText(JSON.stringify(stack ?? null));
  for (const [name, project] of projects) digest.foldText(`${name} ${textOf(project)}`);
  return digest.text;
}

/** A project as text, the entries of maps included. */
function textOf(project: ComposeProject): string {
  return JSON.stringify(project, (_, value) => (value instanceof Map ? [...value] : value));
}
