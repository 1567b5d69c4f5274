/**
 * Reads a stack file as `docker stack deploy` does (docker/cli `cli/compose/loader/loader.go`):
 * anchors and merge keys, variables, the format, what refers to what, and then the model that the
 * manager turns into services and networks.
 */
import type { ComposeModel } from '../../manager/stack/compose-model.ts';
import type { ComposeProject } from '../../node/daemon/compose.ts';
import type { Issue } from '../language/issue.ts';
import type { LocatedYaml } from '../language/located-yaml.ts';
import { issuesOf } from '../language/zod-issues.ts';
import { assemble, type FileAccess } from './assemble.ts';
import { checkStackFile } from './check.ts';
import { composeFileSchema } from './compose-file.ts';
import { interpolateDocument } from './interpolate.ts';
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
  const parsed = composeFileSchema.safeParse(withoutExtensions(document.value));
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
): ComposeResult {
  const read = readFile(document, environment);
  if (read.file === undefined) return { model: undefined, issues: read.issues };
  const issues = [...read.issues, ...checkStackFile(read.file, document)];
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
  if (issues.length > 0) return { file: undefined, issues };
  const value = interpolateDocument(document, environment, issues);
  if (value === null || value === undefined) {
    issues.push(document.issueAt([], 'empty-file', 'empty compose file', 'it needs services'));
    return { file: undefined, issues };
  }
  const parsed = stackFileSchema.safeParse(withoutExtensions(value));
  if (!parsed.success) {
    issues.push(...issuesOf(parsed.error, stackFileSchema, document, 'a stack file'));
    return { file: undefined, issues };
  }
  const isBroken = issues.some((issue) => !issue.isWarning);
  return { file: isBroken ? undefined : parsed.data, issues };
}

/** Keys that begin with `x-` are anybody's, wherever the format has keys of its own. */
function withoutExtensions(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutExtensions);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith('x-') || key === 'x-swarmlab')
      .map(([key, inner]) => [key, withoutExtensions(inner)]),
  );
}
