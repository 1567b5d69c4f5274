/**
 * Replies of a live diagnostic server (moby v24.0.9), byte for byte.
 */
import { expect, test } from 'vitest';
import { goJson } from './go-json.ts';

test('what HTML could take for its own is escaped', () => {
  const usage = '/gettable?tname=table_name&nid=network_id';
  expect(goJson({ message: 'missing parameter', details: { usage } })).toBe(
    '{"message":"missing parameter","details":{"usage":"/gettable?tname=table_name\\u0026nid=network_id"}}',
  );
  expect(goJson('<a>\u2028')).toBe('"\\u003ca\\u003e\\u2028"');
});

test('a value is escaped as JSON has it, and nothing as null', () => {
  const error =
    'entry in table tt network id net1 and key k1 deleted and pending garbage collection';
  expect(goJson({ message: 'FAIL', details: { error } })).toBe(
    `{"message":"FAIL","details":{"error":"${error}"}}`,
  );
  expect(goJson({ message: 'OK', details: null })).toBe('{"message":"OK","details":null}');
});
