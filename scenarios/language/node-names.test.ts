/**
 * Selectors and the nodes that they name.
 */
import { expect, test } from 'vitest';
import { nodeNamesOf, selectNodes } from './node-names.ts';

const NODES = nodeNamesOf({
  managers: 2,
  workers: 3,
  racks: { 'rack-a': ['manager-1', 'worker-3', 'worker-1'], rest: ['manager-2', 'worker-*'] },
});

test('managers come first', () => {
  const names = ['manager-1', 'manager-2', 'worker-1', 'worker-2', 'worker-3'];
  expect(NODES.names).toEqual(names);
});

test.each([
  ['worker-2', [3]],
  ['all', [0, 1, 2, 3, 4]],
  ['managers', [0, 1]],
  ['workers', [2, 3, 4]],
  ['worker-*', [2, 3, 4]],
  ['*-1', [0, 2]],
  ['rack-a', [0, 2, 4]],
  ['rest', [1, 2, 3, 4]],
  ['worker-9', undefined],
  ['db-*', undefined],
  ['worker.1', undefined],
  ['toString', undefined],
])('%s', (selector, indexes) => {
  expect(selectNodes(NODES, selector)).toEqual(indexes);
});
