/**
 * Reads a stack file as `docker stack deploy` does (docker/cli `cli/compose/loader/loader.go`):
 * anchors and merge keys, variables, the format, what refers to what, and then the model that the
 * manager turns into services and networks.
 */
import type { ComposeModel } from '../../manager/stack/compose-model.ts';
import type { ComposeProject } from '../../node/daemon/compose-up.ts';
import type { Issue } from '../language/issue.ts';
import type { LocatedYaml } from '../language/located-yaml.ts';
import { issuesOf } from '../language/zod-issues.ts';
import { checkStackFile } from './check.ts';
import { interpolateDocument } from './interpolate.ts';
import { modelOf } from './model.ts';
import { projectOf } from './project.ts';
import { type StackFile, stackFileSchema } from './stack-file.ts';

/** A stack file that was read; without a model when one of the issues is an error. */
export interface ComposeResult {
  readonly model: ComposeModel | undefined;
  readonly issues: Issue[];
}

/** A compose file for `docker compose up`; without a project when there are issues. */
export interface ProjectLoadResult {
  readonly project: ComposeProject | undefined;
  readonly issues: Issue[];
}

/** Reads a compose file for one host; `environment` as of {@link loadCompose}. */
export function loadProject(
  document: LocatedYaml,
  environment: Readonly<Record<string, string>>,
  defaultName: string,
): ProjectLoadResult {
  const read = readFile(document, environment);
  if (read.file === undefined) return { project: undefined, issues: read.issues };
  const result = projectOf(read.file, read.value, document, defaultName);
  if ('project' in result) return { project: result.project, issues: read.issues };
  return { project: undefined, issues: [...read.issues, ...result.issues] };
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

/** A file whose format is right, also as it was before its spellings were reduced; or issues. */
interface ReadFile {
  readonly file: StackFile | undefined;
  readonly value: unknown;
  readonly issues: Issue[];
}

function readFile(document: LocatedYaml, environment: Readonly<Record<string, string>>): ReadFile {
  const issues: Issue[] = [...document.issues];
  if (issues.length > 0) return { file: undefined, value: undefined, issues };
  const value = interpolateDocument(document, environment, issues);
  if (value === null || value === undefined) {
    issues.push(document.issueAt([], 'empty-file', 'empty compose file', 'it needs services'));
    return { file: undefined, value, issues };
  }
  const parsed = stackFileSchema.safeParse(withoutExtensions(value));
  if (!parsed.success) {
    issues.push(...issuesOf(parsed.error, stackFileSchema, document, 'a stack file'));
    return { file: undefined, value, issues };
  }
  const isBroken = issues.some((issue) => !issue.isWarning);
  return { file: isBroken ? undefined : parsed.data, value, issues };
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
