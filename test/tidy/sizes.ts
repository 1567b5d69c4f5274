/**
 * How long lines, functions and files may be, and how many files a folder may hold. The limits are
 * those of docs/conventions; what a person aims at is about half of them.
 */
import ts from 'typescript';
import { isGivenData, lineOf, type Source, type TextFile, walk } from './sources.ts';

const LINE_COLUMNS_MAX = 120;
const FUNCTION_LINES_MAX = 80;
const FILE_LINES_MAX = 600;
const FOLDER_FILES_MAX = 20;

/** Lines of more than 120 columns in code. */
export function lineProblems(sources: readonly Source[]): string[] {
  const problems: string[] = [];
  for (const source of sources) {
    source.lines.forEach((line, i) => {
      const columns = [...line].length;
      if (columns > LINE_COLUMNS_MAX) {
        problems.push(
          `${source.path}:${i + 1} ${columns} columns, at most ${LINE_COLUMNS_MAX}: break the line`,
        );
      }
    });
  }
  return problems;
}

/** Functions of more than 80 lines; the function around a `describe` does not count. */
export function functionProblems(sources: readonly Source[]): string[] {
  const problems: string[] = [];
  for (const source of sources) {
    walk(source, (node) => {
      if (!ts.isFunctionLike(node) || isDescribeBody(node)) return;
      const first = lineOf(source, node);
      const last = source.tree.getLineAndCharacterOfPosition(node.end).line + 1;
      const lineCount = last - first + 1;
      if (lineCount <= FUNCTION_LINES_MAX) return;
      problems.push(
        `${source.path}:${first} ${nameOf(node)} has ${lineCount} lines, ` +
          `at most ${FUNCTION_LINES_MAX}: move a part with a name of its own out`,
      );
    });
  }
  return problems;
}

/** Files of more than 600 lines. */
export function fileProblems(sources: readonly Source[]): string[] {
  return sources
    .filter((source) => source.lines.length - 1 > FILE_LINES_MAX)
    .map(
      (source) =>
        `${source.path}:1 ${source.lines.length - 1} lines, at most ${FILE_LINES_MAX}: split it`,
    );
}

/** Folders of more than 20 files; a test beside its file and given data do not count. */
export function folderProblems(files: readonly TextFile[]): string[] {
  const counts = new Map<string, number>();
  for (const { path } of files) {
    if (isGivenData(path) || /\.test\.ts$|^scenarios\/library\/|^docs\//.test(path)) continue;
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([, count]) => count > FOLDER_FILES_MAX)
    .map(
      ([folder, count]) => `${folder}/:1 ${count} files, at most ${FOLDER_FILES_MAX}: subfolders`,
    );
}

function isDescribeBody(node: ts.Node): boolean {
  return (
    node.parent !== undefined &&
    ts.isCallExpression(node.parent) &&
    /^describe\b/.test(node.parent.expression.getText())
  );
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  const { parent } = node;
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)
    ? parent.name.getText()
    : 'this function';
}
