/**
 * What would make two runs of one seed differ: clocks, chance that is not keyed, the environment,
 * promises, and text that depends on the machine's locale. Banned below floor 7, tests excepted.
 *
 * A name counts where it means the global: not as a property, and not when the file declares it.
 */
import ts from 'typescript';
import { lineOf, type Source, walk } from './sources.ts';

const FOLDERS = new Set('sim wire net gossip manager vxlan ipvs node cluster scenarios'.split(' '));

const GLOBALS: Readonly<Record<string, string>> = {
  Date: 'take the instant from World.nowNs',
  performance: 'take the instant from World.nowNs',
  process: 'pass what is needed in from bin/',
  setTimeout: 'schedule an event',
  setInterval: 'schedule an event',
  setImmediate: 'schedule an event',
  queueMicrotask: 'schedule an event',
  fetch: 'simulated things do no I/O',
  Promise: 'protocols answer through an outbox',
  console: 'observe, or return text',
  Intl: 'its output depends on the machine',
  WeakRef: 'it depends on the garbage collector',
  FinalizationRegistry: 'it depends on the garbage collector',
  crypto: 'draw from Chance',
  globalThis: 'name what you need',
  require: 'use import',
};

const MEMBERS: Readonly<Record<string, string>> = {
  localeCompare: 'compare with < and >',
  toLocaleString: 'its output depends on the machine',
  toLocaleLowerCase: 'use toLowerCase',
  toLocaleUpperCase: 'use toUpperCase',
};

/** Every use of something that is not a function of the seed. */
export function determinismProblems(sources: readonly Source[]): string[] {
  const problems: string[] = [];
  for (const source of sources) {
    if (!FOLDERS.has(source.folder) || source.isTest) continue;
    const declared = declaredNamesOf(source);
    walk(source, (node) => {
      const complaint = complaintAbout(node, declared);
      if (complaint !== undefined) {
        problems.push(`${source.path}:${lineOf(source, node)} ${complaint}`);
      }
    });
  }
  return problems;
}

function complaintAbout(node: ts.Node, declared: ReadonlySet<string>): string | undefined {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async: protocols answer through an outbox';
  if (ts.isAwaitExpression(node)) return 'await: nothing below floor 7 waits';
  if (ts.isPropertyAccessExpression(node)) {
    const member = node.name.text;
    if (ts.isIdentifier(node.expression) && node.expression.text === 'Math') {
      return member === 'random' ? 'Math.random: draw from Chance' : undefined;
    }
    const advice = Object.hasOwn(MEMBERS, member) ? MEMBERS[member] : undefined;
    return advice === undefined ? undefined : `${member}: ${advice}`;
  }
  if (!ts.isIdentifier(node) || declared.has(node.text) || isOnlyAName(node)) return undefined;
  const advice = Object.hasOwn(GLOBALS, node.text) ? GLOBALS[node.text] : undefined;
  return advice === undefined ? undefined : `${node.text}: ${advice}`;
}

/** True where an identifier names a member and refers to nothing. */
function isOnlyAName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  const isMember =
    ts.isPropertyAssignment(parent) ||
    ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isGetAccessorDeclaration(parent) ||
    ts.isSetAccessorDeclaration(parent);
  return isMember && parent.name === node;
}

/** Names that the file declares itself, anywhere. */
function declaredNamesOf(source: Source): Set<string> {
  const names = new Set<string>();
  walk(source, (node) => {
    const isDeclaration =
      ts.isVariableDeclaration(node) ||
      ts.isParameter(node) ||
      ts.isBindingElement(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node) ||
      ts.isImportSpecifier(node) ||
      ts.isImportClause(node);
    if (isDeclaration && node.name !== undefined && ts.isIdentifier(node.name)) {
      names.add(node.name.text);
    }
  });
  return names;
}
