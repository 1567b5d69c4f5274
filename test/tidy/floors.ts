/**
 * Who may import whom: the table of floors in docs/architecture, and no circles at run time.
 *
 * A file imports from its own folder and from the folders listed for it, never upward. Packages and
 * Node's own modules are listed too, because a floor that may not read a clock or a file must not
 * import them either. Tests may import what they like from outside, but keep to the floors.
 */
import { posix } from 'node:path';
import ts from 'typescript';
import { lineOf, type Source } from './sources.ts';

/** The folders of the house, lowest floor first, with what each may import besides itself. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  sim: [],
  wire: ['sim'],
  net: ['sim', 'wire'],
  gossip: ['sim', 'wire'],
  manager: ['sim', 'wire'],
  vxlan: ['sim', 'wire', 'net'],
  ipvs: ['sim', 'wire', 'net'],
  node: ['sim', 'wire', 'net', 'gossip', 'manager', 'vxlan', 'ipvs'],
  cluster: ['sim', 'wire', 'net', 'gossip', 'manager', 'vxlan', 'ipvs', 'node'],
  scenarios: ['sim', 'wire', 'net', 'gossip', 'manager', 'vxlan', 'ipvs', 'node', 'cluster'],
};
const BELOW_SWEEP = Object.keys(FLOORS);
const TABLE: Readonly<Record<string, readonly string[]>> = {
  ...FLOORS,
  sweep: BELOW_SWEEP,
  api: [...BELOW_SWEEP, 'sweep'],
  bin: [...BELOW_SWEEP, 'sweep', 'api', 'ui', ''],
};

/** Packages and Node modules that a folder below floor 7 may import; above, anything goes. */
const OUTSIDE: Readonly<Record<string, readonly string[]>> = {
  sim: ['seedrandom'],
  wire: ['node:crypto', '@bufbuild/protobuf'],
  net: [],
  gossip: ['node:crypto'],
  manager: ['@bufbuild/protobuf'],
  vxlan: [],
  ipvs: [],
  node: [],
  cluster: [],
  scenarios: ['yaml', 'zod', 'node:fs', 'node:path', 'node:url'],
};

/** One import or re-export. */
interface Import {
  readonly specifier: string;
  readonly line: number;
  /** True when nothing of it is left at run time. */
  readonly isTypeOnly: boolean;
  /** The imported file, relative to the root; `undefined` for a package. */
  readonly target: string | undefined;
}

/** Every import and re-export of a file, dynamic ones included. */
function importsOf(source: Source): Import[] {
  const imports: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined, isTypeOnly: boolean): void => {
    if (specifier === undefined || !ts.isStringLiteral(specifier)) return;
    const { text } = specifier;
    const target = text.startsWith('.')
      ? posix.normalize(posix.join(posix.dirname(source.path), text))
      : undefined;
    imports.push({ specifier: text, line: lineOf(source, node), isTypeOnly, target });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const isTypeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      add(node, node.moduleSpecifier, isTypeOnly);
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(source.tree);
  return imports;
}

/** Imports that go upward, sideways, or outside where that is not allowed. */
export function floorProblems(sources: readonly Source[]): string[] {
  const problems: string[] = [];
  for (const source of sources) {
    for (const entry of importsOf(source)) {
      const complaint =
        entry.target === undefined
          ? packageComplaint(source, entry)
          : floorComplaint(source, entry, entry.target);
      if (complaint !== undefined) problems.push(`${source.path}:${entry.line} ${complaint}`);
    }
  }
  return problems;
}

function floorComplaint(source: Source, entry: Import, target: string): string | undefined {
  const slash = target.indexOf('/');
  const folder = slash < 0 ? '' : target.slice(0, slash);
  if (folder === source.folder) return undefined;
  if (source.folder === 'ui') {
    if (folder === 'api' && entry.isTypeOnly) return undefined;
    return `ui/ may import its own files and types of api/ only, not ${target}`;
  }
  const allowed = TABLE[source.folder];
  if (allowed === undefined || allowed.includes(folder)) return undefined;
  if (source.isTest && folder === 'test') return undefined;
  const list = allowed.length === 0 ? 'nothing' : allowed.map((name) => `${name}/`).join(', ');
  return (
    `${source.folder}/ may import ${list}, not ${target}: ` +
    'move what is shared to a lower floor, or pass it in from above'
  );
}

function packageComplaint(source: Source, entry: Import): string | undefined {
  const allowed = OUTSIDE[source.folder];
  if (allowed === undefined || source.isTest) return undefined;
  const { specifier } = entry;
  if (allowed.some((name) => specifier === name || specifier.startsWith(`${name}/`))) {
    return undefined;
  }
  return `${source.folder}/ may not import ${specifier}: do that on floor 7 or above`;
}

/** Circles of files that import each other at run time, each told once. */
export function circleProblems(sources: readonly Source[]): string[] {
  const targets = new Map<string, string[]>();
  for (const source of sources) {
    const files = importsOf(source)
      .filter((entry) => !entry.isTypeOnly && entry.target !== undefined)
      .map((entry) => entry.target!);
    targets.set(source.path, files);
  }
  const finished = new Set<string>();
  const problems: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0) {
      const circle = [...way.slice(start), path].join(' -> ');
      problems.push(`${path}:1 runtime circle ${circle}: use import type, or split a file`);
      return;
    }
    if (finished.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...way, path]);
    finished.add(path);
  };
  for (const source of sources) visit(source.path, []);
  return problems;
}
