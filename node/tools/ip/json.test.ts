/**
 * Texts of iproute2 6.1 (Debian 12) as JSON, against what its `-j` printed in the same namespace.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  briefJson,
  fdbJson,
  linksJson,
  neighboursJson,
  portsJson,
  routesJson,
  rulesJson,
} from './json.ts';
import { type Json, jsonDocument } from './json-writer.ts';

interface Sample {
  readonly command: string;
  readonly text: string;
  readonly json: Json;
}

const SAMPLES = JSON.parse(
  readFileSync(new URL('testdata/iproute2-json.json', import.meta.url), 'utf8'),
) as Sample[];

const READERS: readonly (readonly [RegExp, (text: string) => Json])[] = [
  [/^ip -br addr/, (text) => briefJson(text, true)],
  [/^ip -br link/, (text) => briefJson(text, false)],
  [/^ip addr/, (text) => linksJson(text, true)],
  [/^ip .*link/, (text) => linksJson(text, false)],
  [/^ip .*route/, routesJson],
  [/^ip .*rule/, rulesJson],
  [/^ip neigh/, neighboursJson],
  [/^bridge fdb/, fdbJson],
  [/^bridge link/, portsJson],
];

test.each(SAMPLES)('$command', ({ command, text, json }) => {
  const [, read] = READERS.find(([pattern]) => pattern.test(command))!;
  // the order of the fields counts too
  expect(JSON.stringify(read(text), null, 1)).toBe(JSON.stringify(json, null, 1));
});

test('pretty as iproute2 is', () => {
  const value = [
    {
      ifname: 'lo',
      flags: ['UP'],
      addr_info: [{ local: '::1' }, { local: '::2' }],
      stats: { rx: 0 },
    },
  ];
  expect(jsonDocument(value, true)).toBe(
    `[ {
        "ifname": "lo",
        "flags": [ "UP" ],
        "addr_info": [ {
                "local": "::1"
            },{
                "local": "::2"
            } ],
        "stats": {
            "rx": 0
        }
    } ]
`,
  );
  expect(jsonDocument([], true)).toBe('[ ]\n');
});
