/**
 * What a reader needs at the head of a file and of an export, what files are called, and what must
 * not be written anywhere: paths of one machine, package hosts, tests that do not run.
 */
import ts from 'typescript';
import { isGivenData, lineOf, type Source, type TextFile, walk } from './sources.ts';

const BANNED_NAMES = new Set(
  'util utils helper helpers common misc core shared stuff types manager2'.split(' '),
);
const SOURCE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;
const CONFIG_FILE = /(^|\/)[\w.]+\.config\.(ts|mjs|js)$/;

/** Source files that do not say at their head what they are and why. */
export function moduleCommentProblems(sources: readonly Source[]): string[] {
  const problems: string[] = [];
  for (const source of sources) {
    if (/\.test\.ts$/.test(source.path) || CONFIG_FILE.test(source.path)) continue;
    const text = source.text.replace(/^#![^\n]*\n/, '');
    const ranges = ts.getLeadingCommentRanges(text, 0) ?? [];
    const comment = ranges[0] === undefined ? '' : text.slice(0, ranges[0].end);
    if (comment.split('\n').length < 3) {
      problems.push(
        `${source.path}:1 no module comment: begin with /** what, why this way, ` +
          'and which upstream file it mirrors, in 3 to 20 lines */',
      );
    }
  }
  return problems;
}

/** Exported symbols without a docstring. */
export function docstringProblems(sources: readonly Source[]): string[] {
  const problems: string[] = [];
  for (const source of sources) {
    if (/\.test\.ts$/.test(source.path)) continue;
    let previousName = '';
    for (const statement of source.tree.statements) {
      const name = exportedNameOf(statement);
      if (name === undefined) continue;
      // an overload's docstring stands at its first signature
      if (!hasDocstring(source, statement) && name !== previousName) {
        problems.push(
          `${source.path}:${lineOf(source, statement)} ${name} is exported without a docstring: ` +
            'a sentence, units, errors, source',
        );
      }
      previousName = name;
    }
  }
  return problems;
}

/** Names that say nothing, and names in another spelling than kebab-case. */
export function fileNameProblems(files: readonly TextFile[]): string[] {
  const problems: string[] = [];
  for (const { path } of files) {
    if (!/\.(ts|mjs)$/.test(path) || isGivenData(path)) continue;
    for (const part of path.split('/')) {
      const stem = part.split('.')[0]!;
      if (BANNED_NAMES.has(stem)) {
        problems.push(`${path}:1 ${part} says nothing: name it after the one thing it holds`);
      } else if (part.includes('.') && !part.startsWith('.') && !SOURCE_NAME.test(part)) {
        problems.push(`${path}:1 ${part} is not kebab-case`);
      }
    }
    if (/(^|\/)index\.ts$/.test(path) && path !== 'index.ts') {
      problems.push(`${path}:1 a barrel: only the package's public index.ts at the root is one`);
    }
  }
  return problems;
}

/** Default exports outside configuration files, and `export *` outside the public index. */
export function exportProblems(sources: readonly Source[]): string[] {
  const problems: string[] = [];
  for (const source of sources) {
    if (CONFIG_FILE.test(source.path)) continue;
    for (const statement of source.tree.statements) {
      const line = lineOf(source, statement);
      const isDefault =
        ts.isExportAssignment(statement) || modifiersOf(statement, ts.SyntaxKind.DefaultKeyword);
      if (isDefault) problems.push(`${source.path}:${line} default export: export it by name`);
      const isStar = ts.isExportDeclaration(statement) && statement.exportClause === undefined;
      if (isStar && source.path !== 'index.ts') {
        problems.push(`${source.path}:${line} export *: import from the file that defines it`);
      }
    }
  }
  return problems;
}

const MACHINE_PATH = /(?<![\w.~/-])\/(work|root|home|Users|tmp)\/\w[\w./-]*/;
const PACKAGE_HOST = new RegExp(
  [
    'registry\\.npmjs\\.org',
    'registry\\.yarnpkg\\.com',
    'deb\\.debian\\.org',
    'archive\\.ubuntu\\.com',
    'pypi\\.org',
    'proxy\\.golang\\.org',
    'artifactory',
    'verdaccio',
  ].join('|'),
);

/** Absolute paths of somebody's machine and hosts of package registries. */
export function machineProblems(files: readonly TextFile[]): string[] {
  const problems: string[] = [];
  for (const { path, lines } of files) {
    if (isGivenData(path) || path.startsWith('test/tidy')) continue;
    lines.forEach((line, i) => {
      const found = MACHINE_PATH.exec(line) ?? PACKAGE_HOST.exec(line);
      if (found === null) return;
      problems.push(`${path}:${i + 1} ${found[0]}: true on one machine only, leave it out`);
    });
  }
  return problems;
}

/** Tests that are switched off, or that switch all others off. */
export function switchedOffProblems(sources: readonly Source[]): string[] {
  const problems: string[] = [];
  for (const source of sources) {
    if (!source.isTest) continue;
    walk(source, (node) => {
      if (!ts.isPropertyAccessExpression(node)) return;
      if (!/^(skip|only|todo|fails)$/.test(node.name.text)) return;
      if (!/^(test|it|describe|suite|bench)\b/.test(node.expression.getText())) return;
      problems.push(
        `${source.path}:${lineOf(source, node)} ${node.getText()}: a test runs or is deleted`,
      );
    });
  }
  return problems;
}

function exportedNameOf(statement: ts.Statement): string | undefined {
  if (!modifiersOf(statement, ts.SyntaxKind.ExportKeyword)) return undefined;
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations[0]!.name.getText();
  }
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed ? (statement.name?.text ?? 'default') : undefined;
}

function hasDocstring(source: Source, statement: ts.Statement): boolean {
  const ranges = ts.getLeadingCommentRanges(source.text, statement.pos) ?? [];
  return ranges.some((range) => source.text.startsWith('/**', range.pos));
}

function modifiersOf(statement: ts.Statement, kind: ts.SyntaxKind): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  return modifiers?.some((modifier) => modifier.kind === kind) ?? false;
}
