/**
 * Reads a stack file as `docker stack deploy` does (docker/cli `cli/compose/loader/loader.go`), and
 * compose files as `docker compose` does: anchors and merge keys, variables, the published format,
 * what refers to what, and then the model that the manager, or one host's daemon, is given.
 */
import type { ComposeModel } from '../../manager/stack/compose-model.ts';
import type { ComposeProject } from '../../node/daemon/compose/project.ts';
import { didYouMean, type Issue } from '../language/issue.ts';
import type { LocatedYaml, YamlSource } from '../language/located-yaml.ts';
import { issuesOf } from '../language/zod-issues.ts';
import { assemble, type FileAccess } from './assemble.ts';
import { checkStackFile, forbiddenOptions } from './check.ts';
import { composeFileSchema } from './compose-file.ts';
import { withEnvironments } from './environment.ts';
import { composeComplaintOf } from './format/compose-words.ts';
import { type JsonSchema, knownKeysAt } from './format/json-schema.ts';
import { composeSchema, stackSchema, stackVersionOf } from './format/published.ts';
import { type SchemaComplaint, stackComplaintOf } from './format/stack-words.ts';
import { interpolateDocument, STACK_TEMPLATES } from './interpolate.ts';
import { isMapping } from './merge.ts';
import { modelOf } from './model.ts';
import { projectOf } from './project.ts';
import { type StackFile, stackFileSchema } from './stack-file.ts';

/** A stack file that was read; without a model when one of the issues is an error. */
export interface ComposeResult {
  readonly model: ComposeModel | undefined;
  readonly issues: Issue[];
}

/** Compose files for `docker compose`; without a project when there are issues. */
export interface ProjectLoadResult {
  readonly project: ComposeProject | undefined;
  readonly issues: Issue[];
}

/** What `docker compose` is given: files, each laid over the one before it, and who takes part. */
export interface ProjectSource {
  readonly files: readonly string[];
  readonly profiles: readonly string[];
  /** `-p`; the file's own or its name's otherwise. */
  readonly name: string | undefined;
}

/** Reads compose files for one host. */
export function loadProject(
  { files, profiles, name }: ProjectSource,
  access: FileAccess,
  defaultName: string,
): ProjectLoadResult {
  const issues: Issue[] = [];
  const document = assemble(files, access, issues);
  const isBroken = () => issues.some((issue) => !issue.isWarning);
  if (document === undefined || isBroken()) return { project: undefined, issues };
  const complaint = composeComplaintOf(withoutPrograms(document.value));
  if (complaint !== undefined) {
    const message = `validating ${files.at(-1)}: ${complaint.message}`;
    const told = { ...complaint, message };
    issues.push(schemaIssue(told, composeSchema(), document));
    return { project: undefined, issues };
  }
  if (document.value['version'] !== undefined) {
    const path = files.at(-1)!;
    const message =
      `${path}: the attribute \`version\` is obsolete, it will be ignored, please remove it to avoid ` +
      'potential confusion';
    issues.push(document.issueAt(['version'], 'obsolete-version', message, '', true));
  }
  const value = withEnvironments(document.value, {
    variables: document.variables,
    read: (name) => {
      const path = access.siblingOf(files[0]!, name);
      return { path, text: access.read(path) };
    },
    complain: (at, message) => issues.push(document.issueAt(at, 'env-file', message)),
  });
  if (isBroken()) return { project: undefined, issues };
  const parsed = composeFileSchema.safeParse(value);
  if (!parsed.success) {
    issues.push(...issuesOf(parsed.error, composeFileSchema, document, 'a compose file'));
    return { project: undefined, issues };
  }
  const { data } = parsed;
  const result = projectOf(data, document, { profiles, name: name ?? data.name ?? defaultName });
  if ('project' in result) return { project: result.project, issues };
  return { project: undefined, issues: [...issues, ...result.issues] };
}

/** Reads a stack file; `environment` holds the only variables that it can refer to. */
export function loadCompose(
  document: LocatedYaml,
  environment: Readonly<Record<string, string>>,
  stack = 'stack',
): ComposeResult {
  const read = readFile(document, environment);
  if (read.file === undefined) return { model: undefined, issues: read.issues };
  const issues = [...read.issues, ...checkStackFile(read.file, document, stack)];
  if (issues.some((issue) => !issue.isWarning)) return { model: undefined, issues };
  return { model: modelOf(read.file), issues };
}

/** A file whose format is right; or issues. */
interface ReadFile {
  readonly file: StackFile | undefined;
  readonly issues: Issue[];
}

function readFile(document: LocatedYaml, environment: Readonly<Record<string, string>>): ReadFile {
  const issues: Issue[] = [...document.issues];
  const isBroken = () => issues.some((issue) => !issue.isWarning);
  if (isBroken()) return { file: undefined, issues };
  if (!isMapping(document.value)) {
    const message = 'top-level object must be a mapping';
    issues.push(document.issueAt([], 'empty-file', message, 'it needs services'));
    return { file: undefined, issues };
  }
  issues.push(...forbiddenOptions(document.value, document));
  const value = interpolateDocument(document, environment, issues, STACK_TEMPLATES);
  if (isBroken()) return { file: undefined, issues };
  const complaint = stackComplaintOf(withoutPrograms(value));
  if (complaint !== undefined) {
    const version = stackVersionOf(value);
    issues.push(schemaIssue(complaint, stackSchema(version), document));
    return { file: undefined, issues };
  }
  const parsed = stackFileSchema.safeParse(value);
  if (parsed.success) return { file: parsed.data, issues };
  issues.push(...issuesOf(parsed.error, stackFileSchema, document, 'a stack file'));
  return { file: undefined, issues };
}

/** A complaint of a published schema where it belongs, with the key that may have been meant. */
function schemaIssue(
  { message, path, unknownKey, hint }: SchemaComplaint,
  schema: JsonSchema | undefined,
  document: YamlSource,
): Issue {
  const code = unknownKey === undefined ? 'wrong-value' : 'unknown-key';
  if (unknownKey === undefined || schema === undefined) {
    return document.issueAt(path, code, message, hint);
  }
  const meant = didYouMean(unknownKey, knownKeysAt(schema, path));
  return document.issueAtKey(path, unknownKey, code, message, meant);
}

/** A file without the programs of its services, which are nobody else's business. */
function withoutPrograms(value: unknown): unknown {
  if (!isMapping(value) || !isMapping(value['services'])) return value;
  const services = Object.entries(value['services']).map(([name, service]) => {
    if (!isMapping(service)) return [name, service];
    const { 'x-swarmlab': _program, ...rest } = service;
    return [name, rest];
  });
  return { ...value, services: Object.fromEntries(services) };
}
