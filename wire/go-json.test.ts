/**
 * Written as replies of a live diagnostic server (moby v24.0.9), byte for byte.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeGoJson, goJson, objectField, textField } from './go-json.ts';

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

test('an object comes in by its keys in any case, and anything else as what Go says of it', () => {
  const object = decodeGoJson('{"interfacename": {"SRCNAME": "x"}, "Gateway": 7}');
  expect(
    typeof object === 'object' && textField(objectField(object, 'InterfaceName')!, 'SrcName'),
  ).toBe('x');
  expect(typeof object === 'object' && textField(object, 'Gateway')).toBe('');
  expect(decodeGoJson('')).toBe('EOF');
  expect(decodeGoJson('{"a":')).toBe('unexpected EOF');
  expect(decodeGoJson('what?')).toBe("invalid character 'w' looking for beginning of value");
  expect(decodeGoJson('[]')).toBe('json: cannot unmarshal array into Go value');
});

test('whatever comes in, nothing is thrown', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const value = decodeGoJson(text);
      if (typeof value !== 'string') textField(value, 'Err');
    }),
  );
});
