/**
 * Placement constraints such as `node.labels.rack==a` (swarmkit `manager/constraint`).
 *
 * Values are compared without regard to case; a label's name with. A key that nobody knows never
 * matches. An absent label is the empty text.
 */
import { parseIpv4Address, parsePrefix, prefixContains } from '../../wire/addresses.ts';
import { type Node, NodeRole } from '../objects/node.ts';

const KEY = /^[a-z_][a-z0-9\-_.]+$/i;
const VALUE = /^[a-z0-9:\-_\s.*()?+[\]\\^$|/]+$/i;
const NODE_LABEL = 'node.labels.';
const ENGINE_LABEL = 'engine.labels.';

/** A parsed constraint. */
export interface Constraint {
  readonly key: string;
  /** True for `==`, false for `!=`. */
  readonly isEquality: boolean;
  readonly value: string;
}

/** The constraint, or swarmkit's error text. */
export function parseConstraint(expression: string): Constraint | string {
  for (const operator of ['==', '!=']) {
    const at = expression.indexOf(operator);
    if (at < 0) continue;
    const key = expression.slice(0, at).trim();
    const value = expression.slice(at + 2).trim();
    if (!KEY.test(key)) return `key '${key}' is invalid`;
    if (!VALUE.test(value)) return `value '${value}' is invalid`;
    return { key, isEquality: operator === '==', value };
  }
  return 'constraint expected one operator from ==, !=';
}

/** True when the node satisfies all constraints; expressions that do not parse never match. */
export function nodeMatches(expressions: readonly string[] | undefined, node: Node): boolean {
  for (const expression of expressions ?? []) {
    const constraint = parseConstraint(expression);
    if (typeof constraint === 'string' || !matchesOne(constraint, node)) return false;
  }
  return true;
}

function matchesOne(constraint: Constraint, node: Node): boolean {
  const { key } = constraint;
  if (key.toLowerCase() === 'node.ip') return matchesAddress(constraint, node.status.address);
  const actual = attributeOf(key, node);
  if (actual === undefined) return false;
  return (actual.toLowerCase() === constraint.value.toLowerCase()) === constraint.isEquality;
}

function attributeOf(key: string, node: Node): string | undefined {
  const lower = key.toLowerCase();
  switch (lower) {
    case 'node.id':
      return node.id;
    case 'node.hostname':
      return node.description?.hostname ?? '';
    case 'node.role':
      return node.role === NodeRole.manager ? 'MANAGER' : 'WORKER';
    case 'node.platform.os':
      return node.description?.platform.os ?? '';
    case 'node.platform.arch':
      return node.description?.platform.architecture ?? '';
  }
  if (lower.startsWith(NODE_LABEL)) return node.spec.labels[key.slice(NODE_LABEL.length)] ?? '';
  if (lower.startsWith(ENGINE_LABEL)) {
    return node.description?.engineLabels[key.slice(ENGINE_LABEL.length)] ?? '';
  }
  return undefined;
}

function matchesAddress(constraint: Constraint, text: string): boolean {
  const address = parseIpv4Address(text);
  const single = parseIpv4Address(constraint.value);
  if (single !== undefined) return (single === address) === constraint.isEquality;
  const prefix = parsePrefix(constraint.value);
  if (prefix === undefined) return false;
  const isInside = address !== undefined && prefixContains(prefix, address);
  return isInside === constraint.isEquality;
}
