/**
 * The files that the tidy test judges: every text file of the tree that git would track, and the
 * syntax tree of each TypeScript file.
 *
 * The tree is walked instead of asking git, so that the test also runs where there is no git.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** A file with its text; `path` is relative to the root, with `/`. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** A TypeScript file. */
export interface Source extends TextFile {
  readonly tree: ts.SourceFile;
  /** The first folder of the path; empty for a file at the root. */
  readonly folder: string;
  /** True for `*.test.ts`, `testing/` and everything below `test/`. */
  readonly isTest: boolean;
}

/** `.git` is a file in a second work tree. */
const SKIPPED = new Set(['.git', 'node_modules', 'dist', 'coverage', '.clinic']);
const TEXT_FILE =
  /\.(ts|mjs|js|json|md|yaml|yml|sh|svelte|html|css|txt|conf)$|(^|\/)[^./]+$|^\.[^/]+$/;
const BINARY_BYTE = '\u0000';

/** Every text file below `root`, sorted by path. */
export function textFilesOf(root: string): TextFile[] {
  const files: TextFile[] = [];
  for (const path of pathsBelow(root, '')) {
    if (!TEXT_FILE.test(path)) continue;
    const text = readFileSync(join(root, path), 'utf8');
    if (!text.includes(BINARY_BYTE)) files.push({ path, text, lines: text.split('\n') });
  }
  return files;
}

/** The TypeScript files among these, parsed. */
export function sourcesOf(files: readonly TextFile[]): Source[] {
  return files.filter((file) => isJudgedSource(file)).map((file) => sourceOf(file.path, file.text));
}

/** One parsed TypeScript file. */
export function sourceOf(path: string, text: string): Source {
  const slash = path.indexOf('/');
  return {
    path,
    text,
    lines: text.split('\n'),
    tree: ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true),
    folder: slash < 0 ? '' : path.slice(0, slash),
    isTest: /\.test\.ts$|(^|\/)testing\/|^test\//.test(path),
  };
}

/** The 1-based line of a node's first token. */
export function lineOf(source: Source, node: ts.Node): number {
  return source.tree.getLineAndCharacterOfPosition(node.getStart(source.tree)).line + 1;
}

/** Calls `visit` for every node of the file, parents first. */
export function walk(source: Source, visit: (node: ts.Node) => void): void {
  const step = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, step);
  };
  step(source.tree);
}

/** True for data that others wrote or a program generated, which no style applies to. */
export function isGivenData(path: string): boolean {
  return /(^|\/)(testdata|fixtures|generated)\//.test(path) || /\.generated\.\w+$/.test(path);
}

function isJudgedSource(file: TextFile): boolean {
  return file.path.endsWith('.ts') && !file.path.endsWith('.d.ts') && !isGivenData(file.path);
}

function pathsBelow(root: string, folder: string): string[] {
  const paths: string[] = [];
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (SKIPPED.has(entry.name)) continue;
    if (entry.isDirectory()) {
      paths.push(...pathsBelow(root, path));
    } else if (entry.isFile() && !entry.name.endsWith('.tgz')) {
      paths.push(path);
    }
  }
  return paths;
}
