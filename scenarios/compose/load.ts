/**
 * Reads a stack file as `docker stack deploy` does (docker/cli `cli/compose/loader/loader.go`):
 * anchors and merge keys, variables, the format, what refers to what, and then the model that the
 * manager turns into services and networks.
 */
import type { ComposeModel } from '../../manager/stack/compose-model.ts';
import type { Issue } from '../language/issue.ts';
import type { LocatedYaml } from '../language/located-yaml.ts';
import { issuesOf } from '../language/zod-issues.ts';
import { checkStackFile } from './check.ts';
import { interpolateDocument } from './interpolate.ts';
import { modelOf } from './model.ts';
import { stackFileSchema } from './stack-file.ts';

/** A stack file that was read; without a model when one of the issues is an error. */
export interface ComposeResult {
  readonly model: ComposeModel | undefined;
  readonly issues: Issue[];
}

/** Reads a stack file; `environment` holds the only variables that it can refer to. */
export function loadCompose(
  document: LocatedYaml,
  environment: Readonly<Record<string, string>>,
): ComposeResult {
  if (document.issues.length > 0) return { model: undefined, issues: document.issues };
  const issues: Issue[] = [];
  const value = interpolateDocument(document, environment, issues);
  if (value === null || value === undefined) {
    issues.push(document.issueAt([], 'empty-file', 'empty compose file', 'it needs services'));
    return { model: undefined, issues };
  }
  const parsed = stackFileSchema.safeParse(withoutExtensions(value));
  if (!parsed.success) {
    issues.push(...issuesOf(parsed.error, stackFileSchema, document, 'a stack file'));
    return { model: undefined, issues };
  }
  if (issues.some((issue) => !issue.isWarning)) return { model: undefined, issues };
  issues.push(...checkStackFile(parsed.data, document));
  if (issues.some((issue) => !issue.isWarning)) return { model: undefined, issues };
  return { model: modelOf(parsed.data), issues };
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
